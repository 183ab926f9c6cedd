"""What becomes of a run that ends by itself, well or badly."""

from __future__ import annotations

import io
import json
import re
import stat
import zipfile

import pyarrow.parquet as pq
import pytest
from protocol_server import TOKEN


def about(job):
    with zipfile.ZipFile(io.BytesIO(job.model)) as archive:
        return json.loads(archive.read("about.json"))


def test_a_successful_run_hands_over_everything(rig):
    job = rig.run("Good")

    assert job.failed is None
    assert job.completed == {
        "modelApi": {"inputs": [], "outputs": []},
        "condaRequirements": ["python=3.11"],
        "predictor": "worker_trainers:Nothing",
        "summaryMetrics": {"rmse": 0.5},
    }
    assert job.logs() == ["ready", "half a pair ? and a \N{REPLACEMENT CHARACTER}"]
    assert job.series("train/loss") == [(0, 1.0), (1, 0.5), (2, 1 / 3)]
    reported = {k: v for k, v in job.parameters().items() if not k.startswith("usage/")}
    assert reported == {
        "seed": {"type": "integer", "value": 7},
        "rate": {"type": "double", "value": 0.25},
        "shuffle": {"type": "boolean", "value": True},
    }
    body, query = job.tables["importance"]
    assert query == {"attempt": "3", "description": "What mattered & how much", "rowCount": "2"}
    table = pq.read_table(io.BytesIO(body)).to_pydict()
    assert table == {"feature": ["a", "b"], "importance": [0.75, 0.25]}
    assert sorted(job.events) == list(range(len(job.events)))
    assert "printed by a library" in rig.training_log


def test_the_same_model_is_packed_into_the_same_bytes(rig):
    first = rig.run("Good").model
    rig.server.stop()
    second = rig.run("Good").model

    assert first == second
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert archive.namelist() == ["a.txt", "weights/", "weights/b.bin"]
        assert archive.read("weights/b.bin") == b"b" * 1000
        assert archive.testzip() is None


def test_many_events_arrive_in_batches_and_in_order(rig):
    job = rig.run("Good", {"steps": 3500})

    assert [step for step, _ in job.series("train/loss")] == list(range(3500))
    assert max(count for _, count in job.event_posts) == 1000


def test_a_training_error_is_the_reason_word_for_word(rig):
    job = rig.run("Refusing")

    assert job.failed == "The target column 'y' has one value only."
    assert job.completed is None
    assert job.model is None
    assert job.logs() == ["looking at the data"]


def test_a_reason_of_any_characters_and_any_length_reaches_the_server(rig):
    job = rig.run("Unspeakable")

    assert job.failed.startswith("The class 'a\N{REPLACEMENT CHARACTER}b?' is odd. xxx")
    assert len(job.failed) < 10_100


def test_a_description_of_any_characters_reaches_the_server(rig):
    job = rig.run("Described")

    assert job.failed is None
    assert job.tables["one"][1]["description"] == "half a pair ?"


def test_an_unexpected_exception_is_short_for_the_user_and_long_in_the_log(rig):
    job = rig.run("Broken")

    assert job.failed.startswith(
        "The trainer failed: ValueError: no such thing as (work directory)"
    )
    assert job.failed.endswith("x ...")
    assert len(job.failed) < 600
    assert "Traceback" not in job.failed
    [trace] = job.logs("ERROR")
    assert "worker_trainers.py" in rig.training_log
    assert "xxx" in trace


def test_a_trainer_that_calls_exit_fails_its_job(rig):
    assert rig.run("Asking").failed == "The trainer failed: SystemExit: go away"


def test_a_trainer_that_returns_nothing_fails_its_job(rig):
    assert rig.run("Nothing").failed.startswith("The trainer failed: AttributeError: ")


def test_a_trainer_that_cannot_be_imported_fails_its_job(rig):
    reason = rig.run("NoSuchTrainer").failed
    assert reason.startswith("The trainer failed: AttributeError: ")
    assert "NoSuchTrainer" in reason


def test_a_training_process_that_leaves_without_a_result_fails_its_job(rig):
    job = rig.run("Exiting")

    assert job.failed == "The training process ended without a result (exit code 3)."
    assert job.logs() == ["leaving"]


def test_a_killed_training_process_fails_its_job(rig):
    job = rig.run("Killed")

    assert job.failed == "The training process was killed from outside (signal 9)."
    assert job.logs() == ["last words"]


def test_a_crashed_training_process_fails_its_job(rig):
    assert rig.run("Crashing").failed == "The training process crashed (SIGSEGV)."
    assert "Segmentation fault" in rig.training_log


