"""The trainers that this installation offers."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

from modelstudio.trainers import plugins

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from modelstudio.trainers.base import Trainer, TrainerSpecification


class Catalogue:
    """Trainer specifications by id and version; nothing heavy is imported to list them."""

    def __init__(
        self,
        specifications: Iterable[TrainerSpecification],
        sources: Mapping[tuple[str, str], str] | None = None,
    ) -> None:
        """List specifications; ``sources`` names the entry point of those of other packages."""
        self._sources = sources or {}
        self._newest: dict[str, TrainerSpecification] = {}
        self._all: dict[tuple[str, str], TrainerSpecification] = {}
        for specification in specifications:
            self._newest[specification.trainer_id] = specification
            self._all[specification.trainer_id, specification.version] = specification

    def list(self) -> Sequence[TrainerSpecification]:
        """Newest version of each trainer, in the order they were registered."""
        return list(self._newest.values())

    def get(self, trainer_id: str, version: str | None = None) -> TrainerSpecification | None:
        """Return one trainer, its newest version unless one is named, or None."""
        if version is None:
            return self._newest.get(trainer_id)
        return self._all.get((trainer_id, version))

    def source(self, trainer_id: str, version: str) -> str | None:
        """Return the entry point that a trainer comes from, None for one of ours."""
        return self._sources.get((trainer_id, version))


def built_in() -> Catalogue:
    """Return the trainers that come with Model Studio, also those of other environments."""
    from modelstudio.trainers.autogluon_timeseries.specification import AUTOGLUON_TIMESERIES
    from modelstudio.trainers.forecasting.specification import FORECASTING
    from modelstudio.trainers.tabular.autogluon.specification import (
        CLASSIFICATION,
        REGRESSION,
    )
    from modelstudio.trainers.tabular.gradient_ensemble import specification as gradient_ensemble

    return Catalogue(
        [
            CLASSIFICATION,
            REGRESSION,
            gradient_ensemble.CLASSIFICATION,
            gradient_ensemble.REGRESSION,
            FORECASTING,
            AUTOGLUON_TIMESERIES,
        ]
    )


def installed(
    trainer_id: str, version: str, source: str | None = None
) -> TrainerSpecification | None:
    """Return a trainer that this interpreter has, from Model Studio or from another package.

    Other packages are loaded one after the other until one has it; first the one that ``source``
    names, for to load another might end this process, or never end.
    """
    own = built_in()
    if own.get(trainer_id) is not None:
        return own.get(trainer_id, version)
    for point in sorted(plugins.found(), key=lambda one: plugins.source_of(one) != source):
        for specification in plugins.load(point).specifications:
            if (specification.trainer_id, specification.version) == (trainer_id, version):
                return specification
    return None


def load(implementation: str) -> Trainer:
    """Import and build a trainer from its ``module:Class``; pulls in its libraries."""
    module_name, _, class_name = implementation.partition(":")
    return cast("Trainer", getattr(import_module(module_name), class_name)())
