"""Which trainers a server offers: its own, other packages' and those of other interpreters."""

from __future__ import annotations

import stat
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from structlog.testing import capture_logs

import modelstudio
from modelstudio.errors import ConfigurationError
from modelstudio.studios.offering import open_catalogue
from modelstudio.trainers import probe
from modelstudio.trainers.catalogue import built_in
from modelstudio.trainers.environments import TrainerEnvironments
from support import wait_for
from virtual_environments import (
    install_entry_points,
    install_module,
    make_environment,
    specification_code,
)

if TYPE_CHECKING:
    from modelstudio.trainers.catalogue import Catalogue

BASE = "from modelstudio.trainers.base import TrainerSpecification\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_environment(tmp_path / "env")
    return tmp_path / "env"


def opened(folder: Path, name: str = "x") -> tuple[Catalogue, dict[str, str]]:
    """Return the catalogue, and the reason of each trainer that was left out, by its source."""
    with capture_logs() as lines:
        catalogue = open_catalogue(TrainerEnvironments.parse(f"{name}={folder}"))
    left_out = {one["source"]: one["reason"] for one in lines if one["event"] == "trainer left out"}
    return catalogue, left_out


def ids(catalogue: Catalogue) -> set[str]:
    """Return the names of the trainers that do not come with Model Studio's own interpreter."""
    own = {one.trainer_id for one in built_in().list() if one.environment is None}
    found = {one.trainer_id for one in catalogue.list()} - own
    return {trainer_id.rpartition(".")[2] for trainer_id in found}


def install(folder: Path, name: str, code: str, attribute: str = "SPECIFICATION") -> None:
    install_module(folder, name, code)
    install_entry_points(folder, name, {"trainer": f"{name}:{attribute}"})


def test_trainers_of_an_environment_are_offered_to_run_there(folder: Path) -> None:
    install(folder, "plain", specification_code("plain"))
    install(folder, "named", specification_code("named", 'environment="x"'))
    install(
        folder,
        "several",
        specification_code("several") + "\ndef all(): return [SPECIFICATION]",
        "all",
    )
    install(folder, "elsewhere", specification_code("elsewhere", 'environment="y"'))
    catalogue, left_out = opened(folder)
    assert ids(catalogue) == {"plain", "named", "several"}
    assert left_out == {}
    for name in ("plain", "named", "several"):
        found = catalogue.get(f"ri.models..trainer.{name}", "1.0")
        assert found is not None
        assert found.environment == "x"
    assert catalogue.source("ri.models..trainer.plain", "1.0") == (
        "plain: trainer = plain:SPECIFICATION"
    )
    own = built_in().list()[0]
    assert catalogue.source(own.trainer_id, own.version) is None


def test_a_broken_package_is_left_out_and_the_log_says_why(folder: Path) -> None:
    install(folder, "a_raises", "raise RuntimeError('no GPU here')")
    install(folder, "b_lacks", "import nothing_like_it")
    install(folder, "c_exits", "import sys; sys.exit('no licence')")
    install(folder, "d_dies", "import os; print('noise'); os._exit(7)")
    install(folder, "e_crashes", "import os; os.kill(os.getpid(), 11)")
    install(folder, "f_wrong", "SPECIFICATION = 7")
    install(folder, "g_none", "")
    install(folder, "good", "print('{')\n" + specification_code("good"))
    catalogue, left_out = opened(folder)
    assert ids(catalogue) == {"good"}
    reasons = {source.partition(":")[0]: reason for source, reason in left_out.items()}
    assert reasons["a_raises"] == "RuntimeError: no GPU here"
    assert reasons["b_lacks"] == "ModuleNotFoundError: No module named 'nothing_like_it'"
    assert reasons["c_exits"] == "SystemExit: no licence"
    assert reasons["d_dies"].startswith("it ended the process that loaded it: exit code 7")
    assert reasons["e_crashes"].startswith("it ended the process that loaded it: signal 11")
    assert reasons["f_wrong"] == "TypeError: int is no TrainerSpecification"
    assert reasons["g_none"].startswith("AttributeError: ")
    assert len(reasons) == 7


