"""Small tables and the calls that make a studio ready to launch, for tests."""

from __future__ import annotations

import csv
import io
import random
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from support import wait_for

if TYPE_CHECKING:
    from foundry_sdk import FoundryClient

CLASSIFICATION = "ri.models..trainer.autogluon_tabular_classification"
REGRESSION = "ri.models..trainer.autogluon_tabular_regression"

#: Only one quick kind of model, so that a test trains for seconds.
QUICK = {"time_limit": 60, "excluded_model_types": ["CAT", "XGB", "RF", "XT", "LR"]}


def houses_csv(rows: int = 300, *, seed: int = 1, classes: bool = False) -> bytes:
    """Return a table whose price (or class) follows from its columns, with some noise."""
    source = random.Random(seed)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["rooms", "area", "street", "built", "garden", "price"])
    for _ in range(rows):
        rooms = source.randint(1, 8)
        area = round(source.uniform(20, 200), 1)
        street = source.choice(["Elm, North", 'The "Lane"', "Straße"])
        built = f"{source.randint(1900, 2020)}-0{source.randint(1, 9)}-1{source.randint(0, 9)}"
        garden = source.choice(["true", "false", ""])
        price = 1000 * rooms + 50 * area + 2000 * (garden == "true") + source.gauss(0, 300)
        target = ("dear" if price > 10_000 else "cheap") if classes else round(price, 2)
        writer.writerow([rooms, area, street, built, garden, target])
    return text.getvalue().encode()


@dataclass
class Prepared:
    dataset_rid: str
    model_rid: str
    studio_rid: str


def prepare(client: FoundryClient, project: str, table: bytes) -> Prepared:
    """Create dataset, model and studio in a project and upload the table."""
    name = uuid.uuid4().hex
    dataset = client.datasets.Dataset.create(name=f"{name} data", parent_folder_rid=project)
    client.datasets.Dataset.File.upload(dataset.rid, "table.csv", table)
    model = client.models.Model.create(name=name, parent_folder_rid=project, preview=True)
    studio = client.models.ModelStudio.create(
        name=f"{name} studio", parent_folder_rid=project, preview=True
    )
    return Prepared(dataset.rid, model.rid, studio.rid)


def configure(
    client: FoundryClient,
    prepared: Prepared,
    *,
    trainer: str = REGRESSION,
    custom: dict[str, Any] | None = None,
    resources: dict[str, str] | None = None,
    target: str = "price",
    **inputs: Any,
) -> Any:
    """Create a configuration; ``inputs`` are further input aliases."""
    return client.models.ModelStudio.ConfigVersion.create(
        prepared.studio_rid,
        name="configuration",
        trainer_id=trainer,
        resources=resources or {"cpu": "1", "memory": "3G"},
        worker_config={
            "inputs": {"input_df": dataset_input(prepared.dataset_rid, target), **inputs},
            "outputs": {"model": {"type": "model", "modelRid": prepared.model_rid}},
            "customConfig": QUICK if custom is None else custom,
        },
        preview=True,
    )


def dataset_input(rid: str, target: str | None) -> dict[str, Any]:
    return {
        "type": "dataset",
        "rid": rid,
        "columnMapping": {} if target is None else {"target_column": [target]},
        "ignoreColumns": [],
        "selectColumns": [],
    }


def launch(client: FoundryClient, prepared: Prepared) -> Any:
    return client.models.ModelStudio.launch(prepared.studio_rid, preview=True)


def ended(client: FoundryClient, run: Any, *, seconds: float = 120) -> str:
    """Wait until the run's build has ended; return its status."""

    def status() -> str | None:
        found: str = client.orchestration.Build.get(run.build_rid).status
        return None if found == "RUNNING" else found

    return str(wait_for(status, seconds=seconds, every=0.2))


def experiment_of(client: FoundryClient, run: Any) -> Any:
    output = run.resolved_outputs["model"]
    return client.models.Model.Experiment.get(output.model_rid, output.experiment_rid, preview=True)
