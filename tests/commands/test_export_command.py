"""`modelstudio model export`, and what an export needs: nothing of a server."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from modelstudio.exporting.requirements import ExportError, requirements_of
from modelstudio.inference.interpreter import Interpreter
from published import TRAINER, Shelf, columns, model_api
from trained import train_on

if TYPE_CHECKING:
    from trained import Trained

pytestmark = pytest.mark.training

#: Runs where an export is all there is of Model Studio: no path leads to its source, and whoever
#: imports it from elsewhere than the export fails.
ALONE = """
import json, sys
from pathlib import Path
export = Path(sys.argv[1])
sys.path[:] = [path for path in sys.path if not (Path(path) / "modelstudio").exists()]
sys.meta_path[:] = [one for one in sys.meta_path if "editable" not in repr(one).lower()]
try:
    import modelstudio
except ImportError:
    pass
else:
    raise SystemExit("modelstudio is installed here, so this proves nothing")
sys.path.insert(0, str(export))
import pandas as pd
from load import load
model = load()
frame = pd.read_parquet(sys.argv[2])
model.predict(frame).to_parquet(sys.argv[3])
told = {"notes": model.notes}
for name, asked in (("frame", model.predict), ("row", model.predict_row)):
    given = {"colour": "red", "rooms": 3}
    try:
        asked(pd.DataFrame([given]) if name == "frame" else given)
    except ValueError as error:
        told[name] = str(error)
half = frame.head(4).astype({"size": object})
half.iloc[0, 0] = "wide"
model.predict(half)
told["half"] = model.notes
told["row_of"] = model.predict_row(frame.iloc[0].to_dict())
told["none"] = list(model.predict(frame.head(0)).columns)
ours = [name for name in sys.modules if name.split(".")[0] == "modelstudio"]
print(json.dumps({"ours": ours, "from": sys.modules["modelstudio"].__file__, **told}))
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    random = np.random.default_rng(1)
    hours = pd.to_timedelta(random.integers(0, 900, 300), unit="h")
    frame = pd.DataFrame(
        {
            "size": random.normal(50, 10, 300),
            "colour": random.choice(["red", "green", "blue"], 300),
            "rooms": pd.array(random.integers(1, 9, 300), dtype="Int64"),
            "built": pd.Timestamp("2024-01-01") + hours,
        }
    )
    frame.loc[::9, "rooms"] = pd.NA
    frame["price"] = frame["size"] + 5 * frame["rooms"].fillna(0).astype(float)
    return train_on(frame, "price", tmp_path_factory.mktemp("trained"))


@pytest.fixture(scope="module")
def version(shelf: Shelf, trained: Trained) -> str:
    model = trained.model
    return shelf.publish(
        trained.directory,
        model.predictor,
        dict(model.model_api),
        model.requirements,
        **model.summary_metrics,
    )


