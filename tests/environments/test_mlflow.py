"""Exports in MLflow's form, loaded and served by MLflow itself.

MODELSTUDIO_TEST_MLFLOW_ENV names an interpreter of an environment that has MLflow and what the
exports need; else that environment is made below the temporary directory, from the requirements of
the exports themselves.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from environments.mlflow_server import alone, asked, no_number, refusal, serving
from forecasting_data import STORES, run_trainer, stores
from modelstudio.exporting.directory import export
from modelstudio.exporting.native import Exportable
from modelstudio.inference.interpreter import Interpreter
from modelstudio.inference.package import unpack
from modelstudio.inference.process import load
from modelstudio.trainers.tabular.gradient_ensemble.specification import CLASSIFICATION
from modelstudio.worker.package import pack
from trained import train_on
from trainers.conftest import Recorder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelstudio.trainers.base import TrainedModel

pytestmark = pytest.mark.environments

PREDICT = """
import sys
import mlflow, pandas as pd
model = mlflow.pyfunc.load_model(sys.argv[1])
model.predict(pd.read_parquet(sys.argv[2])).to_parquet(sys.argv[3])
assert model.metadata.signature.inputs.input_names()
model.predict(model.metadata.load_input_example(sys.argv[1]))
"""
EXAMPLE = "model.predict(model.metadata.load_input_example(sys.argv[1]))\n"


@dataclass(frozen=True)
class Exported:
    """An export, and frames with what its predictor answers to them here."""

    directory: Path
    predictor: Any
    frames: dict[str, pd.DataFrame]


def exported(model: TrainedModel, model_dir: Path, to: Path) -> Path:
    package = model_dir.with_suffix(".zip")
    pack(model_dir, package)
    version = Exportable(
        version_rid="ri.models.main.model-version.00000000-0000-0000-0000-000000000001",
        model_rid="ri.models.main.model.00000000-0000-0000-0000-000000000001",
        branch="master",
        created="2026-01-31T12:00:00.000+00:00",
        experiment_rid=None,
        model_api=model.model_api,
        predictor=model.predictor,
        trainer={"id": "ri.models..trainer.tests", "version": "1"},
        data=[],
        unpack=lambda target: unpack(package, target),
    )
    interpreter = Interpreter(to.parent / "source")
    export(version, model.requirements, interpreter, to, "mlflow", replace=False)
    return to


@pytest.fixture(scope="session")
def houses() -> pd.DataFrame:
    random = np.random.default_rng(1)
    hours = pd.to_timedelta(random.integers(0, 2000, 400), unit="h")
    frame = pd.DataFrame(
        {
            "size": random.normal(50, 10, 400),
            "colour": random.choice(["red", "green", "blue"], 400),
            "sold": random.random(400) < 0.5,
            "rooms": np.where(random.random(400) < 0.1, np.nan, random.integers(1, 9, 400)),
            "seen": pd.Timestamp("2024-01-01") + hours,
        }
    )
    frame["price"] = frame["size"] + 5 * frame["rooms"].fillna(0) + frame["seen"].dt.hour
    frame["price"] += 9 * frame["sold"] + 4 * (frame["colour"] == "red")
    return frame


@pytest.fixture(scope="session")
def tabular(houses: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    training = houses.astype({"rooms": "Int64"})
    trained = train_on(training, "price", tmp_path_factory.mktemp("tabular"))
    to = exported(trained.model, trained.directory, trained.directory.parent / "export")
    return Exported(to, trained.predictor(), {"rows": houses.drop(columns="price")})


@pytest.fixture(scope="session")
def ensemble(houses: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    training = houses.astype({"rooms": "Int64"}).assign(price=houses["price"] > 60)
    trained = train_on(
        training,
        "price",
        tmp_path_factory.mktemp("ensemble"),
        trainer=CLASSIFICATION,
        config={"time_limit": 10, "predict_probabilities": True},
    )
    to = exported(trained.model, trained.directory, trained.directory.parent / "export")
    return Exported(to, trained.predictor(), {"rows": houses.drop(columns="price")})


@pytest.fixture(scope="session")
def forecasting(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    folder = tmp_path_factory.mktemp("forecasting")
    frame = stores()
    history = frame[frame["day"] < "2024-04-24"]
    mapping = {**STORES, "known_covariates": ["promotion"]}
    run = run_trainer(folder / "run", Recorder(), history, mapping)
    later = frame[frame["day"] >= "2024-04-24"].assign(sales=np.nan, visitors=np.nan)
    to = exported(run.model, run.folder, folder / "export")
    predictor = load(run.model.predictor, run.folder)
    return Exported(to, predictor, {"later": later, "nothing": later.iloc[:0]})


@pytest.fixture(scope="session")
def python(tabular: Exported, ensemble: Exported, forecasting: Exported) -> Path:
    given = os.environ.get("MODELSTUDIO_TEST_MLFLOW_ENV")
    if given:
        return Path(given)
    folder = Path(tempfile.gettempdir()) / "modelstudio-mlflow"
    made = folder / "bin" / "python"
    if not made.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    needed = [one.directory for one in (tabular, ensemble, forecasting)]
    files = [word for one in needed for word in ("-r", str(one / "requirements.txt"))]
    subprocess.run([str(made), "-m", "pip", "install", "--quiet", *files], check=True)
    return made


@pytest.mark.parametrize("kind", ["tabular", "ensemble", "forecasting"])
def test_its_loader_predicts_as_we_do(
    kind: str, python: Path, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    model: Exported = request.getfixturevalue(kind)
    script = PREDICT.replace(EXAMPLE, "") if kind == "forecasting" else PREDICT
    for name, frame in model.frames.items():
        rows, answers = tmp_path / f"{name}.parquet", tmp_path / f"{name}.answers.parquet"
        frame.to_parquet(rows)
        done = subprocess.run(
            [str(python), "-c", script, str(model.directory), str(rows), str(answers)],
            cwd=tmp_path,
            env=alone(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        found = pd.read_parquet(answers)
        expected = model.predictor.predict(frame)
        pd.testing.assert_frame_equal(
            found.reset_index(drop=True), expected.reset_index(drop=True), check_exact=True
        )
        assert len(found) > 0


@pytest.fixture(scope="module")
def server(
    python: Path, tabular: Exported, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    with serving(python, tabular.directory, tmp_path_factory.mktemp("tabular") / "log") as url:
        yield url


def forms(records: list[dict[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Yield the same rows, as complete ones, in each form of JSON that the server takes."""
    names = list(records[0])
    data = [[row[name] for name in names] for row in records]
    yield "dataframe_records", records
    yield "dataframe_split", {"columns": names, "data": data}
    yield "instances", records
    yield "inputs", records
    yield "inputs", {name: [row[name] for row in records] for name in names}


