"""What a predictor needs of the interpreter that it runs in."""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest

from modelstudio.exporting.requirements import ExportError, requirements_of
from modelstudio.inference.interpreter import Interpreter
from virtual_environments import install_module, make_environment, site_packages

if TYPE_CHECKING:
    from pathlib import Path

OURS = "modelstudio.trainers.base:Predictor"


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Interpreter:
    """An interpreter that has one package, to which one module belongs."""
    folder = tmp_path_factory.mktemp("foreign")
    python = make_environment(folder / "env")
    install_module(folder / "env", "oracle", "class Oracle: pass\n")
    about = site_packages(folder / "env") / "delphi-1.5+cpu.dist-info"
    about.mkdir()
    about.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: delphi\nVersion: 1.5+cpu\n")
    about.joinpath("RECORD").write_text("oracle.py,,\n")
    about.joinpath("top_level.txt").write_text("oracle\n")
    return Interpreter(folder / "source", str(python), "delphi")


def test_the_environments_own_versions_count(foreign: Interpreter) -> None:
    found = requirements_of("oracle:Oracle", ["python=3.11.7", "torch=2.9.1+cpu"], foreign)
    assert found.python == "3.11.7"
    # A local version is on no index; numpy and pandas, which it lacks, have no version to name.
    assert found.pinned == ["torch==2.9.1", "numpy", "pandas", "delphi==1.5"]
    assert not found.complete  # it cannot say what those need in turn
    assert found.indirect == {}


def test_a_module_that_only_the_server_has_is_not_there(foreign: Interpreter) -> None:
    with pytest.raises(ExportError, match=r"'sklearn\.base' is not installed"):
        requirements_of("sklearn.base:X", [], foreign)
    assert requirements_of(OURS, [], foreign).pinned == ["numpy", "pandas"]


def test_other_versions_than_the_runs_say_nothing_of_what_they_need(tmp_path: Path) -> None:
    here = Interpreter(tmp_path / "source", sys.executable)
    same = requirements_of(OURS, [f"pandas={version('pandas')}"], here)
    assert (same.complete, "tzdata" in same.indirect) == (True, True)
    other = requirements_of(OURS, ["pandas=1.0"], here)
    assert (other.complete, other.indirect) == (False, {})
    assert "pandas==1.0" in other.pinned
