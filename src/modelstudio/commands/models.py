"""`modelstudio predict` and `modelstudio model`: for operators, on the data directory itself."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer

from modelstudio.commands.options import (
    DEFAULT_DATA_DIR,
    DatabaseUrl,
    DataDir,
    existing_foundation,
    explained,
)

if TYPE_CHECKING:
    from types import FrameType

model_app = typer.Typer(help="Model versions.", no_args_is_help=True)

ModelVersion = Annotated[str, typer.Option("--model-version", help="The version's RID.")]


def predict(
    model_version: ModelVersion,
    output: Annotated[Path, typer.Option("--output", help="A .csv, .csv.gz or .parquet file.")],
    input_: Annotated[
        Path | None,
        typer.Option("--input", help="Alike, or .xlsx; a forecast needs none to go on."),
    ] = None,
    keep_columns: Annotated[
        bool, typer.Option("--keep-columns", help="Put the input's columns before the predictions.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the output if it exists.")
    ] = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = "",
) -> None:
    """Predict the rows of a file with a model version."""
    from modelstudio.commands.prediction import (  # noqa: PLC0415
        Request,
        Watcher,
        check,
    )
    from modelstudio.commands.prediction import predict as run  # noqa: PLC0415
    from modelstudio.commands.progress import progress  # noqa: PLC0415

    request = Request(model_version, input_, output, keep_columns=keep_columns, force=force)
    _end_politely()
    with explained():
        check(request)
        with existing_foundation(data_dir, database_url) as foundation, progress() as bar:
            rows = run(foundation, request, Watcher(note=bar.note, progress=bar.update))
    typer.echo(f"{rows:,} rows in {output}", err=True)


@model_app.command("export")
def model_export(
    model_version: ModelVersion,
    to: Annotated[Path, typer.Option("--to", help="The directory to make.")],
    form: Annotated[
        Literal["native", "mlflow"],
        typer.Option("--format", help="native: load.py; mlflow: for MLflow's own tools."),
    ] = "native",
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier export.")] = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = "",
) -> None:
    """Write a model version to a directory from which it loads without a server."""
    from modelstudio.commands.exports import export  # noqa: PLC0415

    _end_politely()
    with explained(), existing_foundation(data_dir, database_url) as foundation:
        for note in export(foundation, model_version, to, form, replace=force):
            typer.echo(f"note: {note}", err=True)
    typer.echo(f"{model_version} in {to}", err=True)


def _end_politely() -> None:
    """Clean up when the command is asked to end, or loses its terminal."""

    def end(number: int, _frame: FrameType | Any) -> NoReturn:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, end)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # not under nohup
        signal.signal(signal.SIGHUP, end)
