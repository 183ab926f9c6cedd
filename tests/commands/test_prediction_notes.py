"""What a predictor has to say of its answer reaches whoever typed `modelstudio predict`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from published import Shelf, columns, model_api

if TYPE_CHECKING:
    from pathlib import Path

API = model_api(columns(rooms="long?"), columns(total="double"))


def test_notes_are_printed_beside_the_predictions(run: Any, shelf: Shelf, tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    version = shelf.publish(model, "inference_predictors:Noting", API)
    rows, output = tmp_path / "rows.csv", tmp_path / "out.csv"
    rows.write_text("rooms\n1\n2\n")
    done = run("predict", "--model-version", version, "--input", rows, "--output", output)
    assert done.returncode == 0
    assert done.stderr.splitlines() == [
        "note: 2 rows were asked for",
        "note: nothing was looked up",
        f"2 rows in {output}",
    ]
