"""The life of a model version, as the handler of its run drives it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from experiments.in_process import MODEL_API, InProcess, Run, open_in_process
from modelstudio.bootstrap import prepare
from modelstudio.models.errors import InvalidModelApi, ModelVersionNotFound
from modelstudio.models.service import ModelPackage

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    with open_in_process(tmp_path_factory.mktemp("models")) as services:
        prepare(services.foundation)
        yield services


@pytest.fixture
def run(inside: InProcess) -> Run:
    return inside.launch()


def package_of(inside: InProcess, run: Run) -> ModelPackage | None:
    with inside.database.read() as tx:
        return inside.models.package_of(tx, run.version_rid)


def api_of(inside: InProcess, run: Run) -> dict[str, Any]:
    with inside.database.read() as tx:
        return dict(inside.models.version(tx, run.model_rid, run.version_rid).model_api)


def parameter(data_type: object) -> dict[str, Any]:
    return {"type": "parameter", "name": "p", "required": False, "dataType": data_type}


def test_only_a_published_version_has_a_package(inside: InProcess, run: Run) -> None:
    assert package_of(inside, run) is None
    inside.publish(run, predictor="a.b:C", blob_key="models/12/34")
    assert package_of(inside, run) == ModelPackage("a.b:C", "models/12/34")


def test_a_version_is_published_once(inside: InProcess, run: Run) -> None:
    inside.publish(run)
    with pytest.raises(LookupError):
        inside.publish(run, blob_key="models/56/78")
    assert package_of(inside, run) == ModelPackage("package.module:Predictor", "models/ab/cd")


def test_the_version_of_a_failed_run_cannot_be_published(inside: InProcess, run: Run) -> None:
    for _ in range(2):  # told twice, it is gone once
        with inside.database.write() as tx:
            inside.models.discard_version(tx, run.version_rid)
    with pytest.raises(LookupError):
        inside.publish(run)


def test_a_published_version_is_not_discarded(inside: InProcess, run: Run) -> None:
    inside.publish(run)
    with inside.database.write() as tx:
        inside.models.discard_version(tx, run.version_rid)
    assert package_of(inside, run) is not None


def test_a_version_belongs_to_its_model(inside: InProcess, run: Run) -> None:
    inside.publish(run)
    with inside.database.read() as tx, pytest.raises(ModelVersionNotFound):
        inside.models.version(tx, inside.new_model(), run.version_rid)


@pytest.mark.parametrize(
    "data_type",
    [
        *[
            {"type": name}
            for name in (
                "any",
                "boolean",
                "date",
                "double",
                "float",
                "integer",
                "long",
                "string",
                "timestamp",
            )
        ],
        {"type": "array", "itemType": {"type": "array", "itemType": {"type": "double"}}},
        {"type": "map", "keyType": {"type": "string"}, "valueType": {"type": "any"}},
        {"type": "unsupported", "unsupportedType": "marking", "params": {"a": "b"}},
    ],
)
def test_every_type_of_a_model_api_is_kept(
    inside: InProcess, run: Run, data_type: dict[str, Any]
) -> None:
    api = {"inputs": [parameter(data_type)], "outputs": [parameter(data_type)]}
    inside.publish(run, model_api=api)
    assert api_of(inside, run) == api


def test_what_the_wire_does_not_know_is_left_out_of_a_model_api(
    inside: InProcess, run: Run
) -> None:
    extended = {**MODEL_API, "inputs": [{**MODEL_API["inputs"][0], "unit": "m²"}]}
    inside.publish(run, model_api=extended)
    assert api_of(inside, run) == MODEL_API


@pytest.mark.parametrize(
    "api",
    [
        {},
        {"inputs": [], "outputs": None},
        {"inputs": [{"type": "image", "name": "x"}], "outputs": []},
        {"inputs": [parameter({"type": "decimal"})], "outputs": []},
        {"inputs": [parameter("double")], "outputs": []},
    ],
)
def test_a_model_api_that_no_client_could_read_is_refused(
    inside: InProcess, run: Run, api: dict[str, Any]
) -> None:
    with pytest.raises(InvalidModelApi) as raised:
        inside.publish(run, model_api=api)
    assert raised.value.parameters["message"].startswith("modelApi.")
    assert package_of(inside, run) is None
    inside.publish(run)  # it is still reserved
