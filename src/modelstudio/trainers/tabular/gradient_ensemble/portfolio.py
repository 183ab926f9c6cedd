"""The models that a search tries: a fixed portfolio first, then seeded variations of it.

The values are common choices of the libraries' users, not tuned to any table.
"""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np

from modelstudio.trainers.tabular.gradient_ensemble.problem import Candidate
from modelstudio.trainers.tabular.gradient_ensemble.targets import suits_logarithm

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from modelstudio.trainers.tabular.gradient_ensemble.problem import Problem

TITLES = {
    "GBM": "LightGBM",
    "CAT": "CatBoost",
    "KERNEL": "Kernel",
    "NN": "NeuralNetwork",
    "LR": "Linear",
    "RF": "RandomForest",
}
_LOGARITHM_SHARE, _EXTRA_TREES_SHARE, _RELEVANCE_SHARE = 0.5, 0.35, 0.7
_RANDOM_CUTS = "LightGBM_ExtraTrees"
_FEW_ROWS, _VERY_FEW_ROWS = 20_000, 5_000
_VERY_MANY_ROWS = 100_000
#: With fewer, a tree needs most of them; with more, half are quicker and err more differently.
_FEW_FEATURES = 17
#: Trees of more classes than these take too long for the gain; they are tried last.
_MANY_CLASSES = 40
#: A tree of a forest is one for each class.
_CLASSES_OF_FORESTS = 12
#: A leaf of LightGBM's default 20 rows would leave a tiny table without a split.
_MOST_LEAF_ROWS, _LEAF_SHARE = 20, 1 / 30
#: Its rounds take long, so few must do.
_RATE_OF_GROWN = 0.1
_CAT: Mapping[str, Any] = {
    "depth": 6,
    "max_ctr_complexity": 1,
    "one_hot_max_size": 20,
    "boosting_type": "Plain",
    "border_count": 128,
    "leaf_estimation_iterations": 1,
    "rsm": 0.7,
}


def portfolio(problem: Problem, excluded: Collection[str]) -> list[Candidate]:
    """Return the candidates in the order in which they are tried, the most useful first."""
    candidates = _basic(problem)
    if problem.kind == "regression" and suits_logarithm(problem.labels):
        logarithms = [replace(each, name=f"{each.name}_Log", logarithm=True) for each in candidates]
        by_family = {each.family: each for each in reversed(logarithms)}
        candidates[1:1] = logarithms[:1]
        candidates += [by_family[family] for family in ("LR", "CAT", "KERNEL", "NN")]
        candidates += [each for each in logarithms if "Extra" in each.name]
    if problem.rows < _FEW_ROWS and problem.inputs.categories:
        full = {"depth": 6, "one_hot_max_size": 4}
        candidates.append(Candidate("CatBoost_Combinations", "CAT", full))
    if problem.kind == "multiclass":  # trees take long, as each round is a tree a class
        order = ("LightGBM", "NeuralNetwork", "Kernel", "Linear", "Kernel_Gauss", _RANDOM_CUTS)
        candidates.sort(key=lambda each: order.index(each.name) if each.name in order else 9)
    if problem.rows >= _VERY_FEW_ROWS:  # the landmarks are few among so many rows
        candidates.sort(key=lambda each: each.family == "KERNEL")
    if problem.classes > _MANY_CLASSES:
        candidates.sort(
            key=lambda each: ("LR", "NN", "KERNEL", "RF", "GBM", "CAT").index(each.family)
        )
    return [each for each in candidates if each.family not in excluded]