def test_its_scoring_server_answers_as_we_do(server: str, tabular: Exported) -> None:
    frame = tabular.frames["rows"].head(20)
    expected = tabular.predictor.predict(frame)["price"].tolist()
    records = json.loads(frame.to_json(orient="records", date_format="iso", double_precision=15))
    assert records[0]["seen"].endswith(".000")
    for form, table in forms(records):
        found = [row["price"] for row in asked(server, json.dumps({form: table}).encode())]
        assert found == pytest.approx(expected, rel=1e-12), form
    example = (tabular.directory / "serving_input_example.json").read_bytes()
    assert len(asked(server, example)) == 1
    found = asked(server, frame.to_csv(index=False).encode(), "text/csv")
    assert [row["price"] for row in found] == expected


def answer_here(model: Exported, row: dict[str, Any]) -> float:
    """Return what our predictor says of a row of typed values, None for missing ones."""
    types = {"size": "float64", "sold": object, "rooms": "float64", "seen": "datetime64[us]"}
    frame = pd.DataFrame([row], dtype=object).astype(types)
    return float(model.predictor.predict(frame)["price"].iloc[0])


def test_classes_and_probabilities_are_served(
    python: Path, ensemble: Exported, tmp_path: Path
) -> None:
    frame = ensemble.frames["rows"].head(20)
    expected = ensemble.predictor.predict(frame).to_dict(orient="records")
    assert {type(one["price"]) for one in expected} == {bool}
    records = json.loads(frame.to_json(orient="records", date_format="iso", double_precision=15))
    with serving(python, ensemble.directory, tmp_path / "log") as url:
        found = asked(url, json.dumps({"dataframe_records": records}).encode())
        assert found == [pytest.approx(one, rel=1e-12) for one in expected]
        alone = asked(url, json.dumps({"instances": [records[3]]}).encode())
        assert alone == [pytest.approx(expected[3], rel=1e-12)]


def test_forecasts_are_served_from_what_is_given_and_from_what_was_learned(
    python: Path, forecasting: Exported, tmp_path: Path
) -> None:
    def told(frame: pd.DataFrame) -> list[Any]:
        answer = forecasting.predictor.predict(frame)
        days = pd.to_datetime(answer["day"]).dt.strftime("%Y-%m-%dT00:00:00")
        return answer.assign(day=days).to_dict(orient="records")

    with serving(python, forecasting.directory, tmp_path / "log") as url:
        later = forecasting.frames["later"]
        split = json.loads(later.to_json(orient="split", date_format="iso", index=False))
        assert split["data"][0][split["columns"].index("sales")] is None
        for frame, table in ((later, split), (later.iloc[:0], {**split, "data": []})):
            found = asked(url, json.dumps({"dataframe_split": table}).encode())
            assert found == told(frame)
        assert "'day'" in refusal(url, {"dataframe_records": [{"sales": 1.0}]})
        day = split["columns"].index("day")
        split["data"][1][day] = "soon"
        assert "not an ISO time: 'soon'" in refusal(url, {"dataframe_split": split})


ROW = {"size": 50.5, "colour": "red", "sold": True, "rooms": 3, "seen": "2024-02-01T15:00:00"}


