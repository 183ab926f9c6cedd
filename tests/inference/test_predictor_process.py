"""A predictor in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import psutil
import pyarrow as pa
import pytest

from modelstudio.inference.client import (
    Predictable,
    PredictionError,
    PredictorDiedError,
    PredictorProcess,
)
from modelstudio.inference.interpreter import Interpreter
from published import columns, model_api
from support import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

API = model_api(
    columns(rooms="long", area="double", street="string?", at="timestamp?"),
    columns(total="double", shown="string"),
)


@pytest.fixture(autouse=True)
def _predictors_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))


@contextmanager
def process(
    name: str, model_dir: Path, log: IO[bytes] | None = None, **limits: Any
) -> Iterator[PredictorProcess]:
    interpreter = Interpreter(model_dir / "source")
    what = Predictable(model_dir, f"inference_predictors:{name}", API, interpreter, **limits)
    with PredictorProcess.start(what, log or sys.stderr.buffer) as started:
        yield started


def table(**values: list[Any]) -> bytes:
    sink = pa.BufferOutputStream()
    made = pa.table(values)
    with pa.ipc.new_stream(sink, made.schema) as writer:
        writer.write_table(made)
    return bytes(sink.getvalue())


def answered(answer: bytes) -> dict[str, list[Any]]:
    with pa.ipc.open_stream(answer) as stream:
        return dict(stream.read_all().to_pydict())


def test_tables_and_rows_are_answered_one_after_the_other(tmp_path: Path) -> None:
    with process("Echo", tmp_path) as echo:
        assert (echo.row_wise, echo.predicts_rows) == (True, False)
        found = answered(echo.predict(table(rooms=[3, None], area=[0.5, None], street=["x", None])))
        assert found == {"total": [3.5, None], "shown": ["3.0|0.5|x", "||"]}
        assert echo.predict_row({"rooms": 3, "at": "2024-01-31T12:00:00+02:00"}) == {
            "total": 3.0,
            "shown": "3|2024-01-31 10:00:00",
        }
        assert answered(echo.predict(table(rooms=[1])))["total"] == [1.0]


def test_a_fast_way_for_rows_is_taken(tmp_path: Path) -> None:
    with process("Quick", tmp_path) as quick:
        assert quick.predicts_rows
        assert quick.predict_row({"rooms": 3, "area": 1.5, "street": "x"}) == {"total": 4.5}


def told(process: Any) -> list[str]:
    """Return the notes, but for that on the columns that these tables do without."""
    return [note for note in process.notes if not note.startswith("Absent, so that")]


def test_what_is_worth_knowing_of_an_answer_comes_with_it(tmp_path: Path) -> None:
    with process("Noting", tmp_path) as noting:
        noting.predict(table(rooms=[3, 4]))
        assert told(noting) == ["2 rows were asked for", "nothing was looked up"]
        noting.predict_row({"rooms": 1})
        assert told(noting) == ["1 rows were asked for", "nothing was looked up"]
        list(noting.predict_all([table(rooms=[1]), table(rooms=[1, 2]), table(rooms=[3])]))
        assert told(noting) == ["4 rows were asked for", "nothing was looked up"]
        noting.predict(table(rooms=["4", "four", None], street=["x", "y", "z"]))
        assert told(noting)[0] == (
            "Column 'rooms': 1 of 3 values are not a number and count as missing, such as 'four'"
        )
    with process("Echo", tmp_path) as echo:
        echo.predict(table(rooms=[3]))
        assert told(echo) == []
        assert "'street'" in echo.notes[0]


def test_whole_numbers_beyond_floats_arrive_exact_beside_missing_ones(tmp_path: Path) -> None:
    large = 2**53 + 1
    with process("Echo", tmp_path) as echo:
        found = answered(echo.predict(table(rooms=[large, None, large + 1])))
        assert found["shown"] == [str(large), "", str(large + 1)]
        assert echo.predict_row({"rooms": large})["shown"] == str(large)
        assert echo.predict_row({"rooms": str(large)})["shown"] == str(large)


def test_no_rows_are_answered_with_no_rows_of_the_right_columns(tmp_path: Path) -> None:
    with process("Broken", tmp_path) as broken:
        assert answered(broken.predict(table(rooms=[], area=[]))) == {"total": [], "shown": []}


def test_values_within_values_of_a_row_become_plain(tmp_path: Path) -> None:
    with process("Talking", tmp_path) as talking:
        inner = {"role": "user", "at": "2024-01-31T00:00:00", "scores": [None, 0.5], "ids": [1, 2]}
        assert talking.predict_row({"rooms": 1}) == {"shown": [inner, [1, None]]}


def test_what_the_predictor_has_started_ends_with_it(tmp_path: Path) -> None:
    with process("Spawning", tmp_path):
        child = psutil.Process(int((tmp_path / "pid").read_text()))
        assert child.is_running()
    wait_for(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, seconds=20)


def test_an_interpreter_that_is_gone_is_named(tmp_path: Path) -> None:
    interpreter = Interpreter(tmp_path / "source", str(tmp_path / "python"), "llm")
    what = Predictable(tmp_path, "inference_predictors:Echo", API, interpreter)
    with pytest.raises(PredictionError, match=r"python cannot be started: No such file"):
        PredictorProcess.start(what, sys.stderr.buffer)


def test_a_stream_of_tables_is_answered_in_order(tmp_path: Path) -> None:
    with process("Echo", tmp_path) as echo:
        answers = echo.predict_all(table(rooms=[number] * 5000) for number in range(40))
        totals = [answered(answer)["total"] for answer in answers]
    assert totals == [[float(number)] * 5000 for number in range(40)]


def test_a_fault_in_the_stream_reaches_whoever_reads_the_answers(tmp_path: Path) -> None:
    def tables() -> Iterator[bytes]:
        yield table(rooms=[1])
        raise LookupError("no more")

    with process("Echo", tmp_path) as echo:
        answers = echo.predict_all(tables())
        assert answered(next(answers))["total"] == [1.0]
        with pytest.raises(LookupError, match="no more"):
            next(answers)


def test_a_reader_that_stops_early_leaves_nothing_running(tmp_path: Path) -> None:
    with process("Echo", tmp_path) as echo:
        answers = echo.predict_all(table(rooms=[1] * 100_000) for _ in range(1000))
        next(answers)
        answers.close()
        with pytest.raises(PredictorDiedError):
            echo.predict(table(rooms=[1]))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Refusing", "Column 'rooms' has a value that is not a number."),
        ("Broken", "The predictor failed: RuntimeError: the weights."),
        ("Greedy", "The predictor failed: it needs more memory than it may use."),
    ],
)
def test_a_predictor_that_fails_says_why_and_goes_on(
    tmp_path: Path, name: str, message: str
) -> None:
    with process(name, tmp_path, memory_bytes=10**9) as failing:
        for _ in range(2):
            with pytest.raises(PredictionError) as raised:
                failing.predict(table(rooms=[1]))
            assert str(raised.value) == message
            assert not isinstance(raised.value, PredictorDiedError)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text('{"needs": ["area", "secret"]}')
    with process("Echo", tmp_path) as echo:
        with pytest.raises(PredictionError, match="'area' is missing") as raised:
            echo.predict_row({"rooms": 1})
        assert raised.value.missing_column == "area"
        # A KeyError about anything but an input is a fault of the predictor.
        with pytest.raises(PredictionError, match="failed: KeyError: 'secret'") as raised:
            echo.predict(table(area=[1.0]))
        assert raised.value.missing_column is None


def test_a_moment_that_is_none_is_refused(tmp_path: Path) -> None:
    with (
        process("Echo", tmp_path) as echo,
        pytest.raises(PredictionError, match=r"^Column 'at' has a value that is not an ISO time"),
    ):
        echo.predict_row({"at": "tomorrow"})


def test_a_model_that_cannot_be_loaded_says_why(tmp_path: Path) -> None:
    for name, message in (
        ("Unloadable", "manifest.json has an unknown format version."),
        ("Absent", "The model cannot be loaded: AttributeError: "),
    ):
        with pytest.raises(PredictionError) as raised, process(name, tmp_path):
            pass
        assert str(raised.value).startswith(message)


def test_a_process_that_dies_or_hangs_is_told_apart(tmp_path: Path) -> None:
    with (
        process("Killed", tmp_path) as killed,
        pytest.raises(PredictorDiedError, match="most likely because the machine ran out of"),
    ):
        killed.predict(table(rooms=[1]))
    started = time.monotonic()
    with (
        process("Slow", tmp_path) as slow,
        pytest.raises(PredictorDiedError, match=r"^The predictor took too long\.$"),
    ):
        slow.predict(table(rooms=[1]), timeout_seconds=0.3)
    assert time.monotonic() - started < 30


_ASKER = """
import sys, time
from pathlib import Path
from modelstudio.inference.client import Predictable, PredictorProcess
from modelstudio.inference.interpreter import Interpreter
heavy = {"numpy", "pandas", "pyarrow"} & set(sys.modules)
assert not heavy, heavy
here = Path(sys.argv[1])
api = {"inputs": [], "outputs": []}
what = Predictable(here, "inference_predictors:Echo", api, Interpreter(here / "source"))
process = PredictorProcess.start(what, sys.stderr.buffer)
print(process.pid, flush=True)
time.sleep(60)
"""


def test_it_ends_with_whoever_started_it_who_needs_no_heavy_library(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _ASKER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as asker:
        assert asker.stdout is not None
        line = asker.stdout.readline()
        asker.kill()
    wait_for(lambda: not psutil.pid_exists(int(line)), seconds=20)


def test_settings_and_their_secrets_stay_outside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELSTUDIO_DATABASE_URL", "postgresql://secret@host/name")
    monkeypatch.setenv("PGPASSWORD", "secret")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    variables = Interpreter(tmp_path).variables()
    assert not [name for name in variables if name.startswith("MODELSTUDIO_")]
    assert "PGPASSWORD" not in variables
    assert variables["CUDA_VISIBLE_DEVICES"] == "1"
