"""What a worker is told of its trainer."""

from __future__ import annotations

from typing import Any, cast

from modelstudio.orchestration.handler import HandledJob
from modelstudio.studios.limits import RunLimits
from modelstudio.studios.training import TrainingJobs
from modelstudio.trainers.catalogue import Catalogue, built_in


def told(catalogue: Catalogue, trainer_id: str, version: str) -> Any:
    none = cast("Any", None)
    jobs = TrainingJobs(none, none, none, none, catalogue, RunLimits())
    trainer = {"trainerId": trainer_id, "version": version}
    payload = {"trainer": trainer, "customConfig": {}, "inputs": {}}
    job = HandledJob("job", "build", "kind", "subject", "user", payload)
    answer = jobs.specification(none, job)["trainer"]
    assert payload["trainer"] == {"trainerId": trainer_id, "version": version}
    return answer


def test_a_worker_is_told_which_package_a_trainer_comes_from() -> None:
    own, other, *_ = built_in().list()
    source = "package: name = module:SPECIFICATION"
    catalogue = Catalogue([own, other], {(other.trainer_id, other.version): source})
    assert "source" not in told(catalogue, own.trainer_id, own.version)
    assert told(catalogue, other.trainer_id, other.version)["source"] == source
    assert "source" not in told(catalogue, "ri.models..trainer.gone", "1.0.0")
