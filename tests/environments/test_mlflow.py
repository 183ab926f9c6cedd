"""Exports in MLflow's form, loaded and served by MLflow itself.

MODELSTUDIO_TEST_MLFLOW_ENV names an interpreter of an environment that has MLflow and what the
exports need; else that environment is made below the temporary directory, from the requirements of
the exports themselves.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from forecasting_data import STORES, run_trainer, stores
from modelstudio.exporting.directory import export
from modelstudio.exporting.native import Exportable
from modelstudio.inference.interpreter import Interpreter
from modelstudio.inference.package import unpack
from modelstudio.inference.process import load
from modelstudio.trainers.tabular.gradient_ensemble.specification import CLASSIFICATION
from modelstudio.worker.package import pack
from support import free_port, wait_for
from trained import train_on
from trainers.conftest import Recorder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelstudio.trainers.base import TrainedModel

pytestmark = pytest.mark.environments

PREDICT = """
import sys
import mlflow, pandas as pd
model = mlflow.pyfunc.load_model(sys.argv[1])
model.predict(pd.read_parquet(sys.argv[2])).to_parquet(sys.argv[3])
assert model.metadata.signature.inputs.input_names()
model.predict(model.metadata.load_input_example(sys.argv[1]))
"""
EXAMPLE = "model.predict(model.metadata.load_input_example(sys.argv[1]))\n"


@dataclass(frozen=True)
class Exported:
    """An export, and frames with what its predictor answers to them here."""

    directory: Path
    predictor: Any
    frames: dict[str, pd.DataFrame]


def exported(model: TrainedModel, model_dir: Path, to: Path) -> Path:
    package = model_dir.with_suffix(".zip")
    pack(model_dir, package)
    version = Exportable(
        version_rid="ri.models.main.model-version.00000000-0000-0000-0000-000000000001",
        model_rid="ri.models.main.model.00000000-0000-0000-0000-000000000001",
        branch="master",
        created="2026-01-31T12:00:00.000+00:00",
        experiment_rid=None,
        model_api=model.model_api,
        predictor=model.predictor,
        trainer={"id": "ri.models..trainer.tests", "version": "1"},
        data=[],
        unpack=lambda target: unpack(package, target),
    )
    interpreter = Interpreter(to.parent / "source")
    export(version, model.requirements, interpreter, to, "mlflow", replace=False)
    return to


@pytest.fixture(scope="session")
def houses() -> pd.DataFrame:
    random = np.random.default_rng(1)
    hours = pd.to_timedelta(random.integers(0, 2000, 400), unit="h")
    frame = pd.DataFrame(
        {
            "size": random.normal(50, 10, 400),
            "colour": random.choice(["red", "green", "blue"], 400),
            "sold": random.random(400) < 0.5,
            "rooms": np.where(random.random(400) < 0.1, np.nan, random.integers(1, 9, 400)),
            "seen": pd.Timestamp("2024-01-01") + hours,
        }
    )
    frame["price"] = frame["size"] + 5 * frame["rooms"].fillna(0) + frame["seen"].dt.hour
    return frame


@pytest.fixture(scope="session")
def tabular(houses: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    training = houses.astype({"rooms": "Int64"})
    trained = train_on(training, "price", tmp_path_factory.mktemp("tabular"))
    to = exported(trained.model, trained.directory, trained.directory.parent / "export")
    return Exported(to, trained.predictor(), {"rows": houses.drop(columns="price")})


@pytest.fixture(scope="session")
def ensemble(houses: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    training = houses.astype({"rooms": "Int64"}).assign(price=houses["price"] > 60)
    trained = train_on(
        training,
        "price",
        tmp_path_factory.mktemp("ensemble"),
        trainer=CLASSIFICATION,
        config={"time_limit": 10, "predict_probabilities": True},
    )
    to = exported(trained.model, trained.directory, trained.directory.parent / "export")
    return Exported(to, trained.predictor(), {"rows": houses.drop(columns="price")})


@pytest.fixture(scope="session")
def forecasting(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    folder = tmp_path_factory.mktemp("forecasting")
    frame = stores()
    history = frame[frame["day"] < "2024-04-24"]
    mapping = {**STORES, "known_covariates": ["promotion"]}
    run = run_trainer(folder / "run", Recorder(), history, mapping)
    later = frame[frame["day"] >= "2024-04-24"].assign(sales=np.nan, visitors=np.nan)
    to = exported(run.model, run.folder, folder / "export")
    predictor = load(run.model.predictor, run.folder)
    return Exported(to, predictor, {"later": later, "nothing": later.iloc[:0]})


@pytest.fixture(scope="session")
def python(tabular: Exported, ensemble: Exported, forecasting: Exported) -> Path:
    given = os.environ.get("MODELSTUDIO_TEST_MLFLOW_ENV")
    if given:
        return Path(given)
    folder = Path(tempfile.gettempdir()) / "modelstudio-mlflow"
    made = folder / "bin" / "python"
    if not made.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    needed = [one.directory for one in (tabular, ensemble, forecasting)]
    files = [word for one in needed for word in ("-r", str(one / "requirements.txt"))]
    subprocess.run([str(made), "-m", "pip", "install", "--quiet", *files], check=True)
    return made


def alone() -> dict[str, str]:
    """Return variables that lead to nothing of ours."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


