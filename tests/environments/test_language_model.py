"""A trainer in an interpreter of its own, from the catalogue to a prediction, with large models."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from foundry_sdk.v2.models.errors import TrainerNotFound

from environments.packages import newest_package
from support import RunningServer
from training_data import dataset_input, ended, experiment_of, launch, prepare
from virtual_environments import install_entry_points, install_module, make_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

TRAINER = "ri.models..trainer.tiny_language_model"
EXAMPLES = b"prompt,completion\nto be,or not\nnot to,be\n"
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("language")
    make_environment(folder)
    source = Path(__file__).with_name("language_model.py").read_text()
    install_module(folder, "language_model", source)
    install_entry_points(folder, "tiny-language-model", {"tiny": "language_model:SPECIFICATION"})
    return folder


@dataclass
class Studio:
    """A server that has the environment, and a studio on it."""

    server: RunningServer
    interpreter: str
    scratch: Path

    def configure(self, **custom: Any) -> Any:
        client = self.server.client()
        home = client.filesystem.Resource.get_by_path(path="/Main/Home").rid
        self.prepared = prepare(client, home, EXAMPLES)
        given = dataset_input(self.prepared.dataset_rid, None)
        given["columnMapping"] = {"prompt_column": ["prompt"]}
        return client.models.ModelStudio.ConfigVersion.create(
            self.prepared.studio_rid,
            name="tiny",
            trainer_id=TRAINER,
            resources={"cpu": "1", "memory": "1G"},
            worker_config={
                "inputs": {"input_df": given},
                "outputs": {"model": {"type": "model", "modelRid": self.prepared.model_rid}},
                "customConfig": custom,
            },
            preview=True,
        )

    def run(self, **custom: Any) -> Any:
        self.configure(**custom)
        return launch(self.server.client(), self.prepared)

    def predict(self, prompt: str) -> dict[str, Any]:
        found = newest_package(self.server.data_dir)
        code = f"print(json.dumps(model.predict_row({{'prompt': {prompt!r}}})))"
        return dict(json.loads(found.ask(self.interpreter, self.scratch, code)))


@pytest.fixture(scope="module")
def studio(environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    folder = tmp_path_factory.mktemp("served")
    running = RunningServer(
        folder / "data",
        environment={
            "MODELSTUDIO_TRAINER_ENVS": f"language={environment}",
            "MODELSTUDIO_MAX_MODEL_BYTES": str(150 * MEGABYTE),
        },
    )
    running.start()
    yield Studio(running, str(environment / "bin" / "python"), folder)
    running.stop()


def test_a_trainer_is_offered_where_its_environment_is_and_nowhere_else(
    studio: Studio, server: RunningServer
) -> None:
    offered = studio.server.client().models.ModelStudioTrainer.list(preview=True).data
    found = next(one for one in offered if one.trainer_id == TRAINER)
    assert (found.type, found.experimental) == ("LLM_FINETUNING", True)
    assert set(found.custom_config_schema["properties"]) == {"text", "megabytes", "seed"}
    elsewhere = server.client().models.ModelStudioTrainer.list(preview=True).data
    assert TRAINER not in {one.trainer_id for one in elsewhere}
    with pytest.raises(TrainerNotFound):
        Studio(server, "", Path()).configure()


def test_it_trains_in_its_interpreter_and_its_model_generates_text(studio: Studio) -> None:
    client = studio.server.client()
    run = studio.run(text="abcdefghijklmnopqrstuvwxyz", megabytes=2, seed=4)
    assert ended(client, run, seconds=60) == "SUCCEEDED"
    assert newest_package(studio.server.data_dir).environment == "language"
    assert studio.predict("abc") == {"text": "abcdefghijklmnopqrstuvwxyz"}
    experiment = experiment_of(client, run)
    series = client.models.Model.Experiment.Series.json(
        run.resolved_outputs["model"].model_rid, experiment.rid, "run/progress", preview=True
    )
    assert [point.value for point in series.series] == [0.0, 0.5, 1.0]


def test_a_model_that_is_larger_than_allowed_fails_the_run_with_the_limit(
    studio: Studio, environment: Path, tmp_path: Path
) -> None:
    small = RunningServer(
        tmp_path / "data",
        environment={
            "MODELSTUDIO_TRAINER_ENVS": f"language={environment}",
            "MODELSTUDIO_MAX_MODEL_BYTES": str(MEGABYTE),
        },
    )
    small.start()
    try:
        other = Studio(small, studio.interpreter, tmp_path)
        run = other.run(megabytes=5)
        assert ended(small.client(), run, seconds=60) == "FAILED"
        message = experiment_of(small.client(), run).status_message
        assert message == (
            "The server refused the trained model of this run: it is larger than the server takes "
            "(MODELSTUDIO_MAX_MODEL_BYTES)."
        )
    finally:
        small.stop()


def test_a_configuration_whose_environment_is_gone_is_not_launched(
    environment: Path, tmp_path: Path
) -> None:
    running = RunningServer(
        tmp_path / "data", environment={"MODELSTUDIO_TRAINER_ENVS": f"language={environment}"}
    )
    running.start()
    studio = Studio(running, "", tmp_path)
    try:
        studio.configure()
        running.stop()
        running.environment.clear()
        running.start()
        with pytest.raises(Exception, match="no longer offers the trainer"):
            launch(running.client(), studio.prepared)
    finally:
        running.stop()


@pytest.mark.environments
def test_a_model_of_100_megabytes_passes_through_without_filling_the_server(
    studio: Studio,
) -> None:
    assert studio.server.process is not None
    status = Path(f"/proc/{studio.server.process.pid}")
    run = studio.run(megabytes=2)  # whatever is loaded for the first run is loaded now
    assert ended(studio.server.client(), run, seconds=60) == "SUCCEEDED"
    (status / "clear_refs").write_text("5")  # the peak starts anew
    before = _peak_kilobytes(status)
    run = studio.run(text="The quick brown fox. " * 3, megabytes=100)
    assert ended(studio.server.client(), run, seconds=300) == "SUCCEEDED"
    grown = (_peak_kilobytes(status) - before) * 1024
    size = newest_package(studio.server.data_dir).file.stat().st_size
    print(f"package {size / MEGABYTE:.1f} MB, server's peak grew by {grown / MEGABYTE:.1f} MB")  # noqa: T201
    assert size > 100 * MEGABYTE
    assert grown < 20 * MEGABYTE
    assert studio.predict("The")["text"].startswith("The quick brown fox. The")


def _peak_kilobytes(process: Path) -> int:
    lines = io.StringIO((process / "status").read_text())
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