def test_an_export_predicts_without_any_of_the_server(
    run: Any, version: str, trained: Trained, tmp_path: Path
) -> None:
    export = tmp_path / "export"
    done = run("model", "export", "--model-version", version, "--to", export)
    assert (done.returncode, done.stderr) == (0, f"{version} in {export}\n")
    rows, answers = tmp_path / "rows.parquet", tmp_path / "answers.parquet"
    trained.frame.to_parquet(rows)
    alone = subprocess.run(
        [sys.executable, "-c", ALONE, str(export), str(rows), str(answers)],
        cwd=tmp_path,
        env={"PATH": "", "OMP_WAIT_POLICY": "PASSIVE"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert alone.returncode == 0, alone.stderr
    told = json.loads(alone.stdout)
    assert told["from"] == str(export / "code" / "modelstudio" / "__init__.py")
    assert {name.split(".")[1] for name in told["ours"] if "." in name} == {"tables", "trainers"}
    expected = trained.predictor().predict(trained.frame)
    pd.testing.assert_frame_equal(pd.read_parquet(answers), expected)
    for name in ("frame", "row"):
        assert told[name].startswith(f"The {name} has no column")
        assert "'size'" in told[name]
        assert "it has 'colour', 'rooms'" in told[name]
    assert told["notes"] == []
    assert told["half"][0] == (
        "Column 'size': 1 of 4 values are not a number and count as missing, such as 'wide'"
    )
    assert told["row_of"] == {"price": expected["price"].iloc[0]}
    assert told["none"] == ["price"]
    output = tmp_path / "answers.csv"
    assert run(
        "predict", "--model-version", version, "--input", rows, "--output", output
    ).returncode == 0  # fmt: skip
    assert np.array_equal(
        pd.read_csv(output, float_precision="round_trip").to_numpy(), expected.to_numpy()
    )


BESIDE = """
import sys
sys.path[:0] = sys.argv[1:]
import modelstudio
from load import load
load()
"""


def test_an_export_says_that_an_older_one_is_in_its_place(
    run: Any, version: str, tmp_path: Path
) -> None:
    export, older = tmp_path / "export", tmp_path / "older"
    assert run("model", "export", "--model-version", version, "--to", export).returncode == 0
    (older / "modelstudio" / "trainers").mkdir(parents=True)
    for package in ("modelstudio", "modelstudio/trainers"):
        (older / package / "__init__.py").touch()
    done = subprocess.run(
        [sys.executable, "-c", BESIDE, str(older), str(export)],
        cwd=tmp_path,
        env={"PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr.splitlines()[-1] == (
        "RuntimeError: An older version of Model Studio is in use in this process already, from "
        f"{older}; load this export in a process of its own"
    )


def test_the_manifest_says_what_the_model_is_and_where_it_comes_from(
    run: Any, version: str, trained: Trained, tmp_path: Path
) -> None:
    export = tmp_path / "export"
    assert run("model", "export", "--model-version", version, "--to", export).returncode == 0
    manifest = json.loads((export / "manifest.json").read_text())
    assert manifest["modelVersionRid"] == version
    assert manifest["modelApi"] == trained.model.model_api
    assert manifest["predictor"] == trained.model.predictor
    assert manifest["trainer"] == {"id": TRAINER, "version": "1.2.3"}
    assert manifest["data"] == [
        {
            "alias": "input_df",
            "datasetRid": "ri.foundry.main.dataset.d",
            "transactionRid": "ri.foundry.main.transaction.t",
        }
    ]
    assert manifest["metrics"] == pytest.approx(trained.model.summary_metrics)
    assert manifest["python"] == sys.version.split()[0]
    lines = (export / "requirements.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert {"numpy", "pandas", "lightgbm", "pyarrow"} <= set(pins)
    assert pins["pandas"] == pd.__version__
    assert "modelstudio" not in pins
    assert export.stat().st_mode & 0o077 == 0
    names = {str(path.relative_to(export / "code")) for path in (export / "code").rglob("*")}
    assert not [name for name in names if "__pycache__" in name]
    assert {name.split("/")[1] for name in names if "/" in name} == {
        "__init__.py",
        "tables",
        "trainers",
    }


def test_an_mlflow_model_says_how_to_load_it_and_what_it_takes(
    run: Any, version: str, tmp_path: Path
) -> None:
    import yaml

    export = tmp_path / "export"
    arguments = ["--model-version", version, "--to", export, "--format", "mlflow"]
    assert run("model", "export", *arguments).returncode == 0
    model = yaml.safe_load((export / "MLmodel").read_text())
    flavor = model["flavors"]["python_function"]
    assert (export / flavor["code"] / f"{flavor['loader_module']}.py").is_file()
    assert flavor["python_version"] == sys.version.split()[0]
    signature = {one["name"]: one for one in json.loads(model["signature"]["inputs"])}
    # Of another type, MLflow would convert values by rules of its own before the model sees them.
    assert signature["size"] == {"type": "any", "name": "size", "required": True}
    assert signature["rooms"] == {"type": "any", "name": "rooms", "required": False}
    assert {one["type"] for one in signature.values()} == {"any"}
    assert json.loads(model["signature"]["outputs"])[0]["name"] == "price"
    for name in flavor["env"].values():
        assert yaml.safe_load((export / name).read_text())
    conda = yaml.safe_load((export / "conda.yaml").read_text())
    pip = conda["dependencies"][-1]["pip"]
    assert pip == (export / "requirements.txt").read_text().splitlines()
    example = json.loads((export / "input_example.json").read_text())
    assert example["columns"] == list(signature)
    assert (export / "load.py").is_file()  # and it is still a native export


def test_a_directory_in_use_is_never_replaced_by_mistake(
    run: Any, version: str, tmp_path: Path
) -> None:
    def export(to: Path, *more: str) -> tuple[int, str]:
        done = run("model", "export", "--model-version", version, "--to", to, *more)
        return done.returncode, done.stderr

    empty, used, file = tmp_path / "empty", tmp_path / "used", tmp_path / "file"
    empty.mkdir()
    used.mkdir()
    (used / "thesis.txt").write_text("years of work")
    file.write_text("")
    assert export(empty)[0] == 0
    assert export(empty) == (
        1,
        f"error: {empty} is not empty; --force replaces an earlier export\n",
    )
    (empty / "old.txt").write_text("of the export before")
    assert export(empty, "--force")[0] == 0
    assert not (empty / "old.txt").exists()
    assert export(used)[0] == 1
    assert export(used, "--force") == (
        1,
        f"error: {used} is not empty and no earlier export, so it stays as it is\n",
    )
    assert (used / "thesis.txt").read_text() == "years of work"
    assert export(file) == (1, f"error: {file} is no directory\n")
    long = tmp_path / ("x" * 300)
    assert export(long) == (1, f"error: {long} cannot be written: File name too long\n")
    assert export(tmp_path / "a" / "b")[0] == 0
    assert {path.name for path in tmp_path.iterdir()} == {"empty", "used", "file", "a"}


def test_an_earlier_export_is_there_again_when_its_replacement_is_interrupted(
    run: Any, version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    to = tmp_path / "export"
    arguments = ["model", "export", "--model-version", version, "--to", to]
    assert run(*arguments).returncode == 0
    (to / "note.txt").write_text("of the export before")
    rename = Path.rename

    def interrupted(path: Path, target: Path) -> Path:
        if path.name == "new":
            raise SystemExit(143)  # as when the command is asked to end just then
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    assert run(*arguments, "--force").returncode == 143
    assert (to / "note.txt").exists()
    assert list(tmp_path.iterdir()) == [to]


def test_an_interpreter_that_is_not_there_is_named(tmp_path: Path) -> None:
    gone = Interpreter(tmp_path / "source", str(tmp_path / "python"))
    with pytest.raises(ExportError, match=f"^the interpreter {tmp_path}/python does not answer"):
        requirements_of("modelstudio.trainers.base:Predictor", [], gone)


def test_a_version_that_cannot_be_exported_leaves_nothing(
    run: Any, shelf: Shelf, tmp_path: Path
) -> None:
    api = model_api(columns(a="long"), columns(b="long"))
    model = tmp_path / "model"
    model.mkdir()
    to = tmp_path / "export"
    for rid, message in (
        ("ri.models.main.model-version.0", "there is no model version "),
        (shelf.publish(model, "no_such_module:X", api), "The predictor's module 'no_such_module'"),
        (
            shelf.publish(model, "inference_predictors:Echo", api),
            "The predictor's module 'inference_predictors' belongs to no installed package",
        ),
        (
            shelf.publish_bytes(b"PK", "modelstudio.trainers.base:Predictor", api),
            "The model's package is damaged",
        ),
    ):
        done = run("model", "export", "--model-version", rid, "--to", to)
        assert done.returncode == 1
        assert done.stderr.startswith(f"error: {message}")
        assert done.stderr.count("\n") == 1
        assert not to.exists()
    assert {path.name for path in tmp_path.iterdir()} == {"model", "model.zip"}
