"""Packs fitted forests: what scikit-learn keeps of a tree is mostly not needed to predict.

A node takes 64 bytes and a value for each class, in inner nodes too. Predicting needs a column and
a threshold of inner nodes and the value of leaves. Columns reach a tree in single precision, so a
threshold rounded down to it decides alike.
"""

from __future__ import annotations

import copy
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from autogluon.common.loaders import load_pkl
from autogluon.common.savers import save_pkl
from sklearn.ensemble._forest import BaseForest
from sklearn.tree._tree import NODE_DTYPE, Tree

if TYPE_CHECKING:
    from pathlib import Path

    Array = np.ndarray[Any, np.dtype[Any]]

FOREST_TYPES = frozenset({"RF", "XT"})
_MODEL_FILE = "model.pkl"
_LEAF = -1
_LEVEL = 1  # higher ones take three times as long for a tenth less


def pack_forests(folder: Path) -> None:
    """Pack every forest that is stored below the folder of an AutoGluon model."""
    for path in sorted(folder.rglob(_MODEL_FILE)):
        model = load_pkl.load(str(path))
        forest = getattr(model, "model", None)
        if isinstance(forest, BaseForest):
            model.model = PackedForest(forest)
            save_pkl.save(str(path), model)


class PackedForest:
    """Stands in for a forest while it is pickled; what is read back is the forest itself.

    It predicts what the forest does, up to the single precision of the leaves' values. It cannot be
    fitted further, and feature importances and the like are gone.
    """

    def __init__(self, forest: BaseForest) -> None:
        self._forest = forest

    def __reduce__(self) -> tuple[Any, ...]:
        bare = copy.copy(self._forest)
        shells = [copy.copy(estimator) for estimator in bare.estimators_]
        trees = [_PackedTree.of(shell.tree_) for shell in shells]
        for shell in shells:
            del shell.tree_
        bare.estimators_ = shells
        return _unpacked, (bare, trees)


def _unpacked(forest: BaseForest, trees: list[_PackedTree]) -> BaseForest:
    for estimator, tree in zip(forest.estimators_, trees, strict=True):
        estimator.tree_ = tree.tree()
    return forest


@dataclass(frozen=True, slots=True)
class _PackedTree:
    """A tree's arrays, compressed.

    Attributes
    ----------
    arguments
        Those of scikit-learn's ``Tree``.
    left, right
        The left child's distance from its parent, and the right child's from the left one, of inner
        nodes; 0 of leaves. Nearly all are the same small number, so they compress to little.
    values
        (leaves, outputs, classes), in the order of the leaves.
    """

    arguments: tuple[Any, ...]
    max_depth: int
    nodes: int
    left: bytes
    right: bytes
    feature: bytes
    threshold: bytes
    missing_left: bytes
    values: bytes

    @classmethod
    def of(cls, tree: Any) -> _PackedTree:
        _, arguments, state = tree.__reduce__()
        nodes, values = state["nodes"], state["values"]
        inner = nodes["left_child"] != _LEAF
        left, right = nodes["left_child"], nodes["right_child"]
        return cls(
            arguments,
            int(state["max_depth"]),
            len(nodes),
            _compressed(np.where(inner, left - np.arange(len(nodes)), 0).astype("int32")),
            _compressed(np.where(inner, right - left, 0).astype("int32")),
            _compressed(nodes["feature"][inner].astype("int32")),
            _compressed(_rounded_down(nodes["threshold"][inner])),
            _compressed(nodes["missing_go_to_left"][inner]),
            _compressed(values[~inner].astype("float32")),
        )

    def tree(self) -> Any:
        tree = Tree(*self.arguments)
        left = _read(self.left, "int32")
        inner = left != 0
        nodes = np.zeros(self.nodes, dtype=NODE_DTYPE)
        for name in ("left_child", "right_child"):
            nodes[name] = _LEAF
        nodes["feature"] = nodes["threshold"] = -2  # as scikit-learn marks leaves
        nodes["left_child"][inner] = (left + np.arange(self.nodes))[inner]
        nodes["right_child"][inner] = nodes["left_child"][inner] + _read(self.right, "int32")[inner]
        nodes["feature"][inner] = _read(self.feature, "int32")
        nodes["threshold"][inner] = _read(self.threshold, "float32")
        nodes["missing_go_to_left"][inner] = _read(self.missing_left, "uint8")
        shape = (self.nodes, tree.n_outputs, tree.max_n_classes)
        values = np.zeros(shape, dtype="float64")
        values[~inner] = _read(self.values, "float32").reshape(-1, *shape[1:])
        state = {"max_depth": self.max_depth, "node_count": self.nodes}
        tree.__setstate__({**state, "nodes": nodes, "values": values})
        return tree


def _rounded_down(thresholds: Array) -> Array:
    """Return the largest number of single precision that is not above each threshold."""
    rounded = thresholds.astype("float32")
    above = rounded.astype("float64") > thresholds
    rounded[above] = np.nextafter(rounded[above], np.float32(-np.inf))
    return rounded


def _compressed(values: Array) -> bytes:
    """Compress with the bytes of all numbers side by side, which fall into patterns that way."""
    plain = np.ascontiguousarray(values)
    planes = plain.view("uint8").reshape(-1, plain.dtype.itemsize).T
    return zlib.compress(planes.tobytes(), _LEVEL)


def _read(packed: bytes, dtype: str) -> Array:
    kind = np.dtype(dtype)
    planes = np.frombuffer(zlib.decompress(packed), dtype="uint8").reshape(kind.itemsize, -1)
    return np.ascontiguousarray(planes.T).view(kind).reshape(-1)
