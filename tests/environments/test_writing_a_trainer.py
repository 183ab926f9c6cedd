"""The example of docs/writing-a-trainer.md: built, installed as a package of its own, and used."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support import RunningServer
from training_data import configure, ended, experiment_of, houses_csv, launch, prepare

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLE = Path(__file__).parents[2] / "examples" / "gaussian_trainer"
TRAINER = "ri.models..trainer.gaussian_regression"

pytestmark = pytest.mark.training


def pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True, timeout=120)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example's wheel installed in it, and nothing else."""
    folder = tmp_path_factory.mktemp("example")
    shutil.copytree(EXAMPLE, folder / "source")
    # The build backend is one of the development dependencies; without it pip fetches it.
    isolation = ["--no-build-isolation"] if find_spec("flit_core") else []
    pip("wheel", "--no-deps", *isolation, "-w", str(folder), str(folder / "source"))
    (wheel,) = folder.glob("gaussian_trainer-1.0.0-*.whl")
    pip("install", "--no-deps", "--no-index", "--target", str(folder / "installed"), str(wheel))
    return folder / "installed"


@pytest.fixture(scope="module")
def served(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    path = os.pathsep.join([str(installed), *filter(None, [os.environ.get("PYTHONPATH")])])
    running = RunningServer(
        tmp_path_factory.mktemp("served") / "data", environment={"PYTHONPATH": path}
    )
    running.start()
    yield running
    running.stop()


def test_the_example_trains_through_the_api_and_its_model_predicts(
    served: RunningServer, tmp_path: Path
) -> None:
    client = served.client()
    home = client.filesystem.Resource.get_by_path(path="/Main/Home").rid
    prepared = prepare(client, home, houses_csv())
    configure(client, prepared, trainer=TRAINER, custom={"penalties": [1e-3, 1.0, 100.0]})
    run = launch(client, prepared)
    assert ended(client, run) == "SUCCEEDED", served.log

    output = run.resolved_outputs["model"]
    experiment = experiment_of(client, run)
    assert set(experiment.artifacts) == {"leaderboard"}
    series = {one.name for one in experiment.series}
    assert {"run/progress", "validation/rmse"} <= series
    version = client.models.Model.Version.get(
        output.model_rid, output.model_version_rid, preview=True
    )
    names = [column.name for column in version.model_api.outputs[0].columns]
    assert names == ["price", "price_deviation"]

    given, predicted = tmp_path / "rows.csv", tmp_path / "predicted.csv"
    given.write_text("rooms,area\n4,100.0\n4,101.0\n")
    done = served.run_cli(
        "predict",
        *("--model-version", output.model_version_rid),
        *("--input", str(given), "--output", str(predicted)),
    )
    assert done.returncode == 0, done.stderr
    first, second = csv.DictReader(predicted.read_text().splitlines())
    assert float(second["price"]) - float(first["price"]) == pytest.approx(50, rel=0.2)
    assert 0 < float(first["price_deviation"]) < 2000
