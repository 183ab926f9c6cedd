"""A worker and a server that answers badly, late, elsewhere or not at all."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import psutil
import pytest
from protocol_server import TOKEN

from patience import allowed


def pids_of(job):
    job.wait(lambda j: any(line.startswith("pids ") for line in j.logs()))
    [line] = [line for line in job.logs() if line.startswith("pids ")]
    return json.loads(line.removeprefix("pids "))


def all_gone(pids):
    return not any(_lives(pid) for pid in pids)


def _lives(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until(condition, seconds):
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < allowed(seconds)
        time.sleep(0.01)
    return time.monotonic() - started


def test_every_request_is_repeated_until_it_is_answered(rig):
    job = rig.submit("Good")
    paths = ["/", "/inputs", "/heartbeat", "/events", "/tables", "/model", "/complete"]
    job.faults = [(path, kind) for path in paths[1:] for kind in ("500", "drop")]
    job.faults += [("/", "drop"), ("/", "500")]
    rig.start()

    assert rig.wait_for_exit() == "The worker ended with exit code 0."
    assert job.completed is not None
    assert job.model is not None
    assert list(job.tables) == ["importance"]
    assert job.faults == []


def test_events_whose_answer_was_lost_count_once(rig):
    job = rig.submit("Steady", {"steps": 15})
    job.faults = [("/events", "lose"), ("/events", "lose")]
    rig.start()
    rig.wait_for_exit()

    starts = [first for first, _ in job.event_posts]
    assert len(starts) > len(set(starts)), "no batch was sent twice"
    assert job.series("steady") == [(step, float(step)) for step in range(15)]


def test_events_that_the_server_refuses_do_not_stop_the_run(rig):
    job = rig.submit("Steady", {"steps": 15})
    job.faults = [("/events", "404")]
    rig.start()
    rig.wait_for_exit()

    steps = [step for step, _ in job.series("steady")]
    assert steps == list(range(min(job.events), 15))
    assert job.completed is not None
    assert f"Lost {min(job.events)} events" in rig.worker_log


def test_a_refused_heartbeat_does_not_stop_the_run(rig):
    job = rig.submit("Steady", {"steps": 5})
    job.faults = [("/heartbeat", "404"), ("/heartbeat", "404")]
    rig.start()
    rig.wait_for_exit()
    assert job.faults == []
    assert job.completed is not None


def test_a_refused_model_fails_the_job(rig):
    job = rig.submit("Good")
    job.faults = [("/model", "404")]
    rig.start()
    rig.wait_for_exit()
    assert job.failed == "The server refused the trained model of this run."


def test_a_run_outlives_a_server_that_comes_back_on_another_port(rig):
    steps = 90  # nine seconds at least, so that it trains on when the server is back
    job = rig.submit("Steady", {"steps": steps})
    rig.start()
    job.wait(lambda j: len(j.series("steady")) > 3)
    address = rig.server.url
    rig.go_away()

    time.sleep(5)
    beats = len(job.heartbeats)
    assert len(job.events) < steps, "the server was not away while events were made"
    rig.serve()
    assert rig.server.url != address
    assert rig.wait_for_exit() == "The worker ended with exit code 0."

    assert job.series("steady") == [(step, float(step)) for step in range(steps)]
    assert len(job.heartbeats) > beats
    assert job.completed is not None


def test_a_worker_gives_up_when_its_patience_ends(rig):
    job = rig.submit("Waiting")
    rig.start(patience=1.0)
    pids = pids_of(job)
    rig.go_away()

    assert rig.wait_for_exit() == "The worker ended with exit code 1."
    assert all_gone(pids)
    assert "did not answer" in rig.worker_log


@pytest.mark.parametrize("stubborn", [False, True], ids=["obedient", "ignoring SIGTERM"])
def test_a_cancelled_run_is_gone_within_three_seconds(rig, stubborn):
    job = rig.submit("Waiting", {"stubborn": stubborn})
    rig.start()
    pids = pids_of(job)
    assert not any(all_gone([pid]) for pid in pids)

    job.cancel_requested = True
    wait_until(lambda: not rig.compute.is_alive(rig.handle), 3)

    assert all_gone(pids)
    assert job.failed is None
    assert job.completed is None


def test_a_worker_whose_attempt_is_over_ends_its_training(rig):
    job = rig.submit("Waiting")
    rig.start()
    pids = pids_of(job)
    job.over = True
    wait_until(lambda: not rig.compute.is_alive(rig.handle), 3)
    assert all_gone(pids)


def test_a_worker_with_a_wrong_token_does_nothing(rig):
    job = rig.submit("Good")
    rig.start(token="another")
    assert rig.wait_for_exit() == "The worker ended with exit code 0."
    assert job.calls == {"/": 1}
    assert job.events == {}
    assert TOKEN not in rig.worker_log


def test_a_stopped_worker_tells_no_failure(rig):
    """Stopping the server's workers is no fault of the run, which may be tried again."""
    job = rig.submit("Waiting")
    rig.start()
    pids = pids_of(job)

    psutil.Process(rig.handle["pid"]).terminate()
    wait_until(lambda: not rig.compute.is_alive(rig.handle), 3)

    assert all_gone(pids)
    assert job.failed is None


def test_what_a_trainer_leaves_running_ends_with_its_run(rig):
    job = rig.run("Lingering")
    assert job.completed is not None
    assert all_gone(pids_of(job))


@pytest.mark.parametrize(
    "missing", ["MODELSTUDIO_JOB_TOKEN", "MODELSTUDIO_JOB_RID", "MODELSTUDIO_WORK_DIR"]
)
def test_a_worker_says_which_setting_is_missing(missing, tmp_path):
    environment = {
        "MODELSTUDIO_JOB_TOKEN": TOKEN,
        "MODELSTUDIO_JOB_RID": "ri.foundry-build.main.job.x",
        "MODELSTUDIO_SERVER_URL": "http://127.0.0.1:9",
        "MODELSTUDIO_WORK_DIR": str(tmp_path),
    }
    del environment[missing]
    worker = [sys.executable, "-m", "modelstudio.worker"]
    ended = subprocess.run(
        worker, env=environment, capture_output=True, text=True, timeout=20, check=False
    )
    assert ended.returncode == 2
    assert f"{missing} is not set" in ended.stderr
    assert TOKEN not in ended.stderr


def test_heartbeats_carry_the_memory_of_the_run(rig):
    job = rig.submit("Waiting")
    rig.start()
    job.wait(lambda j: any(rss > 20_000_000 for rss in j.heartbeats))