def test_a_package_that_hangs_is_left_out(folder: Path) -> None:
    install(folder, "hanging", "import time; time.sleep(600)")
    install(folder, "good", specification_code("good"))
    findings = probe.look_into(str(folder / "bin" / "python"), "x", 5)
    assert [offer.source.partition(":")[0] for offer in findings.offers] == ["good"]
    assert list(findings.problems.values()) == [
        "it ended the process that loaded it: it took longer than 5 s"
    ]


def test_what_a_package_leaves_running_holds_nothing_up_and_is_ended(folder: Path) -> None:
    lingering = (
        "import pathlib, subprocess, threading, time\n"
        "threading.Thread(target=time.sleep, args=(600,)).start()\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        f"pathlib.Path({str(folder / 'pid')!r}).write_text(str(child.pid))\n"
    )
    install(folder, "lingering", lingering + specification_code("lingering"))
    started = time.monotonic()
    findings = probe.look_into(str(folder / "bin" / "python"), "x", 60)
    assert time.monotonic() - started < 60
    assert len(findings.offers) == 1
    assert findings.problems == {}
    pid = int((folder / "pid").read_text())
    wait_for(
        lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == "zombie", seconds=20
    )


def test_a_package_that_never_stops_printing_does_not_fill_the_disk(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "MOST_BYTES", 1_000_000)
    install(folder, "noisy", "while True: print('x' * 10_000)")
    install(folder, "other", "print('x' * 10_000, flush=True)\n" + specification_code("other"))
    findings = probe.look_into(str(folder / "bin" / "python"), "x", 60)
    assert [offer.source.partition(":")[0] for offer in findings.offers] == ["other"]
    (reason,) = findings.problems.values()
    assert reason == "OSError: [Errno 27] File too large"


def test_a_package_beside_the_server_may_ask_for_another_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(modelstudio.__file__).parents[1]))
    install(folder, "here", specification_code("here"))
    install(folder, "there", specification_code("there", 'environment="y"'))
    monkeypatch.setattr("sys.executable", str(folder / "bin" / "python"))
    monkeypatch.setattr("modelstudio.trainers.plugins.found", lambda: ["something"])
    with capture_logs() as lines:
        catalogue = open_catalogue(TrainerEnvironments())
    assert ids(catalogue) == {"here"}
    here = catalogue.get("ri.models..trainer.here")
    assert here is not None
    assert here.environment is None
    assert [line["reason"] for line in lines] == ["MODELSTUDIO_TRAINER_ENVS has no environment y"]


def test_an_id_belongs_to_whoever_came_first(folder: Path) -> None:
    install(folder, "first", specification_code("same"))
    install(folder, "second", specification_code("same", "experimental=True"))
    install(folder, "third", specification_code("autogluon_tabular_regression"))
    twice = specification_code("twice") + "\ndef all(): return [SPECIFICATION, SPECIFICATION]"
    install(folder, "twice", twice, "all")
    catalogue, left_out = opened(folder)
    same = catalogue.get("ri.models..trainer.same")
    assert same is not None
    assert not same.experimental
    reasons = {source.partition(":")[0]: reason for source, reason in left_out.items()}
    assert reasons == {
        "second": "the id is taken by first: trainer = first:SPECIFICATION in the environment x",
        "third": "the id is taken by modelstudio",
        "twice": "its version 1.0 is there twice",
    }
    assert ids(catalogue) == {"same", "twice"}


def test_our_own_trainers_of_other_environments_are_offered_only_where_they_can_run(
    folder: Path,
) -> None:
    (own,) = [one for one in built_in().list() if one.environment is not None]
    catalogue, left_out = opened(folder, "autogluon_timeseries")
    assert catalogue.get(own.trainer_id) is None
    assert left_out == {
        f"modelstudio ({own.trainer_id})": "autogluon.timeseries, pyarrow is not installed there"
    }
    for library in own.requires:
        install_entry_points(folder, library, {})
    catalogue, left_out = opened(folder, "autogluon_timeseries")
    assert left_out == {}
    assert catalogue.get(own.trainer_id) == replace(own, requires=list(own.requires))


def test_a_trainer_whose_libraries_are_missing_is_left_out(folder: Path) -> None:
    install(folder, "needy", specification_code("needy", 'requires=["needy", "torch", "vllm"]'))
    catalogue, left_out = opened(folder)
    assert ids(catalogue) == set()
    assert list(left_out.values()) == ["torch, vllm is not installed there"]


