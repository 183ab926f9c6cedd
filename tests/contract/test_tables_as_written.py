"""Tables as people write them, from the upload to the model, with the official client."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from foundry_sdk.v2.core.errors import InvalidSchema
from foundry_sdk.v2.core.models import DatasetFieldSchema, DatasetSchema
from foundry_sdk.v2.models.errors import CreateConfigValidationError

from training_data import Prepared, configure, ended, experiment_of, launch, prepare

if TYPE_CHECKING:
    from collections.abc import Iterator

    from foundry_sdk import FoundryClient

QUICK = {"time_limit": 15}
REGRESSION = "ri.models..trainer.gradient_ensemble_regression"
CLASSIFICATION = "ri.models..trainer.gradient_ensemble_classification"
FORECASTING = "ri.models..trainer.forecasting"


def european(rows: int = 120) -> bytes:
    lines = ["flaeche;zimmer;vom;preis"]
    for row in range(rows):
        price = f"{1000 + row * 33.25:,.2f}".translate(str.maketrans(",.", ".,"))
        area = f"{30 + row * 1.5:.3f}".replace(".", ",")
        day = dt.date(2024, 1, 1) + dt.timedelta(days=row)
        lines.append(f"{area};{row % 3 + 1};{day:%d.%m.%Y};{price}")
    return "\n".join(lines).encode()


def table_of(client: FoundryClient, dataset: str) -> list[dict[str, Any]]:
    body = client.datasets.Dataset.read_table(dataset, format="ARROW", branch_name="master")
    rows: list[dict[str, Any]] = pa.ipc.open_stream(body).read_all().to_pylist()
    return rows


def fields_of(client: FoundryClient, dataset: str) -> dict[str, tuple[str, Any]]:
    schema = client.datasets.Dataset.get_schema(dataset).schema_
    return {str(one.name): (one.type, one.custom_metadata) for one in schema.field_schema_list}


def messages(caught: Any) -> list[str]:
    reasons = caught.value.parameters["validationFailures"]
    return [one.message for one in reasons if one.type == "other"]


@contextlib.contextmanager
def refused(words: str) -> Iterator[None]:
    with pytest.raises(InvalidSchema) as caught:
        yield
    assert words in caught.value.parameters["message"]


def declared(name: str, type_: str, **metadata: str) -> DatasetSchema:
    field = DatasetFieldSchema(
        name=name,
        type=type_,
        nullable=True,
        custom_metadata=metadata or None,  # type: ignore[arg-type]
    )
    return DatasetSchema(field_schema_list=[field])


def test_a_spreadsheet_with_decimal_commas_is_numbers_and_dates(
    client: FoundryClient, project: str
) -> None:
    prepared = prepare(client, project, european())
    assert fields_of(client, prepared.dataset_rid) == {
        "flaeche": ("DOUBLE", {"reading": "number 1.234,5"}),
        "zimmer": ("LONG", None),
        "vom": ("DATE", {"reading": "date dd.mm.yyyy"}),
        "preis": ("DOUBLE", {"reading": "number 1.234,5"}),
    }
    assert table_of(client, prepared.dataset_rid)[1] == {
        "flaeche": 31.5,
        "zimmer": 2,
        "vom": dt.date(2024, 1, 2),
        "preis": 1033.25,
    }
    configure(client, prepared, trainer=REGRESSION, custom=QUICK, target="preis")


AMBIGUOUS = "x,y\n" + "\n".join(f'{row},"{row},{row:03}"' for row in range(100, 160))


def test_a_target_with_two_readings_is_asked_about_and_answered_in_the_configuration(
    client: FoundryClient, project: str
) -> None:
    prepared = prepare(client, project, AMBIGUOUS.encode())
    with pytest.raises(CreateConfigValidationError) as caught:
        configure(client, prepared, trainer=REGRESSION, custom=QUICK, target="y")
    (question,) = messages(caught)
    assert "'number 1,234.5' or as 'number 1.234,5'" in question
    assert question.count("'101,101'") == 1
    answer = {**QUICK, "readings": {"y": "number 1.234,5"}}
    configure(client, prepared, trainer=REGRESSION, custom=answer, target="y")
    run = launch(client, prepared)
    assert ended(client, run) == "SUCCEEDED", experiment_of(client, run).status_message
    metrics = {one.series_name: one.value for one in experiment_of(client, run).summary_metrics}
    assert metrics["rmse"] < 20  # of values from 100.1 to 159.159, not of a hundred thousand


def test_a_question_is_answered_by_the_schema(client: FoundryClient, project: str) -> None:
    dataset = prepare(client, project, AMBIGUOUS.encode()).dataset_rid
    put = client.datasets.Dataset.put_schema
    with refused("may be read as"):
        put(dataset, schema=declared("y", "DOUBLE"))
    put(dataset, schema=declared("y", "DOUBLE", reading="number 1,234.5"))
    assert table_of(client, dataset)[0] == {"y": 100100.0}
    put(dataset, schema=declared("y", "DOUBLE", reading="number 1.234,5"))
    assert table_of(client, dataset)[0] == {"y": 100.1}
    put(dataset, schema=declared("y", "STRING"))
    assert table_of(client, dataset)[0] == {"y": "100,100"}
    with refused("is no reading"):
        put(dataset, schema=declared("y", "DOUBLE", reading="commas"))
    with refused("not DATE"):
        put(dataset, schema=declared("x", "DATE"))


def test_a_label_that_may_be_missing_is_asked_about(client: FoundryClient, project: str) -> None:
    rows = "\n".join(f"{row},{('NA', 'DE', 'FR')[row % 3]}" for row in range(90))
    prepared = prepare(client, project, f"x,country\n{rows}\n".encode())
    with pytest.raises(CreateConfigValidationError) as caught:
        configure(client, prepared, trainer=CLASSIFICATION, custom=QUICK, target="country")
    assert "'text' or as 'text, missing: NA'" in messages(caught)[0]
    for answer in ("text", "text, missing: NA"):
        configure(
            client,
            prepared,
            trainer=CLASSIFICATION,
            custom={**QUICK, "readings": {"country": answer}},
            target="country",
        )


def forecast_input(rid: str, time: str, target: str) -> dict[str, Any]:
    return {
        "type": "dataset",
        "rid": rid,
        "columnMapping": {"timestamp_column": [time], "target_column": [target]},
        "ignoreColumns": [],
        "selectColumns": [],
    }


def forecast(client: FoundryClient, prepared: Prepared, time: str, target: str) -> Any:
    """Train on a table of one series; return the run, which succeeded."""
    client.models.ModelStudio.ConfigVersion.create(
        prepared.studio_rid,
        name="forecast",
        trainer_id=FORECASTING,
        resources={"cpu": "1", "memory": "3G"},
        worker_config={
            "inputs": {"training_df": forecast_input(prepared.dataset_rid, time, target)},
            "outputs": {"model": {"type": "model", "modelRid": prepared.model_rid}},
            "customConfig": {"time_limit": 60, "prediction_length": 3},
        },
        preview=True,
    )
    run = launch(client, prepared)
    assert ended(client, run) == "SUCCEEDED", experiment_of(client, run).status_message
    return run


def test_months_with_the_day_first_are_forecast_as_months(
    client: FoundryClient, project: str
) -> None:
    lines = [
        f"01.{month % 12 + 1:02}.{2018 + month // 12},{100 + month % 12}" for month in range(48)
    ]
    prepared = prepare(client, project, ("monat,absatz\n" + "\n".join(lines)).encode())
    run = forecast(client, prepared, "monat", "absatz")
    parameters = {one.name: one.value.value for one in experiment_of(client, run).parameters}
    assert parameters["frequency"] == "MS"
    assert parameters["filled_steps"] == 0
    output = run.resolved_outputs["model"]
    body = client.models.Model.Experiment.ArtifactTable.json(
        output.model_rid, output.experiment_rid, "reading", page_size=100, preview=True
    )
    rows = {row["column"]: row for row in json.loads(body)}
    assert rows["monat"]["taken_for"] == "date dd.mm.yyyy"
    assert rows["monat"]["did_not_fit"] == 0


def test_an_empty_part_beside_others_changes_nothing(client: FoundryClient, project: str) -> None:
    dataset = client.datasets.Dataset.create(
        name="parts of a cluster", parent_folder_rid=project
    ).rid
    rid = client.datasets.Dataset.Transaction.create(dataset, transaction_type="APPEND").rid
    for path, data in {"part-0": b"a,b\n1,x\n", "part-1": b"", "part-2": b"a,b\n2,y\n"}.items():
        client.datasets.Dataset.File.upload(dataset, path, data, transaction_rid=rid)
    client.datasets.Dataset.Transaction.commit(dataset, rid)
    assert table_of(client, dataset) == [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]
