"""What makes an export a model of MLflow's ``python_function`` flavor.

Written to MLflow's documented format, so that exporting needs no MLflow. The directory stays a
native export too.

    MLmodel            the flavor, the signature, what the model is
    conda.yaml, python_env.yaml, requirements.txt
    input_example.json, serving_input_example.json
"""

from __future__ import annotations

import json
import shutil
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from modelstudio.exporting import yaml_text
from modelstudio.exporting.native import manifest_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modelstudio.exporting.native import Exportable
    from modelstudio.exporting.requirements import Requirements

#: The oldest MLflow that knows all that is written here (columns of type any came with it).
_MLFLOW_VERSION: Final = "2.19.0"
_LOADER: Final = "modelstudio_export"
_TYPES: Final[Mapping[str, str]] = {
    "boolean": "boolean",
    "date": "datetime",
    "double": "double",
    "float": "float",
    "integer": "integer",
    "long": "long",
    "string": "string",
    "timestamp": "datetime",
}
_EXAMPLES: Final[Mapping[str, Any]] = {
    "boolean": True,
    "date": "2024-01-31",
    "double": 1.5,
    "float": 1.5,
    "integer": 1,
    "long": 1,
    "string": "text",
    "timestamp": "2024-01-31T12:00:00",
}


def add(model: Exportable, requirements: Requirements, directory: Path) -> None:
    """Make an MLflow model of a native export."""
    source = Path(__file__).with_name(f"{_LOADER}.py")  # it imports MLflow, so it is not imported
    shutil.copyfile(source, directory / "code" / source.name)
    pip = [f"mlflow>={_MLFLOW_VERSION}", *requirements.pinned]
    files = {
        "MLmodel": yaml_text.dumps(_ml_model(model, requirements)),
        "requirements.txt": "\n".join(pip) + "\n",
        "conda.yaml": yaml_text.dumps(
            {
                "name": "mlflow-env",
                "channels": ["conda-forge"],
                "dependencies": [f"python={requirements.python}", "pip", {"pip": pip}],
            }
        ),
        "python_env.yaml": yaml_text.dumps(
            {
                "python": requirements.python,
                "build_dependencies": ["pip", "setuptools", "wheel"],
                "dependencies": ["-r requirements.txt"],
            }
        ),
        "input_example.json": json.dumps(_example(model)),
        "serving_input_example.json": json.dumps({"dataframe_split": _example(model)}),
    }
    for name, text in files.items():
        (directory / name).write_text(text, encoding="utf-8")


def _ml_model(model: Exportable, requirements: Requirements) -> dict[str, Any]:
    created = datetime.fromisoformat(model.created).replace(tzinfo=None)
    return {
        "flavors": {
            "python_function": {
                "loader_module": _LOADER,
                "code": "code",
                "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
                "python_version": requirements.python,
            }
        },
        "mlflow_version": _MLFLOW_VERSION,
        "model_uuid": model.version_rid.rpartition(".")[2].replace("-", ""),
        "utc_time_created": created.isoformat(sep=" ", timespec="microseconds"),
        "signature": {
            "inputs": json.dumps([_input(one) for one in _columns(model.model_api["inputs"])]),
            "outputs": json.dumps([_column(one) for one in _columns(model.model_api["outputs"])]),
            "params": None,
        },
        "saved_input_example_info": {
            "artifact_path": "input_example.json",
            "serving_input_path": "serving_input_example.json",
            "pandas_orient": "split",
            "type": "dataframe",
        },
        "metadata": {
            name: value
            for name, value in manifest_of(model, requirements).items()
            if name not in {"modelApi", "python", "predictor"}
        },
    }


def _columns(fields: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    return next((one["columns"] for one in fields if one["type"] == "tabular"), ())


def _column(column: Mapping[str, Any]) -> dict[str, Any]:
    kind = _TYPES.get(column["dataType"]["type"], "any")
    return {"type": kind, "name": column["name"], "required": True}


def _input(column: Mapping[str, Any]) -> dict[str, Any]:
    # Any other type makes MLflow convert values by rules of its own, see modelstudio_export.
    required = column.get("required") is not False
    return {"type": "any", "name": column["name"], "required": required}


def _example(model: Exportable) -> dict[str, Any]:
    """Return a row that shows the form of a request; its values mean nothing."""
    columns = _columns(model.model_api["inputs"])
    row = [_EXAMPLES.get(column["dataType"]["type"]) for column in columns]
    return {"columns": [column["name"] for column in columns], "data": [row]}
