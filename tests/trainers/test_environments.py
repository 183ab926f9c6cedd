from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from modelstudio.errors import ConfigurationError
from modelstudio.settings import Settings
from modelstudio.trainers.environments import (
    InvalidEnvironmentsError,
    TrainerEnvironments,
    UnknownEnvironmentError,
    process_environment,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def interpreter(tmp_path: Path) -> Path:
    """A virtual environment's interpreter, as far as the setting can see."""
    python = tmp_path / "env" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    return python


def test_the_setting_names_an_interpreter_for_each_environment(interpreter: Path) -> None:
    environments = TrainerEnvironments.parse(f" a={interpreter}, b.c-d = {interpreter.parents[1]},")
    assert environments.interpreter_for("a") == str(interpreter)
    assert environments.interpreter_for("b.c-d") == str(interpreter)
    assert environments.interpreter_for(None) == sys.executable
    assert TrainerEnvironments.parse("").interpreters == {}


def test_an_environment_that_is_not_set_up_is_named_with_the_setting() -> None:
    with pytest.raises(UnknownEnvironmentError, match=r"'llm' is not set up.*TRAINER_ENVS"):
        TrainerEnvironments().interpreter_for("llm")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("llm", "'llm' is not NAME=INTERPRETER"),
        ("=/usr/bin/python", "is not NAME=INTERPRETER"),
        ("a b={python}", "is not NAME=INTERPRETER"),
        ("llm=", "is not NAME=INTERPRETER"),
        ("llm={python},llm={python}", "the environment llm is named twice"),
        ("llm=bin/python", "bin/python, is no absolute path"),
        ("llm={folder}/none", "does not exist"),
        ("llm={folder}", "bin/python, does not exist"),
        ("llm={folder}/text", "may not be executed"),
    ],
)
def test_a_setting_that_cannot_work_is_refused_with_the_reason(
    text: str, problem: str, interpreter: Path, tmp_path: Path
) -> None:
    (tmp_path / "text").write_text("")
    text = text.format(python=interpreter, folder=tmp_path)
    with pytest.raises(InvalidEnvironmentsError, match=problem):
        TrainerEnvironments.parse(text)
    settings = Settings.from_environment({"MODELSTUDIO_TRAINER_ENVS": text})
    with pytest.raises(ConfigurationError, match=f"^MODELSTUDIO_TRAINER_ENVS: .*{problem}"):
        _ = settings.environments


def test_a_process_in_another_environment_sees_our_source_and_none_of_our_packages(
    tmp_path: Path,
) -> None:
    inherited = {**os.environ, "PYTHONPATH": "/somewhere", "PYTHONHOME": "/else", "A": "b"}
    assert process_environment(inherited, None, tmp_path / "source") == inherited
    for _ in range(2):  # it may be asked for again
        variables = process_environment(inherited, "llm", tmp_path / "source")
    assert variables["PYTHONPATH"] == str(tmp_path / "source")
    assert variables["A"] == "b"
    assert "PYTHONHOME" not in variables
    assert [path.name for path in (tmp_path / "source").iterdir()] == ["modelstudio"]


def test_what_runs_in_other_interpreters_needs_the_standard_library_only(tmp_path: Path) -> None:
    """-S leaves out the packages of this environment, as if it had none."""
    modules = (
        "modelstudio.worker.training, modelstudio.trainers.catalogue, modelstudio.trainers.plugins"
    )
    code = (
        f"import {modules}\n"
        "assert len(modelstudio.trainers.catalogue.built_in().list()) >= 2\n"
        "import importlib.util as u; assert u.find_spec('psutil') is None, 'packages are here'"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env=process_environment({"PATH": os.environ["PATH"]}, "other", tmp_path / "source"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
