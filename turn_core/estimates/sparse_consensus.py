"""Dawid and Skene's model where there are too many items and categories to hold them all.

P patterns of choices, C categories, G groups of people. A table of a person holds numbers of its
own only for categories that somebody chose beside this choice; everywhere else it holds what the
smoothing puts there, so that the belief in all other categories depends on who chose alone, not on
what: one row per group of people instead of one per pattern.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
_TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True, slots=True, eq=False)
class Choices:
    """The choices of the patterns, in the order of the patterns; each pattern has `weight` items.

    `code` is the number of the person times C plus the category.
    """

    pattern: Ints
    code: Ints
    weight: Floats
    num_people: int
    num_categories: int


class SparseModel:
    """The state of the estimate: belief in the cells (pattern, category) that are possible."""

    def __init__(self, choices: Choices, smoothing: float) -> None:
        self.smoothing, self.weight = smoothing, choices.weight
        self.num_people, self.num_categories = choices.num_people, choices.num_categories
        pattern, code, wide = choices.pattern, choices.code, choices.num_categories
        self.group_of, self.members = _groups(pattern, code // wide, choices.num_people)
        cells = _possible(pattern, code, wide)
        self.pattern, self.category = np.divmod(cells, wide)
        self.starts = np.flatnonzero(np.diff(self.pattern, prepend=-1))
        self.group = self.group_of[self.pattern]
        # A term is a choice of the pattern of a cell: it has an entry in its person's table.
        self.term_cell, choice = _joined(self.pattern, pattern)
        category = self.category[self.term_cell]
        entries = code[choice] * wide + category
        self.entries, self.term_entry = np.unique(entries, return_inverse=True)
        self.entry_column = self.entries // wide**2 * wide + self.entries % wide
        self.belief = _shares(cells, pattern * wide + code % wide, self.pattern, self.starts)
        self.others = np.zeros((len(self.members), wide))
        """(G, C): the belief in a category that nobody chose, where it is not a cell, summed."""
        self.outside = np.zeros(len(cells))
        """The part of `others` that a cell takes the place of."""

    def step(self) -> float:
        """Estimate the tables, then the beliefs; return how far one of these moved at most."""
        self._fit()
        before = self.belief
        self._believe()
        return float(np.abs(self.belief - before).max())

    def _fit(self) -> None:
        wide, weighed = self.num_categories, self.weight[self.pattern] * self.belief
        counts = np.bincount(self.term_entry, weighed[self.term_cell], len(self.entries))
        gained = np.bincount(self.category, weighed - self.outside, wide)
        self.frequency = (gained + self.others.sum(axis=0)) / self.weight.sum()
        sums = np.bincount(
            self.group * wide + self.category, weighed - self.outside, self.others.size
        )
        by_group = self.others + sums.reshape(self.others.shape)
        total = wide * self.smoothing + self.members.T @ by_group
        never = np.where(total > 0, self.smoothing, 1 / wide) / np.where(total > 0, total, 1)
        # A category that never came before a person says nothing about their choices.
        self.unchosen = never
        flat, known = total.reshape(-1)[self.entry_column], never.reshape(-1)[self.entry_column]
        self.chosen = known + counts / np.where(flat > 0, flat, 1)

    def _believe(self) -> None:
        log_frequency = np.log(np.maximum(self.frequency, _TINY))
        common = log_frequency + self.members @ np.log(np.maximum(self.unchosen, _TINY))
        terms = np.log(np.maximum(self.chosen, _TINY))[self.term_entry]
        logs = log_frequency[self.category]
        logs += np.bincount(self.term_cell, terms, len(logs))
        top = np.maximum.reduceat(logs, self.starts)
        top = np.maximum(top, common.max(axis=1)[self.group_of])
        here = np.exp(logs - top[self.pattern])
        # Of the row of the group all but the cells: exp(common) at another scale per pattern.
        place = np.exp(common[self.group, self.category] - top[self.pattern])
        highest = common.max(axis=1)
        row = np.exp(common - highest[:, None])
        scale = np.exp(highest[self.group_of] - top)
        rest = scale * row.sum(axis=1)[self.group_of] - np.add.reduceat(place, self.starts)
        whole = np.add.reduceat(here, self.starts) + np.maximum(rest, 0)
        self.belief = here / whole[self.pattern]
        share = self.weight / whole
        summed = np.bincount(self.group_of, share * scale, len(self.members))
        self.others = summed[:, None] * row
        self.outside = share[self.pattern] * place

    def best(self) -> tuple[Ints, Floats]:
        """Return the likeliest category (P,) of every pattern, and its probability."""
        top = np.maximum.reduceat(self.belief, self.starts)
        reached = np.flatnonzero(self.belief == top[self.pattern])
        _, first = np.unique(self.pattern[reached], return_index=True)
        return self.category[reached[first]], top

    def accuracy(self) -> Floats:
        """Return the share (R,) of right choices that is expected of each person."""
        wide = self.num_categories
        right = self.unchosen.copy()
        person, chosen = self.entries // wide**2, self.entries // wide % wide
        own = chosen == self.entries % wide
        right[person[own], chosen[own]] = self.chosen[own]
        return np.asarray(right @ self.frequency)


def _groups(pattern: Ints, person: Ints, num_people: int) -> tuple[Ints, Floats]:
    """Return the group (P,) of every pattern, and who is in each group (G, R) as 0 and 1."""
    present = np.zeros((int(pattern[-1]) + 1, num_people), bool)
    present[pattern, person] = True
    members, group_of = np.unique(present, axis=0, return_inverse=True)
    return group_of.reshape(-1), members.astype(np.float64)


def _possible(pattern: Ints, code: Ints, wide: int) -> Ints:
    """Return the cells, rising: of each choice all categories that anybody chose beside it."""
    one, other = _joined(pattern, pattern)
    beside = np.unique(code[one] * wide + code[other] % wide)
    choice, place = _joined(code, beside // wide)
    return np.unique(pattern[choice] * wide + beside[place] % wide)


def _joined(left: Ints, right: Ints) -> tuple[Ints, Ints]:
    """Return the places of all pairs of equal numbers; `right` is rising."""
    low, high = np.searchsorted(right, left), np.searchsorted(right, left, side="right")
    many = high - low
    places = np.repeat(np.arange(len(left)), many)
    within = np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)
    return places, np.repeat(low, many) + within


def _shares(cells: Ints, chosen: Ints, pattern: Ints, starts: Ints) -> Floats:
    """Return the share of every cell among the choices of its pattern."""
    found = np.bincount(np.searchsorted(cells, chosen), minlength=len(cells)).astype(np.float64)
    return np.asarray(found / np.add.reduceat(found, starts)[pattern])
