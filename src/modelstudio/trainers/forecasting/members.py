"""The models that a forecast is blended from: how they are fitted, saved and asked."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, Self

import lightgbm as lgb
import numpy as np

from modelstudio.trainers.forecasting.boosting import Boosted
from modelstudio.trainers.forecasting.features import Design
from modelstudio.trainers.forecasting.linear import LinearLags
from modelstudio.trainers.forecasting.local import forecast_series

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from modelstudio.trainers.forecasting.panel import Floats, Panel


class Member(Protocol):
    """A fitted model of the blend."""

    def forecast(self, panel: Panel, horizon: int) -> Floats:
        """Return forecasts after the cuts, items by horizon; NaN where it has none."""
        ...

    def save(self, folder: Path, name: str) -> dict[str, Any]:
        """Write what it needs to a folder and return the rest as JSON values."""
        ...


@dataclass(frozen=True, slots=True)
class LocalMember:
    """A statistical model, fitted anew to each history it is given."""

    model: str
    seasons: tuple[int, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def forecast(self, panel: Panel, horizon: int) -> Floats:
        found = [
            forecast_series(
                self.model, panel.history(number), self.seasons, horizon, self.parameters
            )
            for number in range(len(panel))
        ]
        return np.array(found).reshape(len(panel), horizon)

    def save(self, _folder: Path, _name: str) -> dict[str, Any]:
        return {"kind": "local", **asdict(self)}

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> Self:
        return cls(state["model"], tuple(state["seasons"]), state["parameters"])


@dataclass(frozen=True, slots=True)
class BoostedMember:
    """A global LightGBM model."""

    boosted: Boosted

    def forecast(self, panel: Panel, horizon: int) -> Floats:
        return self.boosted.forecast(panel, horizon)

    def save(self, folder: Path, name: str) -> dict[str, Any]:
        text = self.boosted.booster.model_to_string()
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
        return {
            "kind": "boosted",
            "recursive": self.boosted.recursive,
            "rounds": self.boosted.rounds,
            "design": asdict(self.boosted.design),
        }

    @classmethod
    def load(cls, folder: Path, name: str, state: Mapping[str, Any]) -> Self:
        text = (folder / f"{name}.txt").read_text(encoding="utf-8")
        design: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in state["design"].items()
        }
        booster = lgb.Booster(model_str=text)
        return cls(Boosted(booster, Design(**design), state["recursive"], state["rounds"]))


@dataclass(frozen=True, slots=True)
class LinearMember:
    """A ridge regression on lags."""

    linear: LinearLags

    def forecast(self, panel: Panel, horizon: int) -> Floats:
        return self.linear.forecast(panel, horizon)

    def save(self, folder: Path, name: str) -> dict[str, Any]:
        self.linear.save(folder / f"{name}.npz")
        return {"kind": "linear"}

    @classmethod
    def load(cls, folder: Path, name: str) -> Self:
        return cls(LinearLags.load(folder / f"{name}.npz"))


def save_members(members: Mapping[str, Member], folder: Path) -> None:
    """Write every member to an empty folder."""
    folder.mkdir()
    states = {name: member.save(folder, name) for name, member in members.items()}
    (folder / "members.json").write_text(json.dumps(states, indent=1), encoding="utf-8")


def load_members(folder: Path) -> dict[str, Member]:
    states = json.loads((folder / "members.json").read_text(encoding="utf-8"))
    return {name: _load(folder, name, state) for name, state in states.items()}


def _load(folder: Path, name: str, state: Mapping[str, Any]) -> Member:
    if state["kind"] == "local":
        return LocalMember.load(state)
    if state["kind"] == "linear":
        return LinearMember.load(folder, name)
    return BoostedMember.load(folder, name, state)


def reach(members: Sequence[Member], local_steps: int) -> int:
    """Return how many steps of history the members need."""
    found = [1]
    for member in members:
        if isinstance(member, BoostedMember):
            found.append(member.boosted.design.reach)
        elif isinstance(member, LinearMember):
            found.append(member.linear.coefficients.shape[0])
        else:
            found.append(local_steps)
    return max(found)
