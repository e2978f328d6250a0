"""What the choices of several people say together, each weighed by how reliable they are.

V choices by R people among C categories on N items. Pure numpy; docs/adr/0007 says why.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from turn_core.errors import DataError
from turn_core.estimates.sparse_consensus import Choices, SparseModel

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MAX_STEPS = 500
MAX_SPARSE_STEPS = 100
TOLERANCE = 1e-6
"""No probability moved by more in the last step."""
SMOOTHING = 0.01
"""Choices added to every cell of a person's table: nobody is taken for infallible after few."""
DENSE_CELLS = 2_000_000
"""With more items (of different choices) times categories the model is held sparsely."""
_CELLS_AT_ONCE = 4_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Consensus:
    """The likeliest category of every item, and the accuracy of every person."""

    items: Ints
    """(N,) as they were given, rising."""
    best: Ints
    """(N,) categories, as they were given."""
    probability: Floats
    """(N,) of `best`, 0..1."""
    people: Ints
    """(R,) as they were given, rising."""
    accuracy: Floats
    """(R,) the share of items on which a person is expected to choose the right category."""
    steps: int


def dawid_skene(
    items: Ints, people: Ints, categories: Ints, *, smoothing: float = SMOOTHING
) -> Consensus:
    """Estimate the true categories by the model of Dawid & Skene (1979), by expectation maximising.

    Every person has a table: how often they choose l where c is true. It starts from the shares of
    the choices on each item. Items with the same choices by the same people are handled as one. A
    step costs V x C; with more than `DENSE_CELLS` items times categories it costs V, and the result
    is an approximation (`SparseModel`).

    Args:
        items: (V,) the item of each choice.
        people: (V,) who made it; one choice per person and item.
        categories: (V,) what they chose.
        smoothing: added to each cell of the tables, >= 0; 0 is the paper's maximum likelihood.

    Raises:
        DataError: there is no choice, or the arrays are not equally long.
    """
    if not items.shape == people.shape == categories.shape or not len(items):
        raise DataError(
            "a consensus needs choices, each with item, person and category: "
            f"got {len(items)}, {len(people)} and {len(categories)}"
        )
    item_names, item = np.unique(items, return_inverse=True)
    person_names, person = np.unique(people, return_inverse=True)
    names, category = np.unique(categories, return_inverse=True)
    pattern_of, pattern, code = _patterns(item, person * len(names) + category)
    weight = np.bincount(pattern_of).astype(np.float64)
    choices = Choices(pattern, code, weight, len(person_names), len(names))
    is_large = len(weight) * len(names) > DENSE_CELLS
    model = SparseModel(choices, smoothing) if is_large else _DenseModel(choices, smoothing)
    steps, moved, most = 0, np.inf, MAX_SPARSE_STEPS if is_large else MAX_STEPS
    while steps < most and moved >= TOLERANCE:
        steps += 1
        moved = model.step()
    best, top = model.best()
    return Consensus(
        item_names, names[best[pattern_of]], top[pattern_of], person_names, model.accuracy(), steps
    )


class _DenseModel:
    """What the model knows: how frequent categories are (C,), each person's table, and beliefs."""

    def __init__(self, choices: Choices, smoothing: float) -> None:
        self.choices, self.smoothing = choices, smoothing
        number = choices.num_categories
        self.shape = (choices.num_people, number, number)
        self.frequency: Floats = np.full(number, 1 / number)
        self.chosen: Floats = np.empty(self.shape)
        """(R, l, c): how often a person chooses l where c is true."""
        found = np.zeros((len(choices.weight), number))
        np.add.at(found, (choices.pattern, choices.code % number), 1.0)
        self.belief: Floats = found / found.sum(axis=1, keepdims=True)
        """(P, C): the probabilities of the categories, at first their shares of the choices."""

    def step(self) -> float:
        """Estimate the tables, then the beliefs; return how far one of these moved at most."""
        self._fit()
        before, self.belief = self.belief, self._believe()
        return float(np.abs(self.belief - before).max())

    def _fit(self) -> None:
        """Make the likeliest tables of what is believed of the patterns."""
        pattern, code = self.choices.pattern, self.choices.code
        weighed = self.belief * self.choices.weight[:, None]
        self.frequency = weighed.sum(axis=0) / self.choices.weight.sum()
        counts = np.full((self.shape[0] * self.shape[1], self.shape[2]), float(self.smoothing))
        for part in self._parts(len(code)):
            np.add.at(counts, code[part], weighed[pattern[part]])
        counts = counts.reshape(self.shape)
        total = counts.sum(axis=1, keepdims=True)
        # A category that never came before a person says nothing about their choices.
        self.chosen = np.divide(counts, total, out=np.full_like(counts, 1 / self.shape[1]),
                                where=total > 0)  # fmt: skip

    def _believe(self) -> Floats:
        """Return the probabilities (P, C) of the categories by the tables."""
        pattern, code = self.choices.pattern, self.choices.code
        tiny = np.finfo(np.float64).tiny
        logs = np.log(np.maximum(self.chosen, tiny)).reshape(-1, self.shape[2])
        found = np.tile(np.log(np.maximum(self.frequency, tiny)), (len(self.belief), 1))
        for part in self._parts(len(code)):
            np.add.at(found, pattern[part], logs[code[part]])
        found = np.exp(found - found.max(axis=1, keepdims=True))
        return np.asarray(found / found.sum(axis=1, keepdims=True))

    def best(self) -> tuple[Ints, Floats]:
        """Return the likeliest category (P,) of every pattern, and its probability."""
        return self.belief.argmax(axis=1), self.belief.max(axis=1)

    def accuracy(self) -> Floats:
        """Return the share (R,) of right choices that is expected of each person."""
        right = np.diagonal(self.chosen, axis1=1, axis2=2)
        return np.asarray(right @ self.frequency)

    def _parts(self, length: int) -> Iterator[slice]:
        step = max(1, _CELLS_AT_ONCE // self.shape[2])
        return (slice(start, start + step) for start in range(0, length, step))


def _patterns(item: Ints, code: Ints) -> tuple[Ints, Ints, Ints]:
    """Return the pattern of every item (N,), and pattern and code of the choices of each one."""
    order = np.lexsort((code, item))
    starts = np.flatnonzero(np.diff(item[order], prepend=-1))
    known: dict[bytes, int] = {}
    pattern_of = np.empty(len(starts), np.int64)
    choices = np.split(code[order], starts[1:])
    for place, own in enumerate(choices):
        pattern_of[place] = known.setdefault(own.tobytes(), len(known))
    first = [np.frombuffer(key, code.dtype) for key in known]
    lengths = [len(codes) for codes in first]
    return pattern_of, np.repeat(np.arange(len(first)), lengths), np.concatenate(first)