def changed(**changes: str) -> str:
    """Return code that changes a complete specification."""
    arguments = ", ".join(f"{name}={value}" for name, value in changes.items())
    return f"\nimport dataclasses\nSPECIFICATION = dataclasses.replace(SPECIFICATION, {arguments})"


OBJECT = "{**SPECIFICATION.config_schema, %s}"
SIZE = '{"size": {"title": "Size", "description": "Bytes.", "default": 1, %s}}'
INPUT = '{"input_df": {**SPECIFICATION.inputs["input_df"], %s}}'


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"trainer_id": '"my.trainer"'}, "trainer_id: 'my.trainer' is not ri.models..trainer.NAME"),
        ({"trainer_id": "7"}, "trainer_id: Input should be a valid string"),
        ({"version": '"1 0"'}, "version: String should match pattern"),
        ({"type": '"ROBOT"'}, "type: Input should be 'GENERIC', 'TIME_SERIES'"),
        ({"implementation": '"module"'}, "implementation: String should match pattern"),
        ({"config_schema": "{1}"}, "Object of type set is not JSON serializable"),
        ({"config_schema": '{"type": "object"}'}, "config_schema: its type is object, and"),
        ({"config_schema": OBJECT % '"type": "obj"'}, "config_schema.type: 'obj' is not valid"),
        ({"config_schema": OBJECT % '"$schema": "x"'}, "config_schema: $schema is not https://"),
        (
            {"config_schema": OBJECT % f'"properties": {SIZE}' % '"type": "string"'},
            "config_schema: the default of size is not valid: 1 is not of type 'string'",
        ),
        (
            {"config_schema": OBJECT % f'"properties": {SIZE}' % '"$ref": "http://127.0.0.1:9/x"'},
            "config_schema: $ref 'http://127.0.0.1:9/x' leads elsewhere",
        ),
        (
            {"config_schema": OBJECT % '"properties": {"size": {"default": 1}}'},
            "config_schema: size has no title, description",
        ),
        (
            {"config_schema": OBJECT % '"properties": {"size": True}'},
            "config_schema: size has no title, description, default",
        ),
        (
            {"config_schema": OBJECT % f'"properties": {SIZE}' % '"pattern": "("'},
            "config_schema.properties.size.pattern: '(' is not a 'regex'",
        ),
        (
            {"config_schema": OBJECT % f'"properties": {SIZE}' % '"$ref": "#/$defs/none"'},
            "config_schema: $ref '#/$defs/none' leads nowhere",
        ),
        (
            {
                "config_schema": OBJECT
                % f'"$defs": {{"a": {{"$ref": "#/$defs/a"}}}}, "properties": {SIZE}'
                % '"$ref": "#/$defs/a"'
            },
            "config_schema: it cannot be evaluated: RecursionError",
        ),
        ({"inputs": "{}"}, "inputs: Dictionary should have at least 1 item"),
        ({"inputs": INPUT % '"optional": "no"'}, "inputs.input_df.optional: Input should be a val"),
        ({"inputs": INPUT % '"type": {"type": "model"}'}, "inputs.input_df.type.type: Input"),
        ({"outputs": "{}"}, "outputs: a trainer has exactly one output, the model"),
    ],
)  # fmt: skip
def test_a_specification_that_the_server_could_not_use_is_left_out(
    change: dict[str, Any], reason: str, folder: Path
) -> None:
    install(folder, "odd", specification_code("odd") + changed(**change))
    catalogue, left_out = opened(folder)
    assert ids(catalogue) == set()
    (given,) = left_out.values()
    assert given.startswith(reason)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo hello", "is no working Python: exit code 0"),
        ("echo 'not found' >&2; exit 3", "is no working Python: not found"),
        ("echo modelstudio trainer probe 3.9", "is Python 3.9; trainers need 3.11 or newer"),
        ("echo modelstudio trainer probe 3.12", "cannot load Model Studio's source: exit code 0"),
    ],
)
def test_an_interpreter_that_cannot_run_trainers_stops_the_start(
    script: str, reason: str, tmp_path: Path
) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    environments = TrainerEnvironments.parse(f"x={python}")
    with pytest.raises(ConfigurationError, match=f"^MODELSTUDIO_TRAINER_ENVS: .*{reason}$"):
        open_catalogue(environments)
