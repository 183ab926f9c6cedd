"""Model versions in a data directory, as a run leaves them, without running anything."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from experiments.in_process import InProcess, open_in_process
from modelstudio.bootstrap import prepare
from modelstudio.kit.blobs import new_key
from modelstudio.worker.package import pack

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

TRAINER = "ri.models..trainer.tests"


def columns(**types: str) -> list[dict[str, Any]]:
    """Return columns of a model API; a type that ends in ``?`` is of an optional column."""
    return [
        {
            "name": name,
            "required": not kind.endswith("?"),
            "dataType": {"type": kind.removesuffix("?")},
        }
        for name, kind in types.items()
    ]


def model_api(inputs: list[dict[str, Any]], outputs: list[dict[str, Any]]) -> dict[str, Any]:
    def table(name: str, of: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "type": "tabular",
            "name": name,
            "required": True,
            "format": "PANDAS",
            "columns": of,
        }

    return {"inputs": [table("input_df", inputs)], "outputs": [table("output_df", outputs)]}


@dataclass(frozen=True)
class Shelf:
    """A data directory in which versions are published."""

    data_dir: Path
    services: InProcess

    def publish(
        self,
        model_dir: Path,
        predictor: str,
        api: dict[str, Any],
        requirements: Sequence[str] = ("python=3.11.7",),
        **metrics: float,
    ) -> str:
        """Publish what a trainer has left; return the version's RID."""
        package = model_dir.with_suffix(".zip")
        pack(model_dir, package)
        return self.publish_bytes(package.read_bytes(), predictor, api, requirements, **metrics)

    def publish_bytes(
        self,
        package: bytes,
        predictor: str,
        api: dict[str, Any],
        requirements: Sequence[str] = ("python=3.11.7",),
        **metrics: float,
    ) -> str:
        key = new_key("models")
        with self.services.foundation.blobs.write(key) as file:
            file.write(package)
        run = self.services.launch()
        facts = {
            "trainer": TRAINER,
            "trainer_version": "1.2.3",
            "input_df/dataset": "ri.foundry.main.dataset.d",
            "input_df/transaction": "ri.foundry.main.transaction.t",
        }
        self.services.record(
            run,
            *(
                {"type": "parameter", "name": name, "value": {"type": "string", "value": value}}
                for name, value in facts.items()
            ),
        )
        self.services.publish(
            run,
            model_api=api,
            predictor=predictor,
            blob_key=key,
            conda_requirements=list(requirements),
        )
        self.services.succeed(run, **metrics)
        return run.version_rid


@contextmanager
def open_shelf(data_dir: Path, database_url: str = "") -> Iterator[Shelf]:
    with open_in_process(data_dir, database_url) as services:
        prepare(services.foundation)
        yield Shelf(data_dir, services)
