"""What a run may use and no more: cores, memory, disk, time; with real processes."""

from __future__ import annotations

import io
import json
import os
import re
import uuid
import zipfile
from pathlib import Path

import pytest
from test_worker_connection import all_gone, pids_of

LIMIT = 300_000_000
SHM = Path("/dev/shm")


def run(rig, trainer, config=None, **changes):
    return rig.run(f"limit_trainers:{trainer}", config, **changes)


def about(job):
    with zipfile.ZipFile(io.BytesIO(job.model)) as archive:
        return json.loads(archive.read("about.json"))


def overshoot(job, what="memory"):
    """Return the bytes beyond the limit that the reason of the failure names."""
    match = re.fullmatch(rf"Out of {what}: used ([\d.]+) MB of ([\d.]+) MB\.", job.failed)
    assert match is not None, job.failed
    return (float(match[1]) - float(match[2])) * 1e6


# cores ---------------------------------------------------------------------------------------


def test_training_stays_on_as_many_cores_as_it_asked_for(rig):
    seen = about(run(rig, "Counting"))  # asks for one core and a half

    if len(os.sched_getaffinity(0)) > 1:
        assert len(seen["cores"]) == 1
        assert seen["child"]["cores"] == seen["cores"]
    assert seen["cpu"] == seen["cpu_count"] == seen["multiprocessing"] == 1


@pytest.mark.parametrize("niceness", [0, 7])
def test_training_stands_back_as_far_as_it_is_told(rig, niceness):
    rig.settle(niceness=niceness)
    seen = about(run(rig, "Counting"))

    assert seen["niceness"] == seen["child"]["niceness"] == os.nice(0) + niceness


# memory --------------------------------------------------------------------------------------


@pytest.mark.parametrize("trainer", ["SharedMemoryHoarding", "AnonymousSharing"])
def test_shared_memory_counts(rig, trainer):
    before = set(SHM.iterdir())
    job = run(rig, trainer, memory=LIMIT)

    assert 0 < overshoot(job) < 100e6
    made = [line.split()[1] for line in job.logs() if line.startswith("segment")]
    assert not {SHM / name for name in made} & set(SHM.iterdir()) - before


def test_files_in_memory_count_although_no_process_has_them(rig):
    prefix = f"run-{uuid.uuid4()}-"
    try:
        job = run(rig, "TmpfsWriting", {"prefix": prefix}, memory=LIMIT)
        assert 0 < overshoot(job) < 300e6
        assert list(SHM.glob(prefix + "*")) == []
    finally:
        for path in SHM.glob(prefix + "*"):
            path.unlink()


def test_what_forked_processes_share_counts_once(rig):
    job = run(rig, "Forking", memory=LIMIT)
    assert job.failed is None
    assert 150 * 10**6 < job.parameters()["usage/peak_memory_bytes"]["value"] < LIMIT


def test_memory_that_suddenly_grows_by_a_gigabyte_a_second_is_stopped_in_time(rig):
    job = run(rig, "Sudden", {"quiet": 1.2, "children": 1}, memory=400_000_000)
    assert 0 < overshoot(job) < 200e6


# disk ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("trainer", ["ManyFiles", "HiddenFile"])
def test_what_the_run_writes_is_limited(rig, trainer):
    job = run(rig, trainer, disk=100_000_000)

    assert 0 < overshoot(job, "disk") < 200e6
    assert not (rig.work_dir / "scratch").exists()


def test_one_file_cannot_grow_beyond_the_limit(rig):
    job = run(rig, "OneFile", disk=100_000_000)
    assert re.fullmatch(  # whoever sees it first
        r"Out of disk: a file grew beyond the 100 MB that a run may write\."
        r"|Out of disk: used 100\.\d+ MB of 100\.00 MB\.",
        job.failed,
    )


def test_space_that_is_not_taken_or_taken_once_counts_as_that(rig):
    job = run(rig, "Sparse", disk=100_000_000)
    assert job.failed is None
    assert 60 * 10**6 <= job.parameters()["usage/peak_disk_bytes"]["value"] < 62 * 10**6


def test_a_nearly_full_disk_ends_the_run(rig):
    rig.settle(disk_reserve_bytes=2**60)
    assert re.fullmatch(
        r"Out of disk: the machine that ran the training has only [\d.]+ GB left on its disk\.",
        run(rig, "Counting", {"seconds": 30}).failed,
    )


def test_a_full_disk_is_named_as_such(rig):
    assert run(rig, "FullDisk").failed == (
        "Out of disk: the machine that ran the training has no space left on it."
    )


# time ----------------------------------------------------------------------------------------


def test_time_ends_also_for_processes_that_do_not_listen(rig):
    job = rig.run("Waiting", {"stubborn": True}, wall_seconds=5)

    assert job.failed == "Out of time: the run took longer than the 5 s that it may take."
    assert all_gone(pids_of(job))


# what was used -------------------------------------------------------------------------------


def test_a_run_tells_what_it_used(rig):
    job = run(rig, "Busy", memory=2 * 10**9, disk=10**9)

    used = {k: v["value"] for k, v in job.parameters().items() if k.startswith("usage/")}
    assert 110 * 10**6 < used["usage/peak_memory_bytes"] < 300 * 10**6
    assert 50 * 10**6 <= used["usage/peak_disk_bytes"] < 60 * 10**6
    assert 0.9 < used["usage/cpu_seconds"] < 10
    assert used["usage/training_seconds"] > 1.5
    assert re.fullmatch(
        r"Used [\d.]+ s of CPU in [\d.]+ s, at most 0\.[12] GB of 2\.0 GB of memory and "
        r"0\.1 GB of 1\.0 GB of disk\.",
        job.usage(),
    )


def test_a_run_that_fails_tells_it_too(rig):
    job = run(rig, "Sudden", {"quiet": 0, "children": 1}, memory=200_000_000)
    assert job.usage().startswith("Used ")
    assert job.parameters()["usage/peak_memory_bytes"]["value"] > 200_000_000
