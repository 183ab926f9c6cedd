"""The treatment of free text: TF-IDF weights of its terms, reduced to a few dozen numbers.

The terms are words and pairs of words, or the character n-grams of short texts. Their weights are
those of scikit-learn's ``TfidfVectorizer``; a truncated singular value decomposition (latent
semantic analysis: Deerwester et al., "Indexing by latent semantic analysis", 1990) reduces them.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np

from modelstudio.trainers.tabular.preparation.treatment import (
    NAN,
    Treatment,
    is_missing,
    pack,
    unpack,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from modelstudio.trainers.tabular.preparation.treatment import ColumnData, Reader, Values

Terms = Literal["words", "characters"]

FITTED_TEXTS = 20_000
MOST_TERMS = 4_000
MOST_NUMBERS = 32
_LEAST_TEXTS = 2  # that a term is in
_LONGEST = 2_000  # characters that are read
_AT_A_TIME = 20_000
_GRAMS = (2, 3, 4)
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Texts(Treatment):
    """Free text as numbers: its components, and how long it is.

    Attributes
    ----------
    vocabulary
        The terms, in the order of the rows of ``components``.
    weights
        Inverse document frequency of each term.
    components
        Array of float64 (terms, numbers), all of them float32 values.
    """

    kind: ClassVar[str] = "texts"
    row_microseconds: ClassVar[float] = 75.0
    terms: Terms
    vocabulary: tuple[str, ...]
    weights: Values
    components: Values

    @property
    def parts(self) -> tuple[str, ...]:
        numbers = self.components.shape[1]
        return (*(f"text{number}" for number in range(1, numbers + 1)), "characters", "words")

    def levels(self, part: str) -> tuple[str, ...]:  # noqa: ARG002
        return ()

    def columns(self, data: ColumnData) -> list[Values]:
        codes, texts = data.distinct
        positions = {term: place for place, term in enumerate(self.vocabulary)}
        rows = [
            self._numbers(texts[start : start + _AT_A_TIME], positions)
            for start in range(0, len(texts), _AT_A_TIME)
        ]
        missing = np.full((1, len(self.parts)), NAN)
        return list(np.concatenate([*rows, missing])[codes].T)

    def reader(self, name: str) -> Reader:  # noqa: ARG002
        positions = {term: place for place, term in enumerate(self.vocabulary)}
        missing = (NAN,) * len(self.parts)

        def read(value: Any) -> Sequence[float]:
            if is_missing(value):
                return missing
            made: list[float] = self._numbers([str(value)], positions)[0].tolist()
            return made

        return read

    def state(self) -> dict[str, Any]:
        return {
            "terms": self.terms,
            "vocabulary": list(self.vocabulary),
            "weights": pack(self.weights),
            "components": pack(self.components.astype("float32")),
        }

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> Self:
        return cls(
            state["terms"],
            tuple(state["vocabulary"]),
            unpack(state["weights"]),
            unpack(state["components"]).astype("float64"),
        )

    def _numbers(self, texts: Sequence[str], positions: Mapping[str, int]) -> Values:
        from scipy import sparse

        analyse = analyser(self.terms)
        found: list[int] = []
        values: list[float] = []
        ends = [0]
        for text in texts:
            counts = Counter(positions[term] for term in analyse(text) if term in positions)
            places = sorted(counts)
            weighed = [counts[place] * self.weights.item(place) for place in places]
            length = math.sqrt(math.fsum(weight * weight for weight in weighed)) or 1.0
            found.extend(places)
            values.extend(weight / length for weight in weighed)
            ends.append(len(found))
        matrix = sparse.csr_array(
            (np.array(values, dtype="float64"), np.array(found, dtype="int32"), np.array(ends)),
            shape=(len(texts), len(self.vocabulary)),
        )
        # Row by row and term by term in this product, so that no row depends on the others.
        reduced = matrix @ self.components
        sizes = [(len(text), len(_WORD.findall(text))) for text in texts]
        return np.hstack([reduced, np.array(sizes, dtype="float64").reshape(-1, 2)])


class analyser:  # noqa: N801 - used like a function, and has to be picklable for scikit-learn
    """Splits a text into its terms."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms

    def __call__(self, text: str) -> Iterable[str]:
        words = _WORD.findall(text[:_LONGEST].lower())
        if self._terms == "words":
            return [
                *words,
                *(f"{one} {next_}" for one, next_ in pairwise(words)),
            ]
        padded = [f" {word} " for word in words]
        return [
            word[start : start + size]
            for word in padded
            for size in _GRAMS
            for start in range(len(word) - size + 1)
        ]


def fit(texts: Sequence[str], terms: Terms, seed: int) -> Texts | None:
    """Learn the terms of distinct texts; None when there are too few for a decomposition."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    if len(texts) > FITTED_TEXTS:
        chosen = np.random.default_rng(seed).choice(len(texts), FITTED_TEXTS, replace=False)
        texts = [texts[place] for place in sorted(chosen)]
    vectorizer = TfidfVectorizer(
        analyzer=analyser(terms), min_df=_LEAST_TEXTS, max_df=0.95, max_features=MOST_TERMS
    )
    try:
        weighed = vectorizer.fit_transform(texts)
    except ValueError:  # no term is in more than one text
        return None
    size = min(MOST_NUMBERS, weighed.shape[1] // 2, len(texts) // 20)
    if size < 1:
        return None
    reduction = TruncatedSVD(size, random_state=seed).fit(weighed)
    return Texts(
        terms,
        tuple(str(term) for term in vectorizer.get_feature_names_out()),
        np.asarray(vectorizer.idf_, dtype="float64"),
        np.ascontiguousarray(reduction.components_.T, dtype="float32").astype("float64"),
    )