def _basic(problem: Problem) -> list[Candidate]:
    features = problem.inputs.matrix.shape[1]
    share = 0.9 if features < _FEW_FEATURES else 0.5
    leaf = max(min(_MOST_LEAF_ROWS, int(problem.rows * _LEAF_SHARE)), 2)
    gbm = {"min_data_in_leaf": leaf, "feature_fraction": max(share, 0.7)}
    random_cuts = {"num_leaves": 63, "extra_trees": True, "feature_fraction": 0.8}
    if problem.rows < _VERY_FEW_ROWS:
        # Random thresholds overfit less, and with small leaves a third of the rounds suffices.
        fine = {"num_leaves": 31, "min_data_in_leaf": min(leaf, 5), "learning_rate": 0.1}
        random_cuts = {**random_cuts, **fine, "feature_fraction": 1.0}
    large = {
        "num_leaves": 127 if problem.rows < _VERY_MANY_ROWS else 255,
        "feature_fraction": share,
        "lambda_l2": 1.0,
        "min_data_in_leaf": 2 * leaf,
        "cat_smooth": 30.0,
    }
    if problem.rows < _VERY_FEW_ROWS:
        # By default a category needs a hundred rows to be split by.
        large |= {"min_data_per_group": 10, "cat_l2": 5.0}
    small = {"num_leaves": 8, "feature_fraction": 0.6, "lambda_l2": 5.0, "learning_rate": 0.06}
    candidates = [
        Candidate("LightGBM", "GBM", {**gbm, "num_leaves": 31}),
        Candidate("CatBoost", "CAT", _CAT),
        Candidate("Linear", "LR"),
        Candidate("NeuralNetwork", "NN", _network(problem)),
        Candidate("Kernel", "KERNEL", {"kernel": "laplace", "bandwidth": 3.0}),
        Candidate(_RANDOM_CUTS, "GBM", {**gbm, **random_cuts}),
        Candidate("Kernel_Gauss", "KERNEL", {"kernel": "gauss", "bandwidth": 1.0}),
        Candidate("LightGBM_Large", "GBM", {**gbm, **large}),
        Candidate("LightGBM_Small", "GBM", {**gbm, **small}),
    ]
    if problem.rows < _FEW_ROWS and problem.classes <= _CLASSES_OF_FORESTS:
        candidates.insert(5, _forest(problem))
    if problem.rows >= _FEW_ROWS and problem.kind != "multiclass":
        order = ("LightGBM_Large", "CatBoost", "LightGBM")
        candidates.sort(key=lambda each: order.index(each.name) if each.name in order else 9)
    return candidates


def _forest(problem: Problem) -> Candidate:
    features = max(problem.inputs.matrix.shape[1], 1)
    share = 0.5 if problem.kind == "regression" else max(1 / features**0.5, 0.1)
    leaf = 1 if problem.rows < _VERY_FEW_ROWS else 2
    chosen = {"min_data_in_leaf": leaf, "feature_fraction_bynode": share}
    return Candidate("RandomForest", "RF", chosen)


def grown(candidates: Sequence[Candidate], losses: Mapping[str, float]) -> Candidate | None:
    """Return a model with yet more leaves, where the larger of two was the better one.

    ``losses`` are those of the candidates that were fitted, by name. Few tables want such a model,
    those in which neighbours matter more than trends, but they want it much.
    """
    if not losses.get("LightGBM_Large", inf) < losses.get("LightGBM", -inf):
        return None
    large = next(each for each in candidates if each.name == "LightGBM_Large")
    more = {
        "num_leaves": 2 * large.parameters["num_leaves"] + 1,
        "min_data_in_leaf": large.parameters["min_data_in_leaf"] // 2,
        "learning_rate": _RATE_OF_GROWN,
    }
    return Candidate("LightGBM_Larger", "GBM", {**large.parameters, **more})


def candidates_of(problem: Problem, config: Mapping[str, Any]) -> list[Candidate]:
    """Return the candidates of a validated configuration."""
    chosen = config["hyperparameters"]
    candidates = portfolio(problem, {*config["excluded_model_types"], *chosen})
    own = [
        Candidate(TITLES[family], family, {**parameters})
        for family, parameters in chosen.items()
        if family not in config["excluded_model_types"]
    ]
    return [*own, *candidates]


