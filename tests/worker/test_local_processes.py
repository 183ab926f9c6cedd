"""Workers as local processes, seen by the server that started them and by a later one."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import warnings

import psutil
import pytest
from protocol_server import TOKEN
from test_worker_connection import all_gone, pids_of, wait_until

from modelstudio.compute.base import StartRequest, WorkerStartError
from modelstudio.compute.local import LocalProcesses
from patience import allowed


@pytest.fixture
def waiting(rig):
    job = rig.submit("Waiting", {"stubborn": True})
    rig.start()
    yield pids_of(job)
    # A killed supervisor leaves what its training process started.
    LocalProcesses(rig.work_dir.parent).stop(rig.handle, 0.2)


def test_a_killed_supervisor_takes_its_training_process_along(rig, waiting):
    os.kill(rig.handle["pid"], signal.SIGKILL)

    wait_until(lambda: all_gone(waiting[:1]), 2)
    wait_until(lambda: not rig.compute.is_alive(rig.handle), 2)
    assert rig.compute.exit_reason(rig.handle) == "The worker was killed by signal 9 (SIGKILL)."


def test_stopping_ends_what_a_killed_supervisor_left(rig, waiting):
    os.kill(rig.handle["pid"], signal.SIGKILL)
    wait_until(lambda: not rig.compute.is_alive(rig.handle), 2)
    assert not all_gone(waiting), "the grandchildren are expected to survive"

    LocalProcesses(rig.work_dir.parent).stop(rig.handle, 0.2)
    assert all_gone(waiting)


def test_a_later_server_finds_and_stops_the_worker(rig, waiting):
    handle = json.loads(json.dumps(rig.handle))
    later = LocalProcesses(rig.work_dir.parent)
    assert later.is_alive(handle)
    assert later.exit_reason(handle) is None

    took = wait_until(lambda: later.stop(handle, 2.0) or True, 3)

    assert took < allowed(3)
    assert not later.is_alive(handle)
    assert all_gone([handle["pid"], *waiting])
    assert later.exit_reason(handle) is None


def test_a_reused_process_number_is_not_touched(rig, waiting):
    stranger = {**rig.handle, "created": "an earlier boot/1", "workDir": "/nowhere"}

    assert not rig.compute.is_alive(stranger)
    rig.compute.stop(stranger, 0)
    assert rig.compute.is_alive(rig.handle)
    assert not any(all_gone([pid]) for pid in waiting)


def test_strangers_in_a_dead_leaders_session_are_not_touched(tmp_path):
    script = "import subprocess, sys; print(subprocess.Popen(['sleep', '60']).pid, flush=True)"
    with subprocess.Popen(
        [sys.executable, "-c", script], start_new_session=True, stdout=subprocess.PIPE, text=True
    ) as leader:
        orphan = psutil.Process(int(leader.stdout.readline()))
    handle = {
        "pid": leader.pid,
        "created": "an earlier boot/1",
        "session": leader.pid,
        "host": os.uname().nodename,
        "workDir": str(tmp_path / "jobs" / "gone"),
    }
    try:
        LocalProcesses(tmp_path / "jobs").stop(handle, 0)
        assert orphan.is_running()
    finally:
        orphan.kill()


@pytest.mark.usefixtures("waiting")
def test_a_worker_of_another_machine_is_left_alone(rig):
    elsewhere = {**rig.handle, "host": "another-machine"}

    rig.compute.stop(elsewhere, 0)
    rig.compute.discard(elsewhere)
    assert rig.compute.is_alive(elsewhere)
    assert rig.compute.is_alive(rig.handle)
    assert rig.work_dir.exists()


def test_an_ended_worker_is_no_zombie_and_can_be_discarded(rig):
    rig.run("Good")

    assert not psutil.pid_exists(rig.handle["pid"])
    assert rig.work_dir.exists()
    rig.compute.discard(rig.handle)
    assert not rig.work_dir.exists()
    assert rig.compute.exit_reason(rig.handle) is None


def test_a_server_that_ends_lets_go_of_its_workers_without_a_word(rig, waiting, recwarn):
    warnings.simplefilter("always")
    ending = rig.compute
    ending.leave()
    rig.settle()
    rig.started = [(rig.compute, rig.handle)]
    del ending
    gc.collect()
    assert [warning for warning in recwarn if warning.category is ResourceWarning] == []
    assert rig.compute.is_alive(rig.handle)
    assert not any(all_gone([pid]) for pid in waiting)


@pytest.mark.usefixtures("waiting")
def test_a_worker_discarded_before_it_is_dead_is_still_waited_for(rig, recwarn):
    warnings.simplefilter("always")
    rig.compute.discard(rig.handle)
    gc.collect()
    assert [warning for warning in recwarn if warning.category is ResourceWarning] == []
    assert rig.compute.exit_reason(rig.handle) is None
    rig.compute.stop(rig.handle, 0)
    wait_until(lambda: not rig.compute.is_alive(rig.handle), 20)
    wait_until(lambda: not psutil.pid_exists(rig.handle["pid"]), 20)


def test_discarding_deletes_nothing_outside_the_jobs_directory(rig, tmp_path):
    rig.run("Good")
    for path in (tmp_path, tmp_path / "jobs" / ".."):
        rig.compute.discard({**rig.handle, "workDir": str(path)})
    assert rig.work_dir.exists()


def test_a_worker_that_cannot_start_leaves_nothing(rig, monkeypatch):
    rig.submit("Good")
    monkeypatch.setattr(sys, "executable", "/no/such/interpreter")
    with pytest.raises(WorkerStartError, match="could not be started"):
        rig.start()
    assert list((rig.url_file.parent / "jobs").iterdir()) == []


def test_a_worker_gets_no_secret_of_the_server(rig, monkeypatch):
    monkeypatch.setenv("DATABASE_PASSWORD", "of the server")
    rig.submit("Waiting")
    rig.start()

    worker = psutil.Process(rig.handle["pid"])
    environment = worker.environ()
    assert "of the server" not in environment.values()
    assert TOKEN not in " ".join(worker.cmdline())
    assert os.getsid(worker.pid) == worker.pid


def test_the_token_is_not_shown_with_a_request():
    request = StartRequest("ri.a.b.c.d", 1, TOKEN, "http://x", None, 1.0, 1.0, 1)
    assert TOKEN not in repr(request)


def test_capacity_is_the_machine_unless_told_less(tmp_path):
    whole = LocalProcesses(tmp_path).capacity()
    assert 0 < whole.cpu <= os.cpu_count()
    assert 10**8 < whole.memory_bytes <= psutil.virtual_memory().total

    less = LocalProcesses(tmp_path, cpu=1.0, memory_bytes=10**9).capacity()
    assert (less.cpu, less.memory_bytes) == (1.0, 10**9)
