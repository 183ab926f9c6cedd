"""The trained models as they answer: the same numbers for a row alone and within a table.

Each reads ``Inputs`` and returns natural predictions: probabilities, or target values. Nothing here
is pickled; a model is a file of its library's own format or arrays and JSON.
"""

from __future__ import annotations

import ctypes
import gzip
import re
from threading import Lock
from typing import TYPE_CHECKING, Any, Self

import catboost
import lightgbm
import numpy as np
from lightgbm import basic

from modelstudio.trainers.tabular.gradient_ensemble.dense import dense_product
from modelstudio.trainers.tabular.gradient_ensemble.kernel import KernelShape

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from modelstudio.trainers.tabular.gradient_ensemble.inputs import Inputs
    from modelstudio.trainers.tabular.gradient_ensemble.targets import TargetScale

    Array = np.ndarray[Any, Any]

_LIB: Any = vars(basic)["_LIB"]  # the library's C interface
_FLOAT64 = 1  # LightGBM's code of the type
_RAW_SCORE = 1
_KERNEL_BATCH = 8_192
#: Share of the probability that a forest of one tree would give to all classes alike.
_DOUBT = 0.5
_BYTES_A_TREE, _BYTES_A_LEAF, _USUAL_LEAVES = 150, 13, 31
# What a booster does not need to predict; it makes up half of its text.
_STATISTICS = re.compile(
    r"^(?:leaf_weight|leaf_count|internal_value|internal_weight|internal_count|split_gain"
    r"|tree_sizes)=.*\n",
    re.MULTILINE,
)


def probabilities(scores: Array) -> Array:
    """Turn scores into probabilities: the logistic function, or softmax over the columns."""
    if scores.ndim == 1:
        result: Array = 1 / (1 + np.exp(-scores))
        return result
    # Not by columns, as CatBoost's are: the order in which numpy adds depends on the layout.
    scores = np.ascontiguousarray(scores)
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    normalised: Array = powers / powers.sum(axis=1, keepdims=True)
    return normalised


def answers(scores: Array, classes: int, scale: TargetScale | None) -> Array:
    """Turn scores (rows, outputs) into values of the target or probabilities."""
    if classes <= 2:  # noqa: PLR2004
        scores = scores[:, 0]
    return probabilities(scores) if scale is None else scale.restore(scores)


class Booster:
    """LightGBM trees; a single row goes past the wrapper, which takes 100 times as long."""

    suffix = ".txt.gz"

    def __init__(
        self, booster: lightgbm.Booster, rounds: int, classes: int, scale: TargetScale | None
    ) -> None:
        self._booster = booster
        self._rounds = rounds
        self._classes = classes
        self.scale = scale
        self._row: ctypes.c_void_p | None = None
        self._lock = Lock()
        self.trees = rounds * (classes if classes > 2 else 1)  # noqa: PLR2004

    @property
    def size(self) -> int:
        """Bytes in a package, about."""
        return _BYTES_A_TREE * self.trees + int(_BYTES_A_LEAF * self.leaves)

    @property
    def leaves(self) -> float:
        """Leaves of all trees, about."""
        leaves = self._booster.params.get("num_leaves", _USUAL_LEAVES)
        return float(leaves) * self.trees

    def predict(self, inputs: Inputs, threads: int = 1) -> Array:
        if inputs.is_row:
            scores = self._score_row(inputs.matrix)
        else:
            scores = np.asarray(
                self._booster.predict(
                    inputs.matrix, num_iteration=self._rounds, raw_score=True, num_threads=threads
                )
            )
        return self._answers(scores)

    def _answers(self, scores: Array) -> Array:
        return probabilities(scores) if self.scale is None else self.scale.restore(scores)

    def _score_row(self, row: Array) -> Array:
        scores = np.empty((1, self._classes) if self._classes > 2 else 1)  # noqa: PLR2004
        length = ctypes.c_int64()
        with self._lock:  # the fast way has one buffer for the row
            if self._row is None:
                self._row = self._prepare(row.shape[1])
            failed = _LIB.LGBM_BoosterPredictForMatSingleRowFast(
                self._row,
                ctypes.c_void_p(row.ctypes.data),
                ctypes.byref(length),
                ctypes.c_void_p(scores.ctypes.data),
            )
        if failed:
            raise RuntimeError(_LIB.LGBM_GetLastError().decode())
        return scores

    def _prepare(self, columns: int) -> ctypes.c_void_p:
        handle = ctypes.c_void_p()
        failed = _LIB.LGBM_BoosterPredictForMatSingleRowFastInit(
            self._booster._handle,  # noqa: SLF001 - the wrapper has no fast way for one row
            _RAW_SCORE,
            0,
            self._rounds,
            _FLOAT64,
            ctypes.c_int32(columns),
            ctypes.c_char_p(b"num_threads=1"),
            ctypes.byref(handle),
        )
        if failed:
            raise RuntimeError(_LIB.LGBM_GetLastError().decode())
        return handle

    def __del__(self) -> None:
        if getattr(self, "_row", None) is not None:
            _LIB.LGBM_FastConfigFree(self._row)

    def save(self, path: Path) -> None:
        path.write_bytes(gzip.compress(self._text().encode(), compresslevel=4, mtime=0))

    def _text(self) -> str:
        text = self._booster.model_to_string(num_iteration=self._rounds)
        text = _STATISTICS.sub("", text.split("feature_importances:")[0])
        return text.split("\nparameters:")[0] + "\n"

    @classmethod
    def load(cls, path: Path, classes: int, scale: TargetScale | None) -> Self:
        booster = lightgbm.Booster(model_str=gzip.decompress(path.read_bytes()).decode())
        return cls(booster, int(booster.current_iteration()), classes, scale)