def test_one_huge_allocation_is_out_of_memory(rig):
    job = rig.run("Greedy", memory=300_000_000)

    assert re.fullmatch(
        r"Out of memory: used \d+ MB of 300 MB, and then asked for more than was left\.", job.failed
    )
    assert "MemoryError" in job.logs("ERROR")[0]


@pytest.mark.parametrize("child", [False, True], ids=["one process", "a child process"])
def test_growing_beyond_the_memory_limit_ends_the_run(rig, child):
    job = rig.run("Hoarding", {"child": child}, memory=300_000_000)

    used = re.fullmatch(r"Out of memory: used ([\d.]+) MB of 300(\.00)? MB\.", job.failed)
    assert used is not None, job.failed
    assert 300 < float(used[1]) < 600  # a busy machine looks a little late
    assert max(job.heartbeats) < 2_000_000_000


def test_mapping_a_large_file_is_no_use_of_memory(rig):
    job = rig.run("Mapping", memory=300_000_000)
    assert job.failed is None
    assert job.completed is not None


def test_a_run_that_takes_too_long_is_ended(rig):
    job = rig.run("Waiting", {"stubborn": True}, wall_seconds=5)
    assert job.failed == "Out of time: the run took longer than the 5 s that it may take."


def test_a_link_in_the_model_fails_the_job(rig):
    assert rig.run("Linking").failed == (
        "The trainer left 'link' in the model, which is neither a file nor a folder."
    )


def test_an_input_that_the_server_does_not_have_fails_the_job(rig):
    job = rig.submit("Good")
    job.inputs.clear()
    rig.start()
    rig.wait_for_exit()
    assert job.failed == "The server refused the request for the input 'input_df' of this run."


def test_a_trainer_that_is_not_installed_fails_the_job(rig):
    job = rig.submit("Good")
    del job.specification["trainer"]["implementation"]
    rig.start()
    rig.wait_for_exit()
    assert job.failed == (
        "The trainer ri.models..trainer.test is not installed in version 1.0.0 where the job runs."
    )


@pytest.mark.parametrize(
    ("changes", "columns"),
    [
        ({}, ["x", "x.y", "y"]),
        ({"select": ["x"]}, ["x", "y"]),
        ({"ignore": ["x", "y"]}, ["x.y", "y"]),
        ({"select": ["x", "x.y"], "ignore": ["x.y"]}, ["x", "y"]),
    ],
    ids=["all", "selected", "ignored", "both"],
)
def test_a_trainer_sees_the_chosen_and_the_mapped_columns(rig, changes, columns):
    [table] = about(rig.run("Inspecting", **changes))["inputs"].values()

    data = {"x": [1, 2], "x.y": ["a", "b"], "y": [0.5, 1.5]}
    types = {"x": "LONG", "x.y": "STRING", "y": "DOUBLE"}
    assert list(table["data"]) == columns
    assert table["data"] == {name: data[name] for name in columns}
    assert table["types"] == {name: types[name] for name in columns}
    assert table["mapping"] == {"target_column": ["y"]}


def test_the_training_process_knows_neither_token_nor_server(rig, monkeypatch):
    monkeypatch.setenv("MODELSTUDIO_DATABASE_PASSWORD", "of the server")
    seen = about(rig.run("Inspecting", {"depth": 4}))

    text = json.dumps(seen)
    assert TOKEN not in text
    assert rig.server.url not in text
    assert str(rig.url_file) not in text
    assert "of the server" not in text
    assert seen["config"] == {"depth": 4}
    assert seen["cpu"] == 1
    assert seen["environment"]["OMP_NUM_THREADS"] == "1"
    assert seen["cwd"] == seen["environment"]["TMPDIR"] == str(rig.work_dir / "scratch")


def test_the_token_is_in_no_file_of_the_worker(rig):
    job = rig.submit("Broken")
    job.faults = [("/", "500"), ("/inputs", "drop"), ("/fail", "500")]
    rig.start()
    rig.wait_for_exit()

    files = [path for path in rig.work_dir.rglob("*") if path.is_file()]
    assert {path.name for path in files} == {"worker.log", "training.log", "task.json"}
    for path in files:
        assert TOKEN not in path.read_text()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(rig.work_dir.stat().st_mode) == 0o700


def test_everything_in_the_work_directory_is_closed_to_others(rig):
    job = rig.submit("Waiting")
    rig.start()
    job.wait(lambda j: j.logs())

    paths = [rig.work_dir, *rig.work_dir.rglob("*")]
    names = {path.name for path in paths}
    assert {"task.json", "events.jsonl", "0.parquet", "model", "training.log"} <= names
    for path in paths:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)
