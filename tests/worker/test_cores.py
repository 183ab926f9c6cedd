"""Cores are given to runs so that runs at the same time do not share any."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelstudio.compute import machine
from modelstudio.compute.cores import choose, from_handle, to_text
from patience import allowed


@pytest.mark.parametrize(
    ("cpu", "cores"), [(0.25, [0]), (1.0, [0]), (1.9, [0]), (2.0, [0, 1]), (3.5, [0, 1, 2])]
)
def test_a_run_gets_whole_cores_but_no_more_than_it_asked_for(cpu, cores):
    assert choose(cpu, range(4), []) == cores


@pytest.mark.parametrize("cpu", [4.0, 64.0])
def test_a_run_that_may_use_all_cores_is_bound_to_none(cpu):
    assert choose(cpu, range(4), []) == []


def test_without_cores_to_choose_from_a_run_is_bound_to_none():
    assert choose(1.0, [], []) == []


@given(
    st.sets(st.integers(0, 255), min_size=1, max_size=64).map(sorted),
    st.lists(st.floats(1.0, 8.0), max_size=30),
)
def test_runs_that_fit_together_share_no_core(usable, wanted):
    handles, left = [], float(len(usable))
    for cpu in wanted:
        if cpu > left:
            continue
        left -= cpu
        handles.append({"cores": to_text(choose(cpu, usable, handles))})
    taken = [core for handle in handles for core in from_handle(handle)]
    assert len(taken) == len(set(taken))
    assert set(taken) <= set(usable)


@given(st.lists(st.integers(1, 3), min_size=1, max_size=40))
def test_more_runs_than_cores_are_spread_evenly(wanted):
    handles = []
    for cpu in wanted:
        handles.append({"cores": to_text(choose(cpu, range(4), handles))})
    taken = [core for handle in handles for core in from_handle(handle)]
    counts = [taken.count(core) for core in range(4)]
    assert max(counts) - min(counts) <= 1


def test_a_handle_of_an_earlier_version_names_no_cores():
    assert from_handle({"pid": 1}) == []


def test_a_share_of_the_machines_time_is_no_cores_to_choose_from(monkeypatch):
    monkeypatch.setattr(machine, "usable_cpu", lambda: 0.5)
    assert machine.whole_cores() == []


def test_two_runs_at_the_same_time_are_on_different_cores(rig):
    if len(machine.whole_cores()) < 2:
        return  # then nothing is bound, as the tests above say
    seen = []
    for _ in range(2):
        job = rig.submit("limit_trainers:Counting", {"seconds": 30})
        rig.start(neighbours=[one for one, _ in seen])
        job.wait(lambda j: j.logs())
        seen.append((rig.handle, job.logs()))
    begun = time.monotonic()
    for handle, _ in seen:
        rig.compute.stop(handle, 1.0)
    assert time.monotonic() - begun < allowed(8)
    assert [logs for _, logs in seen] == [["on cores [0]"], ["on cores [1]"]]
