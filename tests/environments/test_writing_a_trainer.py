"""The example of docs/writing-a-trainer.md: built, installed as a package of its own, and used."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support import RunningServer
from training_data import configure, ended, experiment_of, houses_csv, launch, prepare

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLE = Path(__file__).parents[2] / "examples" / "gaussian_trainer"
TRAINER = "ri.models..trainer.gaussian_regression"
PREDICT = """
import json, pathlib, sys, pandas as pd
from gaussian_trainer.trainer import GaussianPredictor
predictor = GaussianPredictor.load(pathlib.Path(sys.argv[1]))
print(predictor.predict(pd.DataFrame(json.loads(sys.argv[2]))).to_json(orient="records"))
"""

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
    served: RunningServer, installed: Path, tmp_path: Path
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

    rows = {"rooms": [4, 4], "area": [100.0, 101.0]}
    predicted = predict(served, installed, tmp_path, rows)
    assert predicted[1]["price"] - predicted[0]["price"] == pytest.approx(50, rel=0.2)
    assert 0 < predicted[0]["price_deviation"] < 2000


def predict(
    served: RunningServer, installed: Path, folder: Path, rows: dict[str, Any]
) -> list[dict[str, float]]:
    """Predict in a process of its own, which has the example's package and the model's files."""
    (package,) = (
        path for path in (served.data_dir / "blobs" / "models").rglob("*") if path.is_file()
    )
    with zipfile.ZipFile(io.BytesIO(package.read_bytes())) as archive:
        archive.extractall(folder)
    done = subprocess.run(
        [sys.executable, "-c", PREDICT, str(folder), json.dumps(rows)],
        env={
            **os.environ,
            "PYTHONPATH": f"{installed}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    found: list[dict[str, float]] = json.loads(done.stdout)
    return found
