"""What holds for the preparation of any table: rows agree with tables, files with memory."""

from __future__ import annotations

import datetime as dt
import string

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from modelstudio.trainers.tabular.preparation import Preparation

MOMENTS = st.datetimes(
    dt.datetime.fromisoformat("1900-01-01"), dt.datetime.fromisoformat("2200-12-31T23:59")
)
NUMBERS = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.floats(-1000, 1000),
    st.integers(-(10**20), 10**20),
)
WORDS = st.sampled_from(["red", "green", "blue", "", "?", "Straße", "名前", "1", "true", "0x1"])
SENTENCES = st.lists(st.sampled_from(["oak", "elm", "old", "tree", "of", "the"]), max_size=9)
DATE_FORMATS = (
    "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S.%f", "%Y/%m/%d %H:%M", "%d.%m.%Y",
    "%m/%d/%Y %I:%M %p", "%d/%m/%Y", "%d %b %Y", "%B %d, %Y", "%Y%m%d", "%d-%b-%y %H:%M", "%Y-%m",
    "%B %Y", "%H:%M", "%I:%M:%S %p",
)  # fmt: skip
NUMBER_FORMATS = ("{:,.2f}", "{:.1f} %", "${:.2f}", "{:.0f}", "({:.1f})", "{:e}", "-{:_.2f}")


def number_texts(text):
    return st.floats(0, 1e7).map(lambda number: text.format(number).replace("_", " "))


def european(number):
    return f"{number:_.2f}".replace(".", ",").replace("_", ".")


# By field type: what a column may hold, as the plain values that a request has.
KINDS = [
    ("DOUBLE", NUMBERS.map(float)),
    ("FLOAT", st.floats(width=32)),
    ("LONG", st.integers(-(2**60), 2**60)),
    ("LONG", st.integers(0, 5)),
    ("LONG", MOMENTS.map(lambda moment: int(moment.strftime("%Y%m%d")))),
    ("DECIMAL", st.decimals(allow_nan=False, allow_infinity=False, places=3)),
    ("BOOLEAN", st.booleans()),
    ("TIMESTAMP", MOMENTS),
    ("DATE", MOMENTS.map(dt.datetime.date)),
    ("STRING", WORDS),
    ("STRING", st.text(max_size=12)),
    ("STRING", st.text(string.ascii_letters, min_size=1, max_size=2)),
    ("STRING", st.sampled_from(["Yes", "no", "TRUE", "0"])),
    ("STRING", SENTENCES.map(" ".join)),
    ("STRING", st.floats(0, 1e7).map(european)),
    *(
        ("STRING", MOMENTS.map(lambda moment, text=text: moment.strftime(text)))
        for text in DATE_FORMATS
    ),
    *(("STRING", number_texts(text)) for text in NUMBER_FORMATS),
]
UNSEEN = st.sampled_from(
    ["never seen", "", "?", "12", "2024-02-30", "31.12.1999", "1,5", "9999-12-31", "\x00"]
)


@st.composite
def columns(draw):
    """Return a field type, values to fit on and values to predict."""
    field_type, values = draw(st.sampled_from(KINDS))
    if draw(st.booleans()):
        values = st.one_of(st.none(), values)
    size = draw(st.integers(10, 60))
    pool = draw(st.lists(values, min_size=2, max_size=size))
    random = draw(st.randoms(use_true_random=False))
    fitted = [random.choice(pool) for _ in range(size)]
    later = st.one_of(st.none(), values)
    if field_type == "STRING":
        later = st.one_of(later, UNSEEN)
    return field_type, fitted, draw(st.lists(later, min_size=5, max_size=5))


def table(columns_of_values):
    return pd.DataFrame(
        {name: pd.Series(values, dtype=object) for name, values in columns_of_values.items()}
    )


def as_read(frame, column_types):
    """Give the columns the types that they have when they are read from Parquet."""
    frame = frame.copy()
    for name, field_type in column_types.items():
        if field_type in {"DOUBLE", "FLOAT"}:
            frame[name] = frame[name].astype("float64")
        elif field_type in {"TIMESTAMP", "DATE"}:
            frame[name] = pd.to_datetime(frame[name]).astype("datetime64[us]")
        elif field_type in {"LONG", "BOOLEAN"} and frame[name].notna().all():
            frame[name] = frame[name].astype("int64" if field_type == "LONG" else bool)
    return frame


def texts_of_moments(values):
    return {
        name: value.isoformat() if isinstance(value, dt.date) else value
        for name, value in values.items()
    }


def same(left, right):
    return left.shape == right.shape and left.tobytes() == right.tobytes()


@settings(max_examples=60, deadline=None)
@given(st.lists(columns(), min_size=1, max_size=4), st.integers(0, 10))
def test_a_row_is_prepared_like_the_table_it_is_in(tmp_path_factory, made, seed):
    size = min(len(fitted) for _, fitted, _ in made)
    types = {f"c{place}": kind for place, (kind, _, _) in enumerate(made)}
    training = table({f"c{place}": fitted[:size] for place, (_, fitted, _) in enumerate(made)})
    later = table({f"c{place}": values for place, (_, _, values) in enumerate(made)})
    preparation = Preparation.fit(as_read(training, types), types, reserved=["y"], seed=seed)
    path = tmp_path_factory.mktemp("preparation") / "preparation.json"
    preparation.save(path)
    loaded = Preparation.load(path)
    assert loaded.features == preparation.features
    for frame in (training, later):
        matrix = preparation.matrix(as_read(frame, types))
        assert matrix.flags.c_contiguous
        assert matrix.dtype == np.float64
        assert not np.isinf(matrix).any()
        assert same(preparation.matrix(frame), matrix)
        assert same(loaded.matrix(frame), matrix)
        for place, values in enumerate(frame.to_dict("records")):
            assert same(preparation.row(values), matrix[place])
            assert same(loaded.row(texts_of_moments(values)), matrix[place])
            assert same(preparation.matrix(pd.DataFrame([values]))[0], matrix[place])
        order = np.random.default_rng(seed).permutation(len(frame))
        assert same(preparation.matrix(frame.iloc[order]), matrix[order])
        assert_transform_agrees(preparation, frame, matrix)
        assert_fewer_features_agree(preparation, frame, matrix, seed)


def assert_fewer_features_agree(preparation, frame, matrix, seed):
    chosen = np.random.default_rng(seed).random(len(preparation.features)) < 0.5
    names = [feature.name for feature in preparation.features]
    kept = preparation.keep([name for name, keep in zip(names, chosen, strict=True) if keep])
    expected = np.ascontiguousarray(matrix[:, chosen])
    assert same(kept.matrix(frame), expected)
    for place, values in enumerate(frame.to_dict("records")):
        assert same(kept.row(values), expected[place])


def assert_transform_agrees(preparation, frame, matrix):
    prepared = preparation.transform(frame)
    assert list(prepared) == [feature.name for feature in preparation.features]
    for place, feature in enumerate(preparation.features):
        values = prepared[feature.name]
        if feature.kind == "category":
            assert tuple(values.cat.categories) == feature.levels
            codes = values.cat.codes.to_numpy(dtype="float64")
            values = np.where(codes < 0, np.nan, codes)
        assert np.array_equal(np.asarray(values), matrix[:, place], equal_nan=True)