@pytest.mark.parametrize(
    ("column", "sent", "means"),
    [
        ("sold", None, None),
        ("sold", "false", False),
        ("sold", 0, False),
        ("sold", "Yes", True),
        ("rooms", 1.9, 1.9),
        ("rooms", 3.0, 3),
        ("rooms", "4", 4),
        ("rooms", None, None),
        ("size", "51.5", 51.5),
        ("size", None, None),
        ("size", "NaN", None),
        ("colour", None, None),
        ("colour", "None", "None"),
        ("seen", "2024-02-01T15:00:00Z", "2024-02-01T15:00:00"),
        ("seen", "2024-02-01T15:00:00.000Z", "2024-02-01T15:00:00"),
        ("seen", "2024-02-01T15:00:00+02:00", "2024-02-01T13:00:00"),
        ("seen", "2024-02-01", "2024-02-01T00:00:00"),
        ("seen", None, None),
    ],
)
def test_a_value_means_there_what_it_means_here(
    server: str, tabular: Exported, column: str, sent: Any, means: Any
) -> None:
    expected = answer_here(tabular, {**ROW, column: means})
    other = answer_here(tabular, ROW)
    for form, table in forms([{**ROW, column: sent}]):
        assert asked(server, json.dumps({form: table}).encode()) == [{"price": expected}], form
    # Beside another row, which makes MLflow and pandas convert the column together.
    for form, table in forms([ROW, {**ROW, column: sent}]):
        found = asked(server, json.dumps({form: table}).encode())
        assert found == [{"price": other}, {"price": expected}], form


@pytest.mark.parametrize(
    ("column", "sent", "message"),
    [
        ("seen", 1706799600000, "Column 'seen' has the number 1706799600000, which is not an ISO"),
        ("seen", "soon", "Column 'seen' has a value that is not an ISO time: 'soon'"),
        ("size", "wide", "Column 'size' has a value that is not a number: 'wide'"),
        ("sold", 2, "Column 'sold' has a value that is neither true nor false: 2"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(
    server: str, column: str, sent: Any, message: str
) -> None:
    for form, table in forms([{**ROW, column: sent}]):
        assert message in refusal(server, {form: table}), form


def test_a_column_that_is_needed_and_not_there_is_named(server: str) -> None:
    row = {name: value for name, value in ROW.items() if name != "size"}
    assert "'size'" in refusal(server, {"dataframe_records": [row]})


def test_whole_numbers_that_became_floats_on_the_way_are_refused(server: str) -> None:
    row, other = {**ROW, "rooms": 2**53 + 1}, {**ROW, "rooms": None}
    assert len(asked(server, json.dumps({"dataframe_records": [row]}).encode())) == 1
    assert "2^53 or more" in refusal(server, {"dataframe_records": [row, other]})


def test_columns_of_text_alone_come_as_rows(server: str) -> None:
    texts = {**ROW, "size": "50.5", "sold": "true", "rooms": "3"}
    columns = {name: [value, value] for name, value in texts.items()}
    (expected,) = asked(server, json.dumps({"inputs": [ROW]}).encode())
    assert asked(server, json.dumps({"inputs": columns}).encode()) == [expected, expected]


def test_a_csv_table_keeps_what_is_written(server: str, tabular: Exported) -> None:
    lines = "size,colour,sold,rooms,seen\n50.5,red,TRUE,,2024-02-01T15:00:00Z\n"
    expected = answer_here(tabular, {**ROW, "rooms": None})
    assert asked(server, lines.encode(), "text/csv") == [{"price": expected}]
    header = b"size,colour,sold,rooms,seen\n"
    assert asked(server, header, "text/csv") == []


NOTHING = """
import sys, json
import numpy as np, pandas as pd
sys.path.insert(0, sys.argv[1] + "/code")
import modelstudio_export
frame = pd.DataFrame({
    "a": [1.5, np.nan, np.inf], "b": pd.to_datetime(["2024-01-01", None, None]),
    "c": pd.array([1, None, 3], dtype="Int64"), "d": ["x", None, float("nan")],
    "e": [[1.0, -np.inf], {"f": np.nan}, None], "g": pd.array([True, None, False], dtype="boolean"),
})
from mlflow.pyfunc.scoring_server import predictions_to_json
predictions_to_json(modelstudio_export._sayable(frame), sys.stdout)
"""


def test_an_answer_without_a_number_is_null(
    python: Path, tabular: Exported, tmp_path: Path
) -> None:
    done = subprocess.run(
        [str(python), "-c", NOTHING, str(tabular.directory)],
        cwd=tmp_path,
        env=alone(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout, parse_constant=no_number)["predictions"] == [
        {"a": 1.5, "b": "2024-01-01T00:00:00", "c": 1, "d": "x", "e": [1.0, None], "g": True},
        {"a": None, "b": None, "c": None, "d": None, "e": {"f": None}, "g": None},
        {"a": None, "b": None, "c": 3, "d": None, "e": None, "g": False},
    ]