class Forest(Booster):
    """LightGBM trees that were grown for themselves, and whose mean counts.

    ``sharpness`` is the power of the classes' shares that makes them probabilities: a mean over
    trees that differ by luck is closer to equal shares than the truth.
    """

    sharpness = 1.0

    def _answers(self, scores: Array) -> Array:
        """Return the mean share of each class in the leaves.

        A leaf's score is the step from equal probabilities that its rows' loss calls for: the share
        of a class in it on another scale. No share is left at nothing, which no row could prove.
        """
        scores = scores / self._rounds  # LightGBM adds up the trees of a forest, too
        if self.scale is not None:
            return self.scale.restore(scores)
        doubt = _DOUBT / self._rounds
        if scores.ndim == 1:
            shares = (1 - doubt) * np.clip(scores / 4 + 0.5, 0, 1) + doubt / 2
            ones, others = shares**self.sharpness, (1 - shares) ** self.sharpness
            result: Array = ones / (ones + others)
            return result
        shares = np.maximum((scores + 1) / self._classes, 0)
        shares = (1 - doubt) * shares / shares.sum(axis=1, keepdims=True) + doubt / self._classes
        shares **= self.sharpness
        sharpened: Array = shares / shares.sum(axis=1, keepdims=True)
        return sharpened

    def _text(self) -> str:
        return f"{self.sharpness!r}\n{super()._text()}"

    @classmethod
    def load(cls, path: Path, classes: int, scale: TargetScale | None) -> Self:
        text = gzip.decompress(path.read_bytes()).decode()
        sharpness, _, trees = text.partition("\n")
        booster = lightgbm.Booster(model_str=trees)
        forest = cls(booster, int(booster.current_iteration()), classes, scale)
        forest.sharpness = float(sharpness)
        return forest


class Oblivious:
    """CatBoost trees."""

    suffix = ".cbm"

    def __init__(self, model: catboost.CatBoost, classes: int, scale: TargetScale | None) -> None:
        self.model = model
        self._classes = classes
        self.scale = scale
        self._lock = Lock()
        self.trees = int(model.tree_count_)
        self.categories = len(model.get_cat_feature_indices())
        self.features = len(model.feature_names_)
        self._size = 0

    @property
    def size(self) -> int:
        """Bytes in a package, about."""
        if not self._size:
            self._size = int(0.6 * len(self.model._serialize_model()))  # noqa: SLF001 - or a file
        return self._size

    def predict(self, inputs: Inputs, threads: int = 1) -> Array:
        with self._lock:
            scores = self.model.predict(
                inputs.catboost_features(),
                prediction_type="RawFormulaVal",
                thread_count=1 if inputs.is_row else threads,
            )
        scores = np.asarray(scores, dtype=np.float64).reshape(
            (-1, self._classes) if self._classes > 2 else -1  # noqa: PLR2004
        )
        return probabilities(scores) if self.scale is None else self.scale.restore(scores)

    def save(self, path: Path) -> None:
        self.model.save_model(str(path), format="cbm")

    @classmethod
    def load(cls, path: Path, classes: int, scale: TargetScale | None) -> Self:
        model = catboost.CatBoost()
        model.load_model(str(path), format="cbm")
        return cls(model, classes, scale)


