"""Decides which trainers this server offers: those that can run, found out once, when it starts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import structlog

from modelstudio.errors import ConfigurationError
from modelstudio.studios.trainer_specifications import InvalidSpecificationError, checked
from modelstudio.trainers import plugins
from modelstudio.trainers.catalogue import Catalogue, built_in
from modelstudio.trainers.environments import VARIABLE
from modelstudio.trainers.probe import Findings, InterpreterError, Offer, look_into

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modelstudio.trainers.base import TrainerSpecification
    from modelstudio.trainers.environments import TrainerEnvironments

_OWN: Final = "modelstudio"
_log = structlog.get_logger("modelstudio.trainers")


def open_catalogue(environments: TrainerEnvironments) -> Catalogue:
    """Return Model Studio's own trainers and those of other packages, as far as they can run.

    What cannot be offered is left out and the log says why. Each interpreter that has something to
    say is asked by a short process in it, all at the same time.

    Raises
    ------
    ConfigurationError
        When an interpreter of the setting is no Python that trainers can run in.
    """
    shelf = _Shelf()
    for specification in built_in().list():
        if specification.environment is None:
            shelf.put(_OWN, specification)
    for environment, findings in _look_everywhere(environments).items():
        for source, reason in findings.problems.items():
            _leave_out(source, environment, reason)
        for source, wanted in findings.elsewhere.items():
            if wanted not in environments.interpreters:
                _leave_out(source, environment, f"{VARIABLE} has no environment {wanted}")
        offered = [shelf.offer(offer, environment) for offer in findings.offers]
        if environment is not None:
            trainers = [one for one in offered if one is not None]
            _log.info("trainer environment", environment=environment, trainers=trainers)
    return Catalogue(shelf.specifications, shelf.sources)


def _look_everywhere(environments: TrainerEnvironments) -> Mapping[str | None, Findings]:
    wanted: Sequence[str | None] = [*environments.interpreters]
    if plugins.found():
        wanted = [None, *wanted]
    with ThreadPoolExecutor(max(1, len(wanted))) as pool:
        found = pool.map(lambda name: _look(environments, name), wanted)
        return dict(zip(wanted, found, strict=True))


def _look(environments: TrainerEnvironments, environment: str | None) -> Findings:
    try:
        return look_into(environments.interpreter_for(environment), environment)
    except InterpreterError as error:
        if environment is None:
            return Findings(problems={"trainers of other packages": str(error)})
        raise ConfigurationError(f"{VARIABLE}: the environment {environment}: {error}") from None


def _leave_out(source: str, environment: str | None, reason: str) -> None:
    _log.warning("trainer left out", source=source, environment=environment, reason=reason)


class _Shelf:
    """Collects specifications; an id belongs to whoever comes with it first."""

    def __init__(self) -> None:
        self.specifications: list[TrainerSpecification] = []
        self.sources: dict[tuple[str, str], str] = {}
        self._owners: dict[str, tuple[str, str | None]] = {}
        self._versions: set[tuple[str, str]] = set()

    def offer(self, offer: Offer, environment: str | None) -> str | None:
        """Take a trainer from outside; return its id, None for one that is left out."""
        try:
            specification = checked(offer.specification, environment)
            self.put(offer.source, specification)
        except InvalidSpecificationError as error:
            named = f"{offer.source} ({offer.specification.get('trainer_id')})"
            _leave_out(named, environment, str(error))
            return None
        return specification.trainer_id

    def put(self, source: str, specification: TrainerSpecification) -> None:
        """Take a specification.

        Raises
        ------
        InvalidSpecificationError
            When its id is another's or its version is there already.
        """
        trainer_id, version = specification.trainer_id, specification.version
        owner = self._owners.setdefault(trainer_id, (source, specification.environment))
        if owner != (source, specification.environment):
            where = "" if owner[1] is None else f" in the environment {owner[1]}"
            raise InvalidSpecificationError(f"the id is taken by {owner[0]}{where}")
        if (trainer_id, version) in self._versions:
            raise InvalidSpecificationError(f"its version {version} is there twice")
        self._versions.add((trainer_id, version))
        self.specifications.append(specification)
        if source != _OWN:
            self.sources[trainer_id, version] = source
