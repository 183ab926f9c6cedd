"""A GPU is for the run that asked for it; no GPU is needed for these tests, only its name."""

from __future__ import annotations

import io
import json
import os
import signal
import zipfile

import pytest

from modelstudio.compute.machine import find_gpus
from modelstudio.worker.gpus import Gpu, from_text, to_text

GPUS = (Gpu("T4", "GPU-1"), Gpu("L4", "GPU-2"))
COUNTING = "limit_trainers:Counting"


def visible(job):
    with zipfile.ZipFile(io.BytesIO(job.model)) as archive:
        return json.loads(archive.read("about.json"))["gpus"]


def test_training_that_asks_for_none_sees_none(rig):
    rig.settle(gpus=GPUS)
    assert visible(rig.run(COUNTING)) == ""


def test_training_sees_the_one_of_the_type_that_it_asked_for(rig):
    rig.settle(gpus=GPUS)
    assert visible(rig.run(COUNTING, gpu="L4")) == "GPU-2"


def test_a_type_that_is_not_there_fails_the_run(rig):
    rig.settle(gpus=GPUS)
    assert rig.run(COUNTING, gpu="A100").failed == (
        "The machine that ran the training has no GPU of type A100."
    )


def test_a_run_waits_for_a_gpu_that_another_one_has(rig):
    rig.settle(gpus=GPUS[:1])
    first = rig.submit(COUNTING, {"seconds": 60}, gpu="T4")
    rig.start()
    first.wait(lambda j: j.logs())
    holder = rig.handle
    second = rig.submit(COUNTING, gpu="T4")
    rig.start()
    second.wait(lambda j: j.logs() == ["Waiting for a GPU of type T4."])
    os.kill(holder["pid"], signal.SIGKILL)  # however it ends
    second.wait(lambda j: j.completed)
    assert visible(second) == "GPU-1"
    rig.compute.stop(holder, 0)


def test_a_run_that_waits_for_a_gpu_can_be_cancelled(rig):
    rig.settle(gpus=GPUS[:1])
    first = rig.submit(COUNTING, {"seconds": 60}, gpu="T4")
    rig.start()
    first.wait(lambda j: j.logs())
    holder = rig.handle
    second = rig.submit(COUNTING, gpu="T4")
    rig.start()
    second.wait(lambda j: j.logs())
    second.cancel_requested = True
    assert rig.wait_for_exit(5) == "The worker ended with exit code 0."
    rig.compute.stop(holder, 0)


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("Tesla T4", "T4"),
        ("NVIDIA A100-SXM4-40GB", "A100"),
        ("NVIDIA A10G", "A10G"),
        ("NVIDIA L40S", "L40S"),
        ("NVIDIA H100 80GB HBM3", "H100"),
    ],
)
def test_the_driver_says_which_gpus_there_are(tmp_path, model, kind):
    for number, name in enumerate([model, "NVIDIA GeForce RTX 4090"]):
        folder = tmp_path / f"0000:0{number}:00.0"
        folder.mkdir()
        (folder / "information").write_text(
            f"Model: \t\t {name}\nIRQ:   \t\t 35\nGPU UUID: \t GPU-ab{number}\nBus Type: \t PCIe\n"
        )
    assert find_gpus(tmp_path) == (Gpu(kind, "GPU-ab0"),)


def test_without_a_driver_there_is_no_gpu(tmp_path):
    assert find_gpus(tmp_path / "missing") == ()


def test_gpus_are_told_in_one_variable():
    assert from_text(to_text(GPUS)) == GPUS
    assert from_text("") == ()
