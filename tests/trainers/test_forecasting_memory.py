"""Tables that ask a forecasting model, as callers put them together."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from modelstudio.trainers.forecasting.assembly import Resampling, Rows, assemble
from modelstudio.trainers.forecasting.calendar import Calendar
from modelstudio.trainers.forecasting.columns import Columns
from modelstudio.trainers.forecasting.memory import Memory

COLUMNS = Columns(
    time="day", target="sales", items=("store",), known=(), past=(), static=("size",),
    types={"day": "DATE", "sales": "DOUBLE", "store": "STRING", "size": "DOUBLE"},
)  # fmt: skip
HORIZON = 2


@pytest.fixture
def memory() -> Memory:
    """Five days of one store, of the size 1."""
    rows = Rows(
        item=np.array(["a"] * 5, dtype=object),
        moment=pd.date_range("2024-01-01", periods=5).to_numpy(),
        target=np.arange(5.0),
        covariates={},
    )
    calendar, resampling = Calendar.of("D"), Resampling()
    made = assemble(rows, calendar, COLUMNS, resampling, HORIZON)
    history = replace(made.panel, static={"size": np.array([1.0])})
    package = SimpleNamespace(
        columns=COLUMNS,
        calendar=calendar,
        resampling=resampling,
        horizon=HORIZON,
        history=history,
        raw=None,
        prediction_column="prediction",
        quantile_columns=["prediction_0.5"],
    )
    return Memory(package)


def frame(store: str, *sales: float, size: float) -> pd.DataFrame:
    days = pd.date_range("2024-02-01", periods=len(sales))
    return pd.DataFrame({"day": days, "sales": sales, "store": store, "size": size})


def test_the_labels_of_a_frame_that_was_put_together_may_repeat(memory: Memory) -> None:
    asked = pd.concat([frame("b", 1, 2, 3, size=5), frame("c", 7, 8, size=6)])
    assert not asked.index.is_unique
    panel, changed = memory.panel_of(asked)
    assert panel.items == ("b", "c")
    assert changed == {"b", "c"}
    assert panel.static["size"].tolist() == [5.0, 6.0]
    assert [panel.history(number).tolist() for number in (0, 1)] == [[1, 2, 3], [7, 8]]


def test_an_answer_has_a_row_for_each_item_and_step(memory: Memory) -> None:
    panel, changed = memory.panel_of(pd.DataFrame())
    assert changed == set()
    answer = memory.answer(panel, np.array([[1.0, 2.0]]), np.array([[[0.5], [1.5]]]))
    assert answer["day"].dt.strftime("%d").tolist() == ["06", "07"]
    assert answer["store"].tolist() == ["a", "a"]
    assert answer["prediction_0.5"].tolist() == [0.5, 1.5]


def test_an_item_without_any_history_is_refused_by_name(memory: Memory) -> None:
    with pytest.raises(ValueError, match="There is no history of 'x'"):
        memory.panel_of(frame("x", float("nan"), size=1))


def test_history_that_is_no_number_is_refused_by_its_column(memory: Memory) -> None:
    asked = frame("a", 1, 2, size=1).astype({"sales": object})
    asked.loc[1, "sales"] = "about 3"
    with pytest.raises(ValueError, match="sales: 'about 3' is no finite number"):
        memory.panel_of(asked)
    asked.loc[1, "sales"] = "3.5"
    panel, _ = memory.panel_of(asked)
    assert panel.history(0)[-1] == 3.5