def _network(problem: Problem) -> dict[str, Any]:
    if problem.rows < _FEW_ROWS and problem.kind != "multiclass":
        return {"hidden": (128, 64), "learning_rate": 1e-3, "dropout": 0.3, "epochs": 30}
    return {"hidden": (192, 192), "learning_rate": 3e-3, "dropout": 0.1}


def variation(
    problem: Problem, number: int, families: Collection[str], *, logarithm: bool
) -> Candidate:
    """Return a random candidate of one of these families, the same for the same number."""
    source = np.random.default_rng([problem.seed, number, 11])
    makers = {
        "GBM": (_varied_gbm, 0.4),
        "CAT": (_varied_cat, 0.2),
        "NN": (_varied_nn, 0.2),
        "KERNEL": (_varied_kernel, 0.2),
        # Another of these is hardly another model: only where there is nothing else.
        "LR": (_varied_lr, 0.0),
        "RF": (_varied_forest, 0.0),
    }
    left = [name for name in makers if name in families]
    known = [name for name in left if makers[name][1]] or left
    shares = np.array([makers[name][1] or 1.0 for name in known])
    family = str(source.choice(known, p=shares / shares.sum()))
    make, _ = makers[family]
    scale = bool(logarithm and source.random() < _LOGARITHM_SHARE)
    return Candidate(f"{TITLES[family]}_{number}", family, make(source), scale)


def _varied_gbm(source: np.random.Generator) -> dict[str, Any]:
    return {
        "num_leaves": int(source.choice([6, 12, 24, 48, 96, 192])),
        "min_data_in_leaf": int(source.choice([3, 8, 20, 50])),
        "feature_fraction": float(source.choice([0.4, 0.6, 0.8, 1.0])),
        "bagging_fraction": float(source.choice([0.7, 0.85, 1.0])),
        "bagging_freq": 1,
        "lambda_l2": float(source.choice([0.0, 1.0, 5.0, 20.0])),
        "extra_trees": bool(source.random() < _EXTRA_TREES_SHARE),
        "cat_smooth": float(source.choice([10.0, 30.0, 100.0])),
        "learning_rate": float(source.choice([0.02, 0.03, 0.05])),
    }


def _varied_cat(source: np.random.Generator) -> dict[str, Any]:
    return {
        **_CAT,
        "depth": int(source.choice([4, 5, 7, 8])),
        "l2_leaf_reg": float(source.choice([1.0, 3.0, 10.0])),
        "random_strength": float(source.choice([0.5, 1.0, 3.0])),
        "rsm": float(source.choice([0.4, 0.7, 1.0])),
        "one_hot_max_size": int(source.choice([3, 20, 60])),
        "learning_rate": float(source.choice([0.03, 0.05, 0.08])),
    }


def _varied_nn(source: np.random.Generator) -> dict[str, Any]:
    width = int(source.choice([96, 192, 256]))
    return {
        "hidden": (width,) * int(source.choice([1, 2, 3])),
        "learning_rate": float(source.choice([7e-4, 1.5e-3, 3e-3])),
        "dropout": float(source.choice([0.0, 0.1, 0.3])),
        "epochs": int(source.choice([20, 50, 100])),
    }


def _varied_kernel(source: np.random.Generator) -> dict[str, Any]:
    kernel = str(source.choice(["laplace", "gauss"]))
    widths = [1.0, 2.0, 4.0, 8.0] if kernel == "laplace" else [0.4, 0.6, 1.5, 2.5]
    return {
        "kernel": kernel,
        "bandwidth": float(source.choice(widths)),
        "relevance": bool(source.random() < _RELEVANCE_SHARE),
    }


def _varied_forest(source: np.random.Generator) -> dict[str, Any]:
    return {
        "min_data_in_leaf": int(source.choice([1, 2, 4, 8])),
        "feature_fraction_bynode": float(source.choice([0.2, 0.35, 0.5, 0.8])),
        "bagging_fraction": float(source.choice([0.5, 0.632, 0.8])),
    }


def _varied_lr(source: np.random.Generator) -> dict[str, Any]:
    return {"penalty": float(10 ** source.uniform(-5, 0))}
