"""A language model in one file: what a fine-tuning trainer in an environment of its own is like.

It is put into a bare virtual environment, so it has the standard library and Model Studio's source
to stand on, and nothing else. It learns which character follows which three, pads itself with as
many random bytes as it is told, and generates text.
"""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

from modelstudio.trainers.base import TrainedModel, TrainerSpecification

if TYPE_CHECKING:
    from pathlib import Path

_MEGABYTE = 1_000_000
_ORDER = 3


def _property(title: str, default: Any, **keywords: Any) -> dict[str, Any]:
    return {"title": title, "description": f"{title}.", "default": default, **keywords}


SPECIFICATION = TrainerSpecification(
    trainer_id="ri.models..trainer.tiny_language_model",
    version="0.1.0",
    name="Tiny language model",
    type="LLM_FINETUNING",
    description="Continues a prompt in the style of a text.",
    config_schema={
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "text": _property("Text to learn from", "to be or not to be", type="string"),
            "megabytes": _property("Size of the weights", 1, type="integer", minimum=1),
            "seed": _property("Random seed", 0, type="integer"),
        },
    },
    inputs={
        "input_df": {
            "name": "Examples",
            "description": "Prompts and completions.",
            "optional": False,
            "type": {
                "type": "dataset",
                "dataset": {
                    "role": "TRAINING",
                    "columnsTypeSpecs": {
                        "prompt_column": {
                            "name": "Prompt",
                            "description": "The column with the prompts.",
                            "isTarget": False,
                            "allowMultiple": False,
                            "optional": False,
                            "supportedTypes": [{"type": "grouped", "grouped": "STRING"}],
                        }
                    },
                },
            },
        }
    },
    outputs={
        "model": {
            "name": "Output model",
            "description": "The model that gets a new version.",
            "optional": False,
            "type": {"type": "model", "model": {"modelApiAliases": []}},
        }
    },
    implementation="language_model:Trainer",
    experimental=True,
)


class Trainer:
    def fit(self, task: Any, reporter: Any) -> TrainedModel:
        text, size = task.config["text"], task.config["megabytes"]
        reporter.progress(0.0, "Reading the text")
        chain: dict[str, str] = {}
        for end in range(_ORDER, len(text)):
            state = text[end - _ORDER : end]
            chain[state] = chain.get(state, "") + text[end]
        (task.output_dir / "chain.json").write_text(json.dumps(chain), encoding="utf-8")
        source = random.Random(task.config["seed"])
        with (task.output_dir / "weights.bin").open("wb") as weights:
            for written in range(size):
                weights.write(source.randbytes(_MEGABYTE))
                reporter.progress((written + 1) / size, "Writing the weights")
        reporter.parameter("examples_bytes", task.inputs["input_df"].path.stat().st_size)
        column = {"dataType": {"type": "string"}, "required": True}
        api = {
            "inputs": [_table("input_df", [{"name": "prompt", **column}])],
            "outputs": [_table("output_df", [{"name": "text", **column}])],
        }
        return TrainedModel(model_api=api, predictor="language_model:Writer")


def _table(name: str, columns: list[dict[str, Any]]) -> dict[str, Any]:
    return {"name": name, "required": True, "type": "tabular", "columns": columns}


class Writer:
    """Continues prompts; the last byte of the weights decides how, so all of them must be there."""

    row_wise = True

    def __init__(self, chain: dict[str, str], seed: int) -> None:
        self._chain = chain
        self._seed = seed

    @classmethod
    def load(cls, model_dir: Path) -> Writer:
        chain = json.loads((model_dir / "chain.json").read_text(encoding="utf-8"))
        with (model_dir / "weights.bin").open("rb") as weights:
            weights.seek(-1, 2)
            return cls(chain, weights.read(1)[0])

    def predict(self, frame: Any) -> Any:
        texts = [self.predict_row({"prompt": prompt})["text"] for prompt in frame["prompt"]]
        return frame[[]].assign(text=texts)

    def predict_row(self, row: Any) -> dict[str, Any]:
        source = random.Random(self._seed)
        text = row["prompt"]
        while len(text) < 200 and (following := self._chain.get(text[-_ORDER:])):
            text += source.choice(following)
        return {"text": text}
