"""The demo's steps: upload a table, configure a studio, launch, watch, and read what it left."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import orjson
from rich.live import Live
from rich.table import Table

if TYPE_CHECKING:
    from foundry_sdk import FoundryClient
    from rich.console import Console

TRAINER: Final = "ri.models..trainer.gradient_ensemble_classification"
TARGET: Final = "diagnosis"
_POLL_SECONDS: Final = 0.5
_BEST: Final = "validation/best_"
_SHOWN_METRICS: Final = ("accuracy", "roc_auc", "f1", "log_loss", "mcc")
_LEADERBOARD_ROWS: Final = 5


def breast_cancer_csv() -> bytes:
    """Return a real table: 569 biopsies, 30 measurements of cell nuclei, and the diagnosis.

    Source: Breast Cancer Wisconsin (Diagnostic), as shipped with scikit-learn.
    """
    from sklearn.datasets import load_breast_cancer  # noqa: PLC0415 - not in the server process

    data = load_breast_cancer(as_frame=True)
    names = dict(enumerate(data.target_names))
    frame = data.data.assign(**{TARGET: data.target.map(names)})
    text: str = frame.to_csv(index=False)
    return text.encode()


@dataclass(frozen=True)
class Prepared:
    """What the demo created before the launch."""

    project_rid: str
    model_rid: str
    studio_rid: str


def prepare(client: FoundryClient, console: Console, time_limit: int) -> Prepared:
    """Create project, dataset, model, studio and configuration."""
    stamp = datetime.now(UTC).strftime("%Y-%m-%d %H.%M.%S")
    space = next(iter(client.filesystem.Space.list()))
    project = client.filesystem.Project.create(
        display_name=f"Demo {stamp}",
        space_rid=space.rid,
        default_roles=["viewer"],
        role_grants={},
        organization_rids=[],
    )
    console.print(f"  project    {project.path}")
    dataset = client.datasets.Dataset.create(name="biopsies", parent_folder_rid=project.rid)
    table = breast_cancer_csv()
    client.datasets.Dataset.File.upload(dataset.rid, "biopsies.csv", table)
    schema = client.datasets.Dataset.get_schema(dataset.rid).schema_
    columns = len(schema.field_schema_list)
    console.print(f"  dataset    {len(table) / 1000:,.0f} kB uploaded, {columns} columns inferred")
    model = client.models.Model.create(
        name="diagnosis", parent_folder_rid=project.rid, preview=True
    )
    studio = client.models.ModelStudio.create(
        name="diagnosis studio", parent_folder_rid=project.rid, preview=True
    )
    config = client.models.ModelStudio.ConfigVersion.create(
        studio.rid,
        name="first try",
        trainer_id=TRAINER,
        resources={"cpu": "2", "memory": "4G"},
        worker_config=_worker_config(dataset.rid, model.rid, time_limit),
        preview=True,
    )
    console.print(f"  studio     configuration {config.version}: predict {TARGET!r}")
    return Prepared(project.rid, model.rid, studio.rid)


def _worker_config(dataset_rid: str, model_rid: str, time_limit: int) -> Any:
    return {
        "inputs": {
            "input_df": {
                "type": "dataset",
                "rid": dataset_rid,
                "columnMapping": {"target_column": [TARGET]},
                "ignoreColumns": [],
                "selectColumns": [],
            }
        },
        "outputs": {"model": {"type": "model", "modelRid": model_rid}},
        "customConfig": {"time_limit": time_limit},
    }


def watch(client: FoundryClient, console: Console, prepared: Prepared, run: Any) -> str:
    """Show progress until the build ends; return its status."""
    output = run.resolved_outputs["model"]
    begun = time.monotonic()
    shown = ""
    with Live(console=console, refresh_per_second=4, transient=True) as live:
        while True:
            build = client.orchestration.Build.get(run.build_rid)
            experiment = client.models.Model.Experiment.get(
                prepared.model_rid, output.experiment_rid, preview=True
            )
            progress = _progress(experiment)
            live.update(
                f"  run        {build.status}  {time.monotonic() - begun:.0f} s  {progress}"
            )
            if not console.is_terminal and progress != shown:
                console.print(f"  run        {build.status}  {progress}")
            shown = progress
            if build.status != "RUNNING":
                break
            time.sleep(_POLL_SECONDS)
    seconds = time.monotonic() - begun
    console.print(f"  run        [bold]{build.status}[/bold] after {seconds:.0f} s")
    if experiment.status_message:
        console.print(f"  reason     {experiment.status_message}")
    return str(build.status)


def _progress(experiment: Any) -> str:
    """Return how many models were tried and the best score so far."""
    for one in experiment.series:
        metric = one.name.removeprefix(_BEST)
        if metric != one.name and one.value.last is not None:
            return f"{one.length} models tried, best {metric} {one.value.last:.4f}"
    return "preparing"


def show_result(client: FoundryClient, console: Console, prepared: Prepared, run: Any) -> None:
    """Print the runs, the metrics and the leaderboard."""
    output = run.resolved_outputs["model"]
    runs = Table()
    for heading in ("run of the studio", "configuration", "started", "status", "model version"):
        runs.add_column(heading)
    for one in client.models.ModelStudio.Run.list(prepared.studio_rid, preview=True):
        version = one.resolved_outputs["model"].model_version_rid
        started = one.started_time.strftime("%H:%M:%S")
        runs.add_row(one.run_id, str(one.config_version), started, one.build_status, version[-12:])
    console.print(runs)
    experiment = client.models.Model.Experiment.get(
        prepared.model_rid, output.experiment_rid, preview=True
    )
    metrics = Table()
    metrics.add_column("metric")
    metrics.add_column("on the 20 % of rows held out", justify="right")
    values = {one.series_name: one.value for one in experiment.summary_metrics}
    for name in _SHOWN_METRICS:
        if name in values:
            metrics.add_row(name, f"{values[name]:.4f}")
    console.print(metrics)
    console.print(_leaderboard(client, prepared, output.experiment_rid))


def _leaderboard(client: FoundryClient, prepared: Prepared, experiment_rid: str) -> Table:
    body = client.models.Model.Experiment.ArtifactTable.json(
        prepared.model_rid, experiment_rid, "leaderboard", page_size=_LEADERBOARD_ROWS, preview=True
    )
    table = Table()
    for heading in ("best models tried", "validation", "weight", "seconds"):
        table.add_column(heading, justify="left" if heading.startswith("best") else "right")
    for row in orjson.loads(body):
        numbers = (f"{row['score_validation']:.4f}", f"{row['weight']:.2f}")
        table.add_row(row["model"], *numbers, f"{row['fit_seconds']:.1f}")
    return table


def show_how_to_call(
    console: Console, hostname: str, token_file: object, prepared: Prepared
) -> None:
    """Print the lines that list the runs from anywhere else."""
    console.print("\nCall it with the official client (pip install foundry-platform-sdk):\n")
    console.print(
        f"""from foundry_sdk import Config, FoundryClient, UserTokenAuth

client = FoundryClient(
    auth=UserTokenAuth(open("{token_file}").read().strip()),
    hostname="{hostname}",
    config=Config(scheme="http"),
)
for run in client.models.ModelStudio.Run.list("{prepared.studio_rid}", preview=True):
    print(run.run_id, run.build_status, run.started_time)
""",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
