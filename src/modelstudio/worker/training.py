"""``python -m modelstudio.worker.training DIR``: the process that runs the trainer.

It reads ``task.json``, reports to ``events.jsonl``, and leaves ``result.json``. It never uses the
network, and ends with the supervisor that started it.
"""

from __future__ import annotations

import errno
import faulthandler
import json
import math
import os
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from modelstudio.trainers import catalogue
from modelstudio.trainers.base import TrainingError, TrainingTask
from modelstudio.worker import settling
from modelstudio.worker.confinement import confine
from modelstudio.worker.inputs import input_tables, with_defaults
from modelstudio.worker.kernel import die_with_parent
from modelstudio.worker.layout import WorkDir, write_json
from modelstudio.worker.memory import memory_of
from modelstudio.worker.reporter import FileReporter
from modelstudio.worker.wording import out_of_memory, size

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from modelstudio.trainers.base import TrainedModel, Trainer

#: From here the run's time counts, as it does for the supervisor, a moment earlier.
_STARTED: Final = time.monotonic()
_LONGEST_REASON: Final = 500
_LONGEST_TRACEBACK: Final = 9_000
_NATIVE_OUT_OF_MEMORY: Final = ("bad_alloc", "bad allocation", "cannot allocate memory")


def main(arguments: list[str]) -> None:
    """Run the task of a work directory and write its result."""
    faulthandler.enable()
    work_dir = WorkDir(Path(arguments[0]))
    task = json.loads(work_dir.task.read_bytes())
    _die_with(task["supervisorPid"])
    confine(task)
    reporter = FileReporter(work_dir)
    write_json(work_dir.result, _run(work_dir, task, reporter))


def _die_with(supervisor: int) -> None:
    die_with_parent()
    if os.getppid() != supervisor:  # it died before the kernel knew
        os._exit(1)


def _run(work_dir: WorkDir, task: Mapping[str, Any], reporter: FileReporter) -> dict[str, Any]:
    """Fit and return the result, which is a failure with a reason whatever goes wrong."""
    try:
        trainer, config, roles = _trainer_of(task)
        fit = TrainingTask(
            inputs=input_tables(task["inputs"], roles, config.get("readings", {}), reporter),
            config=config,
            cpu=task["cpu"],
            memory_bytes=task["memoryBytes"],
            output_dir=work_dir.model,
            scratch_dir=work_dir.scratch,
            wall_seconds=task.get("wallSeconds"),
            started=_STARTED,
        )
        trained = trainer.fit(fit, reporter)
        settling.keep(fit.inputs, roles, work_dir.model, trained.model_api)
        result = _success(trained, reporter)
        json.dumps(result, allow_nan=False)
    except TrainingError as error:
        traceback.print_exc()
        return _failure(work_dir, str(error) or "The training failed.")
    except (Exception, SystemExit) as error:  # noqa: BLE001 - this is where every fault ends
        traceback.print_exc()
        reporter.log(traceback.format_exc()[-_LONGEST_TRACEBACK:], "ERROR")
        return _failure(work_dir, _reason(error, task))
    return result


def _trainer_of(
    task: Mapping[str, Any],
) -> tuple[Trainer, Mapping[str, Any], Mapping[str, str]]:
    """Return the trainer, its full configuration, and the role of each of its inputs."""
    wanted, config = task["trainer"], task["customConfig"]
    if implementation := wanted.get("implementation"):
        return catalogue.load(implementation), config, {}
    trainer_id, version = wanted["trainerId"], wanted["version"]
    specification = catalogue.installed(trainer_id, version, wanted.get("source"))
    if specification is None:
        raise TrainingError(
            f"The trainer {trainer_id} is not installed in version {version} where the job runs."
        )
    if specification.environment not in {None, wanted.get("environment")}:
        raise TrainingError(
            f"The trainer {trainer_id} runs in the environment {specification.environment!r}, "
            "which is not set up where the job runs."
        )
    full_config = with_defaults(config, specification.config_schema)
    roles = {
        alias: one["type"]["dataset"]["role"]
        for alias, one in specification.inputs.items()
        if one["type"]["type"] == "dataset"
    }
    return catalogue.load(specification.implementation), full_config, roles


def _success(trained: TrainedModel, reporter: FileReporter) -> dict[str, Any]:
    metrics = {name: float(value) for name, value in trained.summary_metrics.items()}
    return {
        "status": "succeeded",
        "modelApi": trained.model_api,
        "condaRequirements": list(trained.requirements),
        "predictor": trained.predictor,
        "summaryMetrics": {name: value for name, value in metrics.items() if math.isfinite(value)},
        "tables": reporter.tables,
    }


def _failure(work_dir: WorkDir, reason: str) -> dict[str, Any]:
    """Return a failed result; the reason is for the user, who has no use for our paths."""
    return {"status": "failed", "reason": reason.replace(str(work_dir.root), "(work directory)")}


def _reason(error: BaseException, task: Mapping[str, Any]) -> str:
    causes = list(_chain(error))
    if any(map(_is_out_of_memory, causes)):
        used = memory_of([os.getpid()], task["memoryBytes"])
        so_far = out_of_memory(used, task["memoryBytes"]).removesuffix(".")
        return f"{so_far}, and then asked for more than was left."
    numbers = {getattr(cause, "errno", None) for cause in causes}
    if errno.EFBIG in numbers:
        return (
            f"Out of disk: a file grew beyond the {size(task['diskBytes'])} that a run may write."
        )
    if errno.ENOSPC in numbers:
        return "Out of disk: the machine that ran the training has no space left on it."
    message = str(error)
    if len(message) > _LONGEST_REASON:
        message = message[:_LONGEST_REASON] + " ..."
    return f"The trainer failed: {type(error).__name__}: {message}"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and those that led to it."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return True
    text = str(error).lower()
    return any(sign in text for sign in _NATIVE_OUT_OF_MEMORY)


if __name__ == "__main__":
    main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # a thread or a pool that the trainer left behind holds nothing up
