"""The engines that are compared, each behind the same four calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy as np
    import pandas as pd
    from bench.training.sets import Task

    Numbers = np.ndarray[tuple[Any, ...], np.dtype[Any]]


@dataclass(frozen=True, slots=True)
class Problem:
    """One fit that an engine is asked for.

    Attributes
    ----------
    train, test
        Rows with the target. An engine may look at the test rows' target only to report on it.
    classes
        The labels, in the order in which probabilities are returned; empty for a regression.
    budget
        Seconds that the fit may take.
    scratch
        An empty folder, deleted afterwards.
    """

    task: Task
    target: str
    train: pd.DataFrame
    test: pd.DataFrame
    classes: Sequence[Any]
    budget: int
    seed: int
    scratch: Path


class Engine(Protocol):
    """An engine; what it needs is imported when it is made, so that no fit pays for it."""

    version: str

    def fit(self, problem: Problem) -> None: ...

    def predict(self, features: pd.DataFrame) -> Numbers:
        """Return a number, or the probabilities of the classes, for each row."""
        ...

    def one_row(self, features: pd.DataFrame) -> Callable[[int], object] | None:
        """Return what predicts the row at a position in the quickest way that the engine has."""
        ...

    def size_bytes(self) -> int:
        """Return the bytes that must be kept to predict."""
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """Where an engine is and how it is run.

    Attributes
    ----------
    uses_budget
        False when an engine knows no time limit; then one fit stands for every budget.
    requirements
        Of an environment of its own; none for the project's.
    """

    maker: str
    arguments: Sequence[Any] = ()
    uses_budget: bool = True
    requirements: Sequence[str] = field(default_factory=tuple)


# No pin of these brings CUDA libraries, as flaml[automl] and plain xgboost do.
_FLAML = (
    "flaml==2.7.0",
    "lightgbm==4.7.0",
    "xgboost-cpu==3.2.0",
    "catboost==1.2.10",
    "scikit-learn==1.9.1",
    "pandas==2.3.3",
    "numpy==2.4.6",
    "pyarrow==24.0.0",
)
_GLUON = "bench.training.engines.autogluon:AutogluonEngine"
_STUDIO = "bench.training.engines.studio:StudioEngine"

ENGINES = {
    "gradient_ensemble": Entry(_STUDIO, ["gradient_ensemble", {}]),
    "autogluon_trainer": Entry(_STUDIO, ["autogluon_tabular", {"presets": "medium_quality"}]),
    "autogluon_medium": Entry(_GLUON, ["medium_quality", {}]),
    # With dynamic stacking short runs raise; folds one after the other since there is one core.
    "autogluon_best": Entry(_GLUON, ["best_quality", {"dynamic_stacking": False}]),
    "flaml": Entry("bench.training.engines.flaml:FlamlEngine", requirements=_FLAML),
    "lightgbm": Entry("bench.training.engines.lightgbm:LightgbmEngine", uses_budget=False),
}
#: The engine that the others are held against.
OURS = "gradient_ensemble"
DEFAULT_ENGINES = tuple(name for name in ENGINES if name != "autogluon_trainer")


def make(name: str) -> Engine:
    entry = ENGINES[name]
    module, _, attribute = entry.maker.partition(":")
    engine: Engine = getattr(import_module(module), attribute)(*entry.arguments)
    return engine
