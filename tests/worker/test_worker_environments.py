"""A worker whose trainer runs in an interpreter that has no package at all."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from virtual_environments import (
    install_entry_points,
    install_module,
    make_environment,
    specification_code,
)

TRAINER = """
import json, os, sys
from modelstudio.trainers.base import TrainedModel


class Trainer:
    def fit(self, task, reporter):
        for step in range(5):
            reporter.progress(step / 4, "halfway" if step == 2 else "")
        reporter.progress(0.1)
        reporter.progress(float("nan"))
        try:
            import pyarrow
        except ImportError:
            pyarrow = None
        about = {
            "executable": sys.executable,
            "arrow": pyarrow is not None,
            "path": os.environ["PYTHONPATH"],
            "left": task.time_left(),
            "wall": task.wall_seconds,
        }
        (task.output_dir / "about.json").write_text(json.dumps(about))
        api = {"inputs": [], "outputs": []}
        return TrainedModel(model_api=api, predictor="foreign_trainer:Predictor")
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    folder = tmp_path_factory.mktemp("environment")
    make_environment(folder)
    install_module(folder, "foreign_trainer", TRAINER)
    return folder


def submit(rig, **changes):
    job = rig.submit("Unused", **changes)
    job.specification["trainer"] |= {
        "implementation": "foreign_trainer:Trainer",
        "environment": "foreign",
    }
    return job


def about(job):
    with zipfile.ZipFile(io.BytesIO(job.model)) as archive:
        return json.loads(archive.read("about.json"))


def test_the_trainer_runs_in_the_interpreter_of_its_environment(rig, environment, monkeypatch):
    monkeypatch.setenv("MODELSTUDIO_TRAINER_ENVS", f"other=/bin/sh,foreign={environment}")
    job = submit(rig, wall_seconds=60)
    rig.start()
    rig.wait_for_exit()
    assert job.failed is None
    found = about(job)
    assert found["executable"] == str(environment / "bin" / "python")
    assert not found["arrow"]
    assert found["path"] == str(rig.work_dir / "source")
    assert found["wall"] == 60
    assert 50 < found["left"] < 60
    steps = [(0, 0.0), (25, 0.25), (50, 0.5), (75, 0.75), (100, 1.0)]
    assert job.series("run/progress") == steps
    assert job.logs() == ["halfway"]
    assert not (rig.work_dir / "source").exists()


def test_a_run_whose_environment_is_not_set_up_fails_and_names_the_setting(rig, monkeypatch):
    monkeypatch.delenv("MODELSTUDIO_TRAINER_ENVS", raising=False)
    job = submit(rig)
    rig.start()
    rig.wait_for_exit()
    assert "'foreign' is not set up" in job.failed
    assert "MODELSTUDIO_TRAINER_ENVS" in job.failed


def test_a_trainer_of_an_environment_is_not_tried_in_the_workers_own_interpreter(rig):
    job = rig.submit("Unused")
    trainer_id = "ri.models..trainer.autogluon_timeseries"
    job.specification["trainer"] = {"trainerId": trainer_id, "version": "1.0.0"}
    rig.start()
    rig.wait_for_exit()
    assert job.failed == (
        f"The trainer {trainer_id} runs in the environment 'autogluon_timeseries', which is not "
        "set up where the job runs."
    )


def test_a_worker_whose_setting_is_malformed_says_so_in_its_log(rig, monkeypatch):
    monkeypatch.setenv("MODELSTUDIO_TRAINER_ENVS", "foreign")
    submit(rig)
    rig.start()
    assert rig.wait_for_exit() == "The worker ended with exit code 2."
    assert "MODELSTUDIO_TRAINER_ENVS: 'foreign' is not NAME=INTERPRETER" in rig.worker_log


def test_a_run_whose_interpreter_is_gone_by_now_fails_and_says_so(rig, monkeypatch):
    monkeypatch.setenv("MODELSTUDIO_TRAINER_ENVS", "foreign=/nowhere/python")
    job = submit(rig)
    rig.start()
    assert rig.wait_for_exit() == "The worker ended with exit code 0."
    assert job.failed == (
        "The environment 'foreign' cannot be used where this runs: its interpreter is gone, or "
        "may not be executed (MODELSTUDIO_TRAINER_ENVS)."
    )


def test_an_interpreter_that_is_gone_is_no_matter_to_other_runs(rig, monkeypatch):
    monkeypatch.setenv("MODELSTUDIO_TRAINER_ENVS", "foreign=/nowhere/python")
    assert rig.run("Good").completed is not None


def test_a_run_whose_interpreter_cannot_be_started_says_so(rig, tmp_path, monkeypatch):
    python = tmp_path / "python"
    python.write_bytes(b"\x7fELF nonsense")
    python.chmod(0o700)
    monkeypatch.setenv("MODELSTUDIO_TRAINER_ENVS", f"foreign={python}")
    job = submit(rig)
    rig.start()
    rig.wait_for_exit()
    assert job.failed == (
        "The interpreter of the environment 'foreign' cannot be started: Exec format error."
    )


def test_other_packages_that_crash_do_not_get_in_the_trainers_way(rig, environment, monkeypatch):
    """The server has left them out; the training process must not stumble over them."""
    code = specification_code("late") + TRAINER
    install_module(environment, "late", code)
    install_entry_points(environment, "late", {"trainer": "late:SPECIFICATION"})
    install_module(environment, "early", "import os; os._exit(7)")
    install_entry_points(environment, "early", {"trainer": "early:SPECIFICATION"})
    monkeypatch.setenv("MODELSTUDIO_TRAINER_ENVS", f"foreign={environment}")
    job = rig.submit("Unused")
    job.specification["trainer"] = {
        "trainerId": "ri.models..trainer.late",
        "version": "1.0",
        "environment": "foreign",
        "source": "late: trainer = late:SPECIFICATION",
    }
    rig.start()
    rig.wait_for_exit()
    assert job.failed is None
    assert about(job)["executable"] == str(environment / "bin" / "python")
