"""Finds a published model version in a data directory, and unpacks it."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from modelstudio.commands.options import CommandError
from modelstudio.experiments.series import SeriesStore
from modelstudio.experiments.service import ExperimentService
from modelstudio.experiments.store import ExperimentStore
from modelstudio.inference.interpreter import Interpreter
from modelstudio.inference.package import BadPackageError, unpack
from modelstudio.models.service import ModelService
from modelstudio.models.store import ModelStore
from modelstudio.trainers.environments import UnknownEnvironmentError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from modelstudio.app import Foundation
    from modelstudio.models.service import ModelPackage
    from modelstudio.models.store import ModelVersion

_TRAINER: Final = "trainer"
_TRAINER_VERSION: Final = "trainer_version"
_DATASET: Final = "/dataset"
_TRANSACTION: Final = "/transaction"


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """A published version with all that an export says of it.

    Attributes
    ----------
    parameters
        Those of its experiment, as text.
    metrics
        Summary metric to value.
    """

    version: ModelVersion
    package: ModelPackage
    parameters: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)

    @property
    def trainer(self) -> tuple[str, str] | None:
        """Id and version of the trainer, None when the run did not say."""
        if _TRAINER not in self.parameters:
            return None
        return self.parameters[_TRAINER], self.parameters.get(_TRAINER_VERSION, "")

    @property
    def inputs(self) -> Sequence[Mapping[str, str]]:
        """The datasets that it was trained on, and the transaction of each that was read."""
        aliases = [
            name.removesuffix(_DATASET) for name in self.parameters if name.endswith(_DATASET)
        ]
        return [
            {
                "alias": alias,
                "datasetRid": self.parameters[alias + _DATASET],
                "transactionRid": self.parameters[alias + _TRANSACTION],
            }
            for alias in aliases
            if alias + _TRANSACTION in self.parameters
        ]


def find(foundation: Foundation, version_rid: str) -> StoredVersion:
    """Return a published version.

    Raises
    ------
    CommandError
        When there is none of that RID.
    """
    models = ModelService(ModelStore(), foundation.filesystem, foundation.clock, foundation.ids)
    experiments = ExperimentService(
        ExperimentStore(), SeriesStore(), models, foundation.clock, foundation.ids
    )
    with foundation.database.read() as tx:
        version = models.published(tx, version_rid)
        package = models.package_of(tx, version_rid)
        if version is None or package is None:
            raise CommandError(f"there is no model version {version_rid}")
        if version.experiment_rid is None:
            return StoredVersion(version, package)
        contents = experiments.contents(tx, version.experiment_rid)
    return StoredVersion(
        version,
        package,
        {parameter.name: parameter.value for parameter in contents.parameters},
        contents.summary_metrics,
    )


@contextmanager
def interpreter(foundation: Foundation, stored: StoredVersion) -> Iterator[Interpreter]:
    """Find the Python that a version's predictor runs in.

    Raises
    ------
    CommandError
        When its environment is not set up here.
    """
    environment = stored.package.environment
    try:
        executable = foundation.settings.environments.interpreter_for(environment)
    except UnknownEnvironmentError as error:
        raise CommandError(f"{error}".rstrip(".")) from error
    with tempfile.TemporaryDirectory(prefix="modelstudio-") as made:
        yield Interpreter(Path(made) / "source", executable, environment)


@contextmanager
def unpacked(foundation: Foundation, stored: StoredVersion) -> Iterator[Path]:
    """Unpack a version's model into a directory that is gone after the block.

    Raises
    ------
    CommandError
        When its package is missing or damaged.
    """
    with tempfile.TemporaryDirectory(prefix="modelstudio-") as made:
        model_dir = Path(made) / "model"
        unpack_to(foundation, stored, model_dir)
        yield model_dir


def unpack_to(foundation: Foundation, stored: StoredVersion, target: Path) -> None:
    """Unpack a version's model into a new directory; raises as ``unpacked`` does."""
    try:
        with foundation.blobs.local_copy(stored.package.blob_key) as package:
            unpack(package, target)
    except FileNotFoundError as error:
        raise CommandError("the model's package is not in the data directory") from error
    except BadPackageError as error:
        raise CommandError(f"{error}".rstrip(".")) from error
