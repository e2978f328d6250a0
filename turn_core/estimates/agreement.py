"""How far several people agree in choosing among categories, beyond what chance would bring.

V choices: item (V,), category (V,), int64, whatever their numbers. Intervals are two-sided, 95 %,
by the standard error of large samples, and end at -1 and 1.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from turn_core.errors import DataError
from turn_core.estimates.intervals import Z_95
from turn_core.types import Interval

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Kappa:
    """Agreement: the share of pairs of choices that are the same, 0..1, and that beyond chance.

    `percent` is None without any pair; `kappa` where chance alone explains all that is seen.
    """

    percent: float | None
    kappa: Interval | None


def cohen_kappa(first: Ints, second: Ints) -> Kappa:
    """Compare two people on the same items: (N,) categories each (Cohen, 1960).

    kappa = (p - e) / (1 - e): p is the share of items on which they agree, e what two independent
    people with their habits would reach. The standard error is that of Fleiss, Cohen & Everitt
    (1969), for a kappa that need not be 0.

    Raises:
        DataError: the two are not equally long.
    """
    if first.shape != second.shape:
        raise DataError(
            f"two people choose on the same items: got {len(first)} and {len(second)} choices"
        )
    n = len(first)
    if n == 0:
        return Kappa(None, None)
    names, codes = np.unique(np.concatenate([first, second]), return_inverse=True)
    a, b = codes[:n], codes[n:]
    row, column = (np.bincount(c, minlength=len(names)) / n for c in (a, b))
    same = a == b
    agree, chance = float(same.mean()), float(row @ column)
    if chance >= 1:
        return Kappa(agree, None)
    kappa = (agree - chance) / (1 - chance)
    # Sums over the cells of the table, taken over the items: each weighs 1 / n.
    on = np.mean(np.where(same, (1 - (row[a] + column[a]) * (1 - kappa)) ** 2, 0))
    off = (1 - kappa) ** 2 * np.mean(np.where(same, 0, (column[a] + row[b]) ** 2))
    spread = on + off - (kappa - chance * (1 - kappa)) ** 2
    error = np.sqrt(max(0.0, float(spread)) / n) / (1 - chance)
    return Kappa(agree, _interval(kappa, float(error)))


def fleiss_kappa(items: Ints, categories: Ints) -> Kappa:
    """Compare any number of people; items with one choice are left out (Fleiss, 1971).

    Items may have different numbers of choices. The share of a category is its mean over items;
    with equal numbers that is Fleiss' own. The standard error is that of Gwet (2008) for a sample
    of items.

    Raises:
        DataError: the two are not equally long.
    """
    if items.shape != categories.shape:
        raise DataError(
            f"every choice has an item and a category: got {len(items)} and {len(categories)}"
        )
    items, categories = _with_company(items, categories)
    if not len(items):
        return Kappa(None, None)
    n, cell_item, cell_category, counts = _cells(items, categories)
    raters = np.bincount(cell_item, counts, n)
    agree = np.bincount(cell_item, counts * (counts - 1), n) / (raters * (raters - 1))
    share = counts / raters[cell_item]
    habit = np.bincount(cell_category, share) / n
    chance, percent = float(habit @ habit), float(agree.mean())
    if chance >= 1:
        return Kappa(percent, None)
    kappa = (percent - chance) / (1 - chance)
    own = np.bincount(cell_item, habit[cell_category] * share, n)  # what chance brings each item
    each = (agree - chance - 2 * (1 - kappa) * (own - chance)) / (1 - chance)
    error = np.sqrt(((each - kappa) ** 2).sum() / (n * max(1, n - 1)))
    return Kappa(percent, _interval(kappa, float(error)))


def _with_company(items: Ints, categories: Ints) -> tuple[Ints, Ints]:
    if not len(items):
        return items, categories
    _, codes, number = np.unique(items, return_inverse=True, return_counts=True)
    kept = number[codes] > 1
    return items[kept], categories[kept]


def _cells(items: Ints, categories: Ints) -> tuple[int, Ints, Ints, Ints]:
    """Return the number of items and, of every cell that is not 0, item, category and count."""
    names, item = np.unique(items, return_inverse=True)
    _, category = np.unique(categories, return_inverse=True)
    width = int(category.max()) + 1
    cells, counts = np.unique(item * width + category, return_counts=True)
    return len(names), cells // width, cells % width, counts


def _interval(kappa: float, error: float) -> Interval:
    low, high = kappa - Z_95 * error, kappa + Z_95 * error
    return Interval(kappa, max(-1.0, low), min(1.0, high))
