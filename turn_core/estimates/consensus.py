"""What the choices of several people say together, each weighed by how reliable they are.

V choices by R people among C categories on N items. Pure numpy; docs/adr/0007 says why.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from turn_core.errors import DataError

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MAX_STEPS = 500
TOLERANCE = 1e-6
"""No probability moved by more in the last step."""
SMOOTHING = 0.01
"""Choices added to every cell of a person's table: nobody is taken for infallible after few."""
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
    step costs V x C.

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
    tables = _Tables(len(person_names), len(names), smoothing)
    pattern_of, pattern, code = _patterns(item, person * len(names) + category)
    weight = np.bincount(pattern_of).astype(np.float64)
    belief = tables.shares(pattern, code, len(weight))
    steps, moved = 0, np.inf
    while steps < MAX_STEPS and moved >= TOLERANCE:
        steps += 1
        tables.fit(belief, weight, pattern, code)
        before, belief = belief, tables.believe(pattern, code, len(weight))
        moved = np.abs(belief - before).max()
    best = belief.argmax(axis=1)
    top = belief[np.arange(len(belief)), best]
    accuracy = tables.accuracy()
    return Consensus(
        item_names, names[best[pattern_of]], top[pattern_of], person_names, accuracy, steps
    )


class _Tables:
    """What the model knows: how frequent categories are (C,), and each person's table."""

    def __init__(self, num_people: int, num_categories: int, smoothing: float) -> None:
        self.shape = (num_people, num_categories, num_categories)
        self.smoothing = smoothing
        self.frequency: Floats = np.full(num_categories, 1 / num_categories)
        self.chosen: Floats = np.empty(self.shape)
        """(R, l, c): how often a person chooses l where c is true."""

    def shares(self, pattern: Ints, code: Ints, num_patterns: int) -> Floats:
        """Return the share of every category among the choices of a pattern (P, C)."""
        found = np.zeros((num_patterns, self.shape[2]))
        np.add.at(found, (pattern, code % self.shape[2]), 1.0)
        return np.asarray(found / found.sum(axis=1, keepdims=True))

    def fit(self, belief: Floats, weight: Floats, pattern: Ints, code: Ints) -> None:
        """Make the likeliest tables of what is believed (P, C) of the patterns."""
        weighed = belief * weight[:, None]
        self.frequency = weighed.sum(axis=0) / weight.sum()
        counts = np.full((self.shape[0] * self.shape[1], self.shape[2]), float(self.smoothing))
        for part in self._parts(len(code)):
            np.add.at(counts, code[part], weighed[pattern[part]])
        counts = counts.reshape(self.shape)
        total = counts.sum(axis=1, keepdims=True)
        # A category that never came before a person says nothing about their choices.
        self.chosen = np.divide(counts, total, out=np.full_like(counts, 1 / self.shape[1]),
                                where=total > 0)  # fmt: skip

    def believe(self, pattern: Ints, code: Ints, num_patterns: int) -> Floats:
        """Return the probabilities (P, C) of the categories by the tables."""
        tiny = np.finfo(np.float64).tiny
        logs = np.log(np.maximum(self.chosen, tiny)).reshape(-1, self.shape[2])
        found = np.tile(np.log(np.maximum(self.frequency, tiny)), (num_patterns, 1))
        for part in self._parts(len(code)):
            np.add.at(found, pattern[part], logs[code[part]])
        found = np.exp(found - found.max(axis=1, keepdims=True))
        return np.asarray(found / found.sum(axis=1, keepdims=True))

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