@pytest.mark.parametrize("kind", ["tabular", "ensemble", "forecasting"])
def test_its_loader_predicts_as_we_do(
    kind: str, python: Path, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    model: Exported = request.getfixturevalue(kind)
    script = PREDICT.replace(EXAMPLE, "") if kind == "forecasting" else PREDICT
    for name, frame in model.frames.items():
        rows, answers = tmp_path / f"{name}.parquet", tmp_path / f"{name}.answers.parquet"
        frame.to_parquet(rows)
        done = subprocess.run(
            [str(python), "-c", script, str(model.directory), str(rows), str(answers)],
            cwd=tmp_path,
            env=alone(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        found = pd.read_parquet(answers)
        expected = model.predictor.predict(frame)
        pd.testing.assert_frame_equal(
            found.reset_index(drop=True), expected.reset_index(drop=True), check_exact=True
        )
        assert len(found) > 0


@contextmanager
def serving(python: Path, model: Path, log: Path) -> Iterator[str]:
    """Run MLflow's scoring server on a model; give its URL."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [python.parent / "mlflow", "models", "serve", "-m", model, "-p", port]
    command += ["-h", "127.0.0.1", "--env-manager", "local"]
    variables = {**alone(), "PATH": f"{python.parent}:{os.environ['PATH']}"}
    with log.open("wb") as file:
        server = subprocess.Popen(
            [str(word) for word in command],
            cwd=log.parent,
            env=variables,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        wait_for(lambda: answers(f"{url}/ping"), seconds=120, every=0.5)
        yield url
    finally:
        os.killpg(server.pid, 15)
        try:
            server.wait(30)
        finally:
            server.kill()
            server.wait()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except (OSError, urllib.error.URLError):
        return False


def asked(url: str, body: bytes) -> Any:
    request = urllib.request.Request(
        f"{url}/invocations", data=body, headers={"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["predictions"]


def test_its_scoring_server_answers_as_we_do(
    python: Path, tabular: Exported, tmp_path: Path
) -> None:
    frame = tabular.frames["rows"].head(20)
    expected = tabular.predictor.predict(frame)["price"].tolist()
    records = json.loads(frame.to_json(orient="records", date_format="iso"))
    split = json.loads(frame.to_json(orient="split", date_format="iso", index=False))
    with serving(python, tabular.directory, tmp_path / "log") as url:
        for form, table in (("dataframe_records", records), ("dataframe_split", split)):
            body = json.dumps({form: table}).encode()
            found = [row["price"] for row in asked(url, body)]
            assert found == pytest.approx(expected, rel=1e-9)
        example = (tabular.directory / "serving_input_example.json").read_bytes()
        assert len(asked(url, example)) == 1
