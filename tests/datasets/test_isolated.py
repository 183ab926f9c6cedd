"""Tasks in processes of their own, and what becomes of the server when one misbehaves."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from modelstudio.datasets.isolated import (
    IsolatedTasks,
    TaskError,
    TasksUnavailableError,
    TaskTimeoutError,
)
from support import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

TESTS = Path(__file__).parent.parent


@pytest.fixture
def tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., IsolatedTasks]:
    monkeypatch.setenv("PYTHONPATH", str(TESTS), prepend=os.pathsep)

    def make(timeout_seconds: float = 30, concurrent: int = 2) -> IsolatedTasks:
        return IsolatedTasks(
            "datasets.isolated_tasks",
            tmp_path / "work",
            concurrent=concurrent,
            timeout_seconds=timeout_seconds,
            memory_bytes=1 << 29,
        )

    return make


def run(tasks: IsolatedTasks, task: str, **arguments: Any) -> Any:
    with tasks.directory() as directory:
        return tasks.run(task, arguments, directory)


def test_a_task_runs_in_a_process_and_a_directory_of_its_own(
    tasks: Callable[..., IsolatedTasks], tmp_path: Path
) -> None:
    told = run(tasks(), "work")
    assert told["pid"] != os.getpid()
    assert told["memory"] == 1 << 29
    directory = Path(told["cwd"])
    assert directory.parent == tmp_path / "work"
    assert not directory.exists()


def test_a_task_gets_no_secrets(
    tasks: Callable[..., IsolatedTasks], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELSTUDIO_DATABASE_URL", "postgresql://u:secret@h/d")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    names = set(run(tasks(), "environment")["environment"])
    assert "PATH" in names
    assert not names & {"MODELSTUDIO_DATABASE_URL", "AWS_SECRET_ACCESS_KEY"}


def test_a_directory_is_closed_to_others(tasks: Callable[..., IsolatedTasks]) -> None:
    with tasks().directory() as directory:
        assert directory.stat().st_mode & 0o777 == 0o700
        assert directory.parent.stat().st_mode & 0o777 == 0o700


def test_a_problem_is_told_as_it_is(tasks: Callable[..., IsolatedTasks]) -> None:
    with pytest.raises(TaskError, match=r"^The data is odd\.$"):
        run(tasks(), "refuse")


@pytest.mark.parametrize("task", ["crash", "raise"])
def test_a_dead_process_is_an_error(
    tasks: Callable[..., IsolatedTasks], task: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pool = tasks(concurrent=1)
    with pytest.raises(TaskError, match="ended unexpectedly") as caught:
        run(pool, task)
    assert "fault of ours" not in str(caught.value)
    assert ("a fault of ours" in capsys.readouterr().out) is (task == "raise")
    assert run(pool, "work")  # its place is free again


def test_a_process_that_takes_too_long_is_killed(
    tasks: Callable[..., IsolatedTasks], tmp_path: Path
) -> None:
    note = tmp_path / "pid"
    begun = time.monotonic()
    with pytest.raises(TaskTimeoutError):
        run(tasks(timeout_seconds=1.5), "sleep", note=str(note))
    assert time.monotonic() - begun < 10
    assert not psutil.pid_exists(int(note.read_text()))


def test_waiting_for_a_place_in_vain_says_nothing_about_the_data(
    tasks: Callable[..., IsolatedTasks], tmp_path: Path
) -> None:
    pool, first = tasks(timeout_seconds=1.5, concurrent=1), tmp_path / "pid"
    with ThreadPoolExecutor(3) as threads:
        results = [threads.submit(run, pool, "sleep", note=str(first))]
        wait_for(first.exists, seconds=10)
        results += [
            threads.submit(run, pool, "sleep", note=str(tmp_path / f"pid{index}"))
            for index in range(2)
        ]
        errors = [type(result.exception(timeout=20)) for result in results]
    assert errors[0] is TaskTimeoutError
    # One got the place that became free and all of its time; the other waited in vain.
    assert set(errors[1:]) == {TaskTimeoutError, TasksUnavailableError}


def test_no_more_processes_run_than_may(
    tasks: Callable[..., IsolatedTasks], tmp_path: Path
) -> None:
    pool = tasks(concurrent=2)
    notes = [tmp_path / f"pid{index}" for index in range(4)]
    with ThreadPoolExecutor(4) as threads:
        for note in notes:
            threads.submit(run, pool, "sleep", note=str(note))
        wait_for(lambda: sum(note.exists() for note in notes) == 2, seconds=20)
        time.sleep(0.5)
        assert sum(note.exists() for note in notes) == 2
        pool.close()


def test_closing_ends_what_runs_and_what_comes(
    tasks: Callable[..., IsolatedTasks], tmp_path: Path
) -> None:
    pool, note = tasks(), tmp_path / "pid"
    outcome: list[BaseException | None] = []

    def sleep() -> None:
        try:
            run(pool, "sleep", note=str(note))
        except TaskError as error:
            outcome.append(error)

    thread = threading.Thread(target=sleep)
    thread.start()
    wait_for(note.exists, seconds=20)
    pool.close()
    thread.join(10)
    assert outcome
    with pytest.raises(TasksUnavailableError, match="shutting down"):
        run(pool, "work")


def test_a_directory_left_by_a_crash_is_removed_after_a_day(
    tasks: Callable[..., IsolatedTasks], tmp_path: Path
) -> None:
    old, new = tmp_path / "work" / "old", tmp_path / "work" / "new"
    for left in (old, new):
        left.mkdir(parents=True)
        (left / "part").write_bytes(b"x")
    os.utime(old, (0, time.time() - 25 * 3600))
    run(tasks(), "work")
    assert not old.exists()
    assert new.exists()


SERVER = """
import os, sys, threading
from pathlib import Path
from modelstudio.datasets.isolated import IsolatedTasks
tasks = IsolatedTasks("modelstudio.datasets.table_process", Path(sys.argv[1]), concurrent=1,
                      timeout_seconds=60, memory_bytes=1 << 29)
with tasks.directory() as directory:
    (directory / "input").mkdir()
    os.mkfifo(directory / "input" / "0")  # whoever opens it waits for ever
    process = tasks._start(directory, (directory / "log").open("wb"))
    task = b'{"task": "profile", "arguments": {"names": ["t.csv"]}, "memoryBytes": 9}'
    process.stdin.write(task + bytes([10]))
    process.stdin.flush()
    print(process.pid, flush=True)
    threading.Event().wait()
"""


def test_a_table_process_ends_when_its_server_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SERVER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        pid = int(server.stdout.readline())
        time.sleep(0.5)  # it has read its task and works
        assert psutil.pid_exists(pid)
        server.kill()
    wait_for(lambda: not psutil.pid_exists(pid), seconds=10)
