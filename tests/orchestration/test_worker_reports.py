"""What a worker reports counts once, however often it is sent and however odd it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from modelstudio.errors import NotFound
from modelstudio.orchestration import service

if TYPE_CHECKING:
    from orchestration.in_process_jobs import InProcessJobs


def log(message: str, level: str = "INFO") -> dict[str, Any]:
    return {"type": "log", "time": 1_700_000_000_000, "level": level, "message": message}


def metric(step: int) -> dict[str, Any]:
    time = 1_700_000_000_000
    return {"type": "metric", "time": time, "series": "train/loss", "value": 0.5, "step": step}


def parameter(kind: str, value: object) -> dict[str, Any]:
    return {"type": "parameter", "name": "seed", "value": {"type": kind, "value": value}}


def send(jobs: InProcessJobs, rid: str, first: int, *events: object) -> None:
    with jobs.database.write() as tx:
        jobs.workers.events(tx, rid, 1, first, list(events))


def steps(jobs: InProcessJobs, rid: str) -> list[int]:
    return [event["step"] for event in jobs.journal(rid, "event")]


def test_events_sent_again_are_taken_once(jobs: InProcessJobs) -> None:
    rid = jobs.run().job_rid
    send(jobs, rid, 0, metric(0), metric(1), log("one"))
    send(jobs, rid, 0, metric(0), metric(1), log("one"))
    send(jobs, rid, 1, metric(1), log("one"))
    assert steps(jobs, rid) == [0, 1]
    assert jobs.log(rid) == ["one"]


def test_of_events_sent_partly_again_the_rest_is_taken(jobs: InProcessJobs) -> None:
    rid = jobs.run().job_rid
    send(jobs, rid, 0, metric(0), metric(1))
    send(jobs, rid, 1, metric(1), metric(2), metric(3))
    assert steps(jobs, rid) == [0, 1, 2, 3]


def test_events_after_lost_ones_are_taken(jobs: InProcessJobs) -> None:
    rid = jobs.run().job_rid
    send(jobs, rid, 0, metric(0))
    send(jobs, rid, 5, metric(5))
    assert steps(jobs, rid) == [0, 5]


def test_the_next_attempt_counts_its_events_anew(jobs: InProcessJobs) -> None:
    rid = jobs.run(retries=1).job_rid
    send(jobs, rid, 0, metric(0), metric(1))
    jobs.fail(rid)
    with jobs.database.write() as tx:
        jobs.lifecycle.claim(tx, rid, "server")
        jobs.workers.events(tx, rid, 2, 0, [metric(0)])
    assert steps(jobs, rid) == [0, 1, 0]


GOOD = [
    log("line"),
    log("line", "DEBUG"),
    metric(0),
    {**metric(0), "value": 1},
    {**metric(0), "unknown": "field"},
    parameter("boolean", True),
    parameter("integer", -(2**63)),
    parameter("double", 1.5),
    parameter("string", ""),
    parameter("datetime", "2026-01-02T03:04:05+00:00"),
]
BAD = [
    None,
    [],
    "log",
    {},
    {"type": "unknown"},
    log("line", "LOUD"),
    {**log("line"), "time": -1},
    {**log("line"), "time": 10**18},
    {**log("line"), "message": 7},
    {**metric(0), "value": "0.5"},
    {**metric(0), "value": True},
    {**metric(0), "step": 2**63},
    {**metric(0), "step": 0.5},
    {**metric(0), "series": ""},
    {**metric(0), "series": "x" * 1001},
    parameter("integer", 2**63),
    parameter("integer", True),
    parameter("double", "1"),
    parameter("datetime", "yesterday"),
    parameter("unknown", 1),
]


def test_well_formed_events_arrive_as_they_were_sent(jobs: InProcessJobs) -> None:
    rid = jobs.run().job_rid
    send(jobs, rid, 0, *GOOD)
    assert jobs.journal(rid, "event") == [event for event in GOOD if event["type"] != "log"]
    assert jobs.log(rid) == ["line", "line"]


def test_malformed_events_are_left_out_and_the_others_are_not(jobs: InProcessJobs) -> None:
    rid = jobs.run().job_rid
    send(jobs, rid, 0, metric(0), *BAD, metric(1))
    assert jobs.journal(rid, "event") == [metric(0), metric(1)]
    assert jobs.log(rid) == [f"Malformed reports that were left out: {len(BAD)}."]


def test_a_very_long_line_loses_its_end(jobs: InProcessJobs) -> None:
    rid = jobs.run().job_rid
    send(jobs, rid, 0, log("x" * 1_000_000))
    (line,) = jobs.log(rid)
    assert line == "x" * 10_000 + " ..."


def test_a_log_that_never_stops_is_cut(
    jobs: InProcessJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_MAX_LOG_LINES", 5)
    rid = jobs.run().job_rid
    for first in (0, 3, 6, 9):
        send(jobs, rid, first, *(log(f"line {first + number}") for number in range(3)))
    assert jobs.log(rid) == [*(f"line {n}" for n in range(4)), "The log is full and ends here."]
    jobs.fail(rid, reason="The reason is still told.")
    assert jobs.log(rid)[-1] == "The reason is still told."


def test_a_model_sent_again_replaces_the_earlier_one(jobs: InProcessJobs) -> None:
    rid = jobs.run().job_rid
    first = jobs.upload_model(rid)
    with jobs.database.write() as tx:
        assert jobs.workers.model(tx, rid, 1, "models/second") == first
    jobs.complete(rid)
    assert jobs.journal(rid, "succeeded")[0]["blob"] == "models/second"


def test_a_table_sent_again_replaces_the_earlier_one(jobs: InProcessJobs) -> None:
    rid = jobs.run().job_rid
    replaced = []
    for key in ("tables/a", "tables/b"):
        with jobs.database.write() as tx:
            about = {"name": "importance", "description": "", "row_count": 2, "size_bytes": 10}
            replaced.append(jobs.workers.table(tx, rid, 1, blob_key=key, **about))
    assert replaced == [None, "tables/a"]


def test_the_specification_names_the_attempt_and_what_it_may_use(jobs: InProcessJobs) -> None:
    payload = {"trainer": {"trainerId": "t"}, "customConfig": {"a": 1}, "inputs": {}}
    rid = jobs.run(cpu=2.5, memory_bytes=123_456_789, payload=payload).job_rid
    with jobs.database.read() as tx:
        assert jobs.workers.specification(tx, rid) == {
            **payload,
            "jobRid": rid,
            "attempt": 1,
            "heartbeatSeconds": 2.0,
            "resources": {"cpu": 2.5, "memoryBytes": 123_456_789},
        }


def test_an_unknown_job_has_no_specification(jobs: InProcessJobs) -> None:
    with jobs.database.read() as tx, pytest.raises(NotFound):
        jobs.workers.specification(tx, "ri.foundry-build.main.job.none")