class Network:
    """Layers of a neural network, or one layer alone: a linear model."""

    suffix = ".npz"

    def __init__(
        self, layers: Sequence[tuple[Array, Array]], classes: int, scale: TargetScale | None
    ) -> None:
        self._layers = [(np.ascontiguousarray(w), b) for w, b in layers]
        self._classes = classes
        self.scale = scale

    @property
    def size(self) -> int:
        """Bytes in a package, about."""
        return sum(weights.nbytes + bias.nbytes for weights, bias in self._layers)

    def predict(self, inputs: Inputs, threads: int = 1) -> Array:  # noqa: ARG002
        values = inputs.dense
        for number, (weights, bias) in enumerate(self._layers):
            if number:
                values = np.maximum(values, 0)
            values = dense_product(values, weights) + bias
        return answers(values.astype(np.float64), self._classes, self.scale)

    def save(self, path: Path) -> None:
        arrays = {f"w{n}": w for n, (w, _) in enumerate(self._layers)}
        arrays |= {f"b{n}": b for n, (_, b) in enumerate(self._layers)}
        np.savez_compressed(path, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, path: Path, classes: int, scale: TargetScale | None) -> Self:
        with np.load(path, allow_pickle=False) as arrays:
            count = len(arrays.files) // 2
            layers = [(arrays[f"w{n}"], arrays[f"b{n}"]) for n in range(count)]
        return cls(layers, classes, scale)


class Kernel:
    """Weighted similarities of a row to landmark rows.

    Similarities are ``exp(-d)`` (Laplace) or ``exp(-d * d)`` (Gauss) of the distance d between
    scaled columns, as in kernel machines (Schölkopf, Smola: Learning with kernels, 2002).
    """

    suffix = ".npz"

    def __init__(
        self,
        shape: KernelShape,
        weights: Array,
        bias: Array,
        classes: int,
        scale: TargetScale | None,
    ) -> None:
        self._shape = shape
        self._weights = np.ascontiguousarray(weights)
        self._bias = bias
        self._classes = classes
        self.scale = scale

    @property
    def size(self) -> int:
        """Bytes in a package, about."""
        return self._shape.landmarks.nbytes + self._weights.nbytes

    @property
    def count(self) -> int:
        """Number of landmarks."""
        return len(self._shape.landmarks)

    def predict(self, inputs: Inputs, threads: int = 1) -> Array:  # noqa: ARG002
        parts = [
            self._scores(self._shape.similarities(inputs.dense[start : start + _KERNEL_BATCH]))
            for start in range(0, max(len(inputs.dense), 1), _KERNEL_BATCH)
        ]
        return answers(np.concatenate(parts), self._classes, self.scale)

    def answer_similar(self, similar: Array) -> Array:
        """Answer rows by their similarities to the landmarks, which ``KernelShape`` gives."""
        return answers(self._scores(similar), self._classes, self.scale)

    def _scores(self, similar: Array) -> Array:
        scores: Array = (dense_product(similar, self._weights) + self._bias).astype(np.float64)
        return scores

    def save(self, path: Path) -> None:
        shape = {name: getattr(self._shape, name) for name in self._shape.__slots__}
        np.savez_compressed(
            path, allow_pickle=False, **shape, weights=self._weights, bias=self._bias
        )

    @classmethod
    def load(cls, path: Path, classes: int, scale: TargetScale | None) -> Self:
        with np.load(path, allow_pickle=False) as arrays:
            shape = KernelShape(**{name: arrays[name] for name in KernelShape.__slots__})
            return cls(shape, arrays["weights"], arrays["bias"], classes, scale)


def corrected(model: Served, factor: float) -> None:
    """Multiply a model's answers; only for one that has learned a logarithm."""
    model.scale = model.scale and model.scale.with_factor(factor)


Served = Booster | Forest | Oblivious | Network | Kernel
SERVED: dict[str, type[Served]] = {
    "GBM": Booster,
    "CAT": Oblivious,
    "KERNEL": Kernel,
    "RF": Forest,
    "LR": Network,
    "NN": Network,
}
