"""Tiny predictors that do one thing each; loaded by the predictor's process under test."""

# Each has the signature of the protocol, whether it needs the arguments or not.
# ruff: noqa: ARG002, ARG003

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd


class Echo:
    """Says of each value how it arrived, and adds the numbers up."""

    row_wise: ClassVar[bool] = True

    def __init__(self, settings):
        self.settings = settings

    @classmethod
    def load(cls, model_dir: Path):
        print("loading", model_dir)  # noqa: T201 - must not get between the answers
        file = model_dir / "settings.json"
        return cls(json.loads(file.read_text()) if file.exists() else {})

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        import pandas as pd

        for name in self.settings.get("needs", []):
            if name not in frame:
                raise KeyError(name)
        numbers = frame.select_dtypes("number").sum(axis=1, min_count=1).astype("float64")
        shown = [
            "|".join("" if pd.isna(value) else str(value) for value in row)
            for row in frame.itertuples(index=False, name=None)
        ]
        return pd.DataFrame({"total": numbers, "shown": pd.Series(shown, dtype=object)})


class Quick(Echo):
    """Also answers single rows."""

    def predict_row(self, row):
        return {"total": float(sum(v for v in row.values() if isinstance(v, int | float)))}


class Noting(Echo):
    """Says of each table how many rows it has, and that it has none of its own."""

    def predict(self, frame):
        self.notes = [f"{len(frame)} rows were asked for", "nothing was looked up"]
        return super().predict(frame)


class Talking(Echo):
    """Answers with values within values, as a model that writes text does."""

    def predict_row(self, row):
        import numpy as np
        import pandas as pd

        scores = {"scores": [float("nan"), np.float32(0.5)], "ids": np.array([1, 2])}
        return {"shown": [{"role": "user", "at": pd.Timestamp("2024-01-31"), **scores}, (1, None)]}


class Spawning(Echo):
    """Has a process of its own."""

    @classmethod
    def load(cls, model_dir):
        child = subprocess.Popen(["sleep", "600"])
        (model_dir / "pid").write_text(str(child.pid))
        return cls({})


class Refusing(Echo):
    def predict(self, frame):
        raise ValueError("Column 'rooms' has a value that is not a number")


class Broken(Echo):
    def predict(self, frame):
        raise RuntimeError("the weights\nare all wrong")


class Killed(Echo):
    def predict(self, frame):
        print("something is about to happen", file=sys.stderr)  # noqa: T201
        sys.stderr.flush()
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)


class Slow(Echo):
    def predict(self, frame):
        time.sleep(600)


class Greedy(Echo):
    def predict(self, frame):
        return bytearray(8 * 10**9)


class Unloadable(Echo):
    @classmethod
    def load(cls, model_dir):
        raise ValueError("manifest.json has an unknown format version")


class Forgetful(Echo):
    """Answers too few rows."""

    def predict(self, frame):
        return super().predict(frame).iloc[1:]


class Forecast(Echo):
    """Needs the whole table; without one it goes on from where its training ended."""

    row_wise: ClassVar[bool] = False

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        import pandas as pd

        start = 100.0 if frame.empty else float(frame["total"].sum())
        at = pd.date_range("2024-01-01", periods=3, freq="D")
        return pd.DataFrame({"at": at, "total": [start, start + 1, start + 2]})
