"""`modelstudio trainer-env`, on environments that are made in the test."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from virtual_environments import (
    install_entry_points,
    install_module,
    make_environment,
    specification_code,
)

if TYPE_CHECKING:
    from pathlib import Path


def run(*arguments: str, setting: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "modelstudio.cli", "trainer-env", *arguments],
        env={**_environment(), "MODELSTUDIO_TRAINER_ENVS": setting},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def _environment() -> dict[str, str]:
    import os

    return {name: value for name, value in os.environ.items() if "MODELSTUDIO_" not in name}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("environment")
    make_environment(folder)
    for name, code in (
        ("good", specification_code("good")),
        ("broken", "import no_such_library"),
        ("invalid", specification_code("Invalid")),
    ):
        install_module(folder, name, code)
        install_entry_points(folder, name, {"trainer": f"{name}:SPECIFICATION"})
    return folder


def test_check_lists_what_runs_and_says_why_the_rest_does_not(folder: Path) -> None:
    done = run("check", setting=f"text={folder}")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "text: ri.models..trainer.good\n"
    left_out = "text: left out broken: trainer = broken:SPECIFICATION: ModuleNotFoundError"
    assert left_out in done.stderr
    assert "left out invalid: trainer = invalid:SPECIFICATION: trainer_id:" in done.stderr


def test_check_fails_for_an_environment_without_trainers(tmp_path: Path) -> None:
    make_environment(tmp_path / "bare")
    done = run("check", setting=f"bare={tmp_path / 'bare'}")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: no trainer can run in bare\n"
    assert run("check", setting="bare=/nowhere").returncode == 2
    assert run("check").returncode == 0


def test_create_makes_only_environments_that_trainers_have_and_in_new_folders(
    tmp_path: Path,
) -> None:
    done = run("create", "nothing", "--to", str(tmp_path / "new"))
    assert done.returncode == 2
    assert "no trainer has the environment 'nothing'; known: autogluon_timeseries" in done.stderr
    (tmp_path / "file").write_text("")
    done = run("create", "autogluon_timeseries", "--to", str(tmp_path))
    assert done.returncode == 2
    assert "is there already" in done.stderr
    arguments = ("create", "autogluon_timeseries", "--to", str(tmp_path / "new"))
    done = run(*arguments, "--python", "/nowhere/python")
    assert (done.returncode, done.stdout) == (1, "")
    assert "error: /nowhere/python: No such file or directory" in done.stderr


def test_create_that_fails_leaves_no_half_of_an_environment(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(
        "#!/bin/sh\n"
        'mkdir -p "$3/bin"; printf "#!/bin/sh\\nexit 1\\n" > "$3/bin/python"\n'
        'chmod 700 "$3/bin/python"\n'
    )
    python.chmod(0o700)
    new = tmp_path / "new"
    done = run("create", "autogluon_timeseries", "--to", str(new), "--python", str(python))
    assert done.returncode == 1
    assert "pip install" in done.stderr
    assert not new.exists()
    done = run("create", "autogluon_timeseries", "--to", str(tmp_path / "a,b"))
    assert done.returncode == 2
    assert "may not hold a comma" in done.stderr
