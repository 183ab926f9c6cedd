"""The first trainer in an environment of its own, with its real libraries.

MODELSTUDIO_TEST_TIMESERIES_ENV names an interpreter that has them; else the environment is made
below the temporary directory, which downloads gigabytes.
"""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from environments.packages import newest_package
from modelstudio.trainers.environments import process_environment
from modelstudio.trainers.probe import look_into
from support import RunningServer
from training_data import ended, experiment_of, launch, prepare

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

TRAINER = "ri.models..trainer.autogluon_timeseries"
pytestmark = pytest.mark.environments


@pytest.fixture(scope="session")
def interpreter() -> Path:
    given = os.environ.get("MODELSTUDIO_TEST_TIMESERIES_ENV")
    if given:
        return Path(given)
    folder = Path(tempfile.gettempdir()) / "modelstudio-autogluon-timeseries"
    python = folder / "bin" / "python"
    if not python.exists() or not look_into(str(python), "autogluon_timeseries").offers:
        shutil.rmtree(folder, ignore_errors=True)  # left by a run that was interrupted
        command = [sys.executable, "-m", "modelstudio.cli", "trainer-env", "create"]
        subprocess.run([*command, "autogluon_timeseries", "--to", str(folder)], check=True)
    return python


@pytest.fixture(scope="module")
def served(interpreter: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    environment = {"MODELSTUDIO_TRAINER_ENVS": f"autogluon_timeseries={interpreter}"}
    running = RunningServer(tmp_path_factory.mktemp("served") / "data", environment=environment)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def passengers() -> pd.DataFrame:
    from statsforecast.utils import AirPassengersDF

    frame: pd.DataFrame = AirPassengersDF[["ds", "y"]].rename(columns={"ds": "month"})
    return frame.assign(month=frame["month"].dt.to_period("M").dt.start_time.dt.strftime("%F"))


def configured(served: RunningServer, table: bytes, **custom: Any) -> tuple[Any, Any]:
    """Configure and launch a run; return the client and the run."""
    client = served.client()
    home = client.filesystem.Resource.get_by_path(path="/Main/Home").rid
    prepared = prepare(client, home, table)
    client.models.ModelStudio.ConfigVersion.create(
        prepared.studio_rid,
        name="passengers",
        trainer_id=TRAINER,
        resources={"cpu": "1", "memory": "6G"},
        worker_config={
            "inputs": {
                "training_df": {
                    "type": "dataset",
                    "rid": prepared.dataset_rid,
                    "columnMapping": {"timestamp_column": ["month"], "target_column": ["y"]},
                    "ignoreColumns": [],
                    "selectColumns": [],
                }
            },
            "outputs": {"model": {"type": "model", "modelRid": prepared.model_rid}},
            "customConfig": custom,
        },
        preview=True,
    )
    return client, launch(client, prepared)


def test_it_is_offered_with_its_parameters(served: RunningServer) -> None:
    found = served.client().models.ModelStudioTrainer.get(TRAINER, preview=True)
    assert found.type == "TIME_SERIES"
    assert {"prediction_length", "presets", "seed"} <= set(found.custom_config_schema["properties"])


def test_it_forecasts_air_passengers_through_the_api(
    served: RunningServer, passengers: pd.DataFrame, tmp_path: Path
) -> None:
    table = passengers.to_csv(index=False).encode()
    client, run = configured(
        served,
        table,
        prediction_length=12,
        time_limit=60,
        presets="fast_training",
        hyperparameters={"DLinear": {"max_epochs": 5}},
        seed=3,
    )
    assert ended(client, run, seconds=400) == "SUCCEEDED", experiment_of(client, run).status_message
    experiment = experiment_of(client, run)
    metrics = {one.series_name: one.value for one in experiment.summary_metrics}
    # Repeating the last season has a MASE of about 1.5 on the last year.
    assert metrics["MASE"] < 1.5
    assert {"WQL", "sMAPE", "RMSSE"} <= set(metrics)
    tables = {"leaderboard", "backtest", "metrics_by_horizon", "metrics_by_series"}
    assert tables <= set(experiment.artifacts)
    lengths = {one.name: one.length for one in experiment.series}
    assert lengths["validation/MASE"] >= 4
    assert lengths["run/progress"] >= 4
    parameters = {one.name for one in experiment.parameters}
    assert {"frequency", "model_types", "autogluon.timeseries_version"} <= parameters
    print(metrics)  # noqa: T201

    found = newest_package(served.data_dir)
    assert found.environment == "autogluon_timeseries"
    assert found.file.stat().st_size < 20_000_000
    version = run.resolved_outputs["model"].model_version_rid
    year = forecast(served, version, tmp_path / "year.csv")
    assert [row["month"][:7] for row in year] == [f"1961-{month:02}" for month in range(1, 13)]
    assert all(float(row["prediction_0.1"]) < float(row["prediction_0.9"]) for row in year)
    # With two further months of twice the level, the forecast begins after them and is higher.
    (tmp_path / "later.csv").write_text("month,y\n1961-01-01,900\n1961-02-01,850\n")
    later = forecast(served, version, tmp_path / "after.csv", tmp_path / "later.csv")
    assert later[0]["month"][:7] == "1961-03"
    assert float(later[0]["prediction"]) > float(year[2]["prediction"])


def forecast(
    served: RunningServer, version: str, output: Path, given: Path | None = None
) -> list[dict[str, str]]:
    arguments = ["predict", "--model-version", version, "--output", str(output)]
    if given is not None:
        arguments += ["--input", str(given)]
    done = served.run_cli(*arguments, seconds=300)
    assert done.returncode == 0, done.stderr
    return list(csv.DictReader(output.read_text().splitlines()))


def test_a_series_without_a_frequency_fails_with_the_documented_message(
    served: RunningServer,
) -> None:
    rows = "".join(f"20{year:02}-0{1 + year % 7}-1{year % 9},{year}\n" for year in range(1, 40, 3))
    client, run = configured(served, f"month,y\n{rows}".encode(), prediction_length=2)
    assert ended(client, run, seconds=120) == "FAILED"
    message = experiment_of(client, run).status_message
    assert message.startswith("Frequency of train_data is not provided and cannot be inferred")


ENDLESS = """
import sys, time
from statsforecast.utils import AirPassengersDF
from autogluon.timeseries import TimeSeriesDataFrame, TimeSeriesPredictor
from autogluon.timeseries.models import NaiveModel
from modelstudio.trainers.autogluon_timeseries import progress
from modelstudio.trainers.autogluon_timeseries.progress import reported_output, watched

progress._PATIENCE_FACTOR, progress._PATIENCE_SECONDS = 0.1, 0  # a tenth of a model's share

class Reporter:
    def log(self, message, level="INFO"):
        print(level, message)

    def metric(self, series, value, step):
        print(series, step)

    def progress(self, fraction, message=""):
        print(message)


def endless(*_, **__):
    while True:
        time.sleep(0.01)


NaiveModel._fit = endless
frame = AirPassengersDF.rename(columns={"ds": "timestamp", "y": "target"}).assign(item_id="a")
data = TimeSeriesDataFrame.from_data_frame(frame.drop(columns="unique_id"))
models = {"Naive": {}, "SeasonalNaive": {"n_jobs": 1}}
predictor = TimeSeriesPredictor(path=sys.argv[1], freq="ME", verbosity=2, log_to_file=False)
started = time.monotonic()
with reported_output(Reporter(), sys.argv[1]), watched(Reporter(), "WQL", 2, 90):
    predictor.fit(data, hyperparameters=models, time_limit=90)
print("seconds", time.monotonic() - started)
print("models", predictor.model_names())
"""


def test_a_model_that_never_ends_is_ended_and_the_rest_goes_on(
    interpreter: Path, tmp_path: Path
) -> None:
    done = subprocess.run(
        [interpreter, "-c", ENDLESS, str(tmp_path / "fit")],
        env=process_environment(os.environ, "autogluon_timeseries", tmp_path / "source"),
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    assert "Time limit exceeded... Skipping Naive." in done.stdout
    assert "models ['SeasonalNaive']" in done.stdout
    assert "validation/WQL 1" in done.stdout
    (seconds,) = [line for line in done.stdout.splitlines() if line.startswith("seconds ")]
    assert 2 < float(seconds.split()[1]) < 60
