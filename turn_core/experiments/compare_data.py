"""Which samples a comparison uses: trained on, held out, and of another domain.

N chosen samples, C classes. The hold-out of data without a test or val split is drawn anew for
every seed, so that the spread over seeds holds the chance of that draw too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from turn_core.compare_config import MIN_CLASS_SIZE, CompareConfig
from turn_core.errors import DataError
from turn_core.experiments.study_data import (
    Bools,
    Candidates,
    Drawn,
    Ints,
    drawn_arrays,
    is_held_out,
    plain_split,
)
from turn_core.holdout import stratified_holdout
from turn_core.projection import sample_by_class
from turn_core.seeds import derive

POOL, HELD_OUT, OUTSIDE = 0, 1, 2
"""Roles: trained on or held out by the seed, held out by the data's own split, another domain."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chosen(Drawn):
    """The N samples, and what each is for."""

    role: Ints
    """(N,) POOL, HELD_OUT or OUTSIDE."""

    @property
    def by_split(self) -> bool:
        """Whether the data's own split says what is held out."""
        return bool((self.role == HELD_OUT).any())

    def summary(self, config: CompareConfig) -> dict[str, Any]:
        """Return what people are told about it, as plain values."""
        inside = self.role != OUTSIDE
        held = self.role == HELD_OUT if self.by_split else inside
        share = 1.0 if self.by_split else config.holdout_fraction
        return self.told(held, by_split=self.by_split) | {
            "num_samples": int(inside.sum()),
            "num_held_out": round(share * int(held.sum())),
            "num_outside": int((~inside).sum()),
        }


@dataclass(frozen=True, slots=True)
class Split:
    """What a seed trains on (T,) and measures on (M,): places among the N."""

    train: Ints
    test: Ints
    is_outside: Bools
    """(M,) of another domain."""


def choose(candidates: Candidates, config: CompareConfig) -> Chosen:
    """Choose the classes that are large enough, and as many samples as the config allows.

    Where every class has test or val samples of its own, those are held out. A copy of a held-out
    image, or of one of another domain, is never trained on.

    Raises:
        DataError: fewer than two classes have enough usable samples, or no sample has a split that
            was named as another domain.
    """
    usable = candidates.usable & (candidates.labels >= 0)
    outside = _is_outside(candidates, config)
    classes, sizes = np.unique(candidates.labels[usable & ~outside], return_counts=True)
    classes = classes[sizes >= MIN_CLASS_SIZE]
    if len(classes) < 2:
        raise DataError(
            f"a comparison needs two classes with {MIN_CLASS_SIZE} usable samples each, "
            f"{len(classes)} have so many: add images"
        )
    usable &= np.isin(candidates.labels, classes)
    held = _held_by_split(candidates, usable & ~outside, classes)
    role = np.where(outside, OUTSIDE, np.where(held, HELD_OUT, POOL))
    usable &= ~_copies(candidates.image_keys, usable, role)
    rows = np.sort(np.concatenate(list(_drawn(candidates, usable, role, config))))
    return Chosen(
        **drawn_arrays(candidates, rows, classes),
        role=role[rows].astype(np.int64),
        num_available=np.array(int((usable & ~outside).sum())),
    )


def split_of(chosen: Chosen, image_keys: Sequence[str], config: CompareConfig, seed: int) -> Split:
    """Return what a seed trains on and measures on; samples without a known label are not measured.

    `image_keys` (N,) are equal for copies of one image.

    Raises:
        DataError: no sample is left to measure on.
    """
    held = chosen.role == HELD_OUT
    if not chosen.by_split:
        pool = np.flatnonzero(chosen.role == POOL)
        drawn = stratified_holdout(
            chosen.labels[pool],
            [image_keys[int(row)] for row in pool],
            np.ones(len(pool), np.bool_),
            fraction=config.holdout_fraction,
            seed=derive(seed, "compare"),
        )
        held[pool[drawn]] = True
    outside = chosen.role == OUTSIDE
    test = np.flatnonzero((held | outside) & (chosen.best >= 0))
    if not held[test].any():
        raise DataError(
            "no held-out sample has a label to measure against: hold out a larger share"
        )
    return Split(np.flatnonzero(~held & ~outside), test, outside[test])


def _is_outside(candidates: Candidates, config: CompareConfig) -> Bools:
    named = {plain_split(name) for name in config.outside}
    found = np.array([plain_split(name) in named for name in candidates.split], np.bool_)
    missing = named - {plain_split(name) for name in candidates.split}
    if missing:
        known = sorted({name for name in candidates.split if name})
        raise DataError(
            f"no sample has the split {min(missing)!r}; "
            + (f"there are {', '.join(known[:20])}" if known else "the data have no splits")
        )
    return found


def _held_by_split(candidates: Candidates, pool: Bools, classes: Ints) -> Bools:
    """Return which of all candidates the data hold out; none unless every class has enough."""
    named = np.array([is_held_out(name) for name in candidates.split], np.bool_)
    labels, enough = candidates.labels, MIN_CLASS_SIZE // 2
    for label in classes:
        mine = pool & (labels == label)
        if min(int((mine & named).sum()), int((mine & ~named).sum())) < enough:
            return np.zeros(len(labels), np.bool_)
    return pool & named


def _copies(image_keys: Sequence[str], usable: Bools, role: Ints) -> Bools:
    """Return which samples are copies of one that is held out, or of one trained on elsewhere."""
    keys = np.array(image_keys, dtype=np.str_)
    held = usable & (role == HELD_OUT)
    inside = usable & (role != OUTSIDE)
    in_pool: Bools = (role == POOL) & np.isin(keys, keys[held])
    elsewhere: Bools = (role == OUTSIDE) & np.isin(keys, keys[inside])
    return in_pool | elsewhere


def _drawn(candidates: Candidates, usable: Bools, role: Ints, config: CompareConfig) -> list[Ints]:
    share, limit = config.holdout_fraction, config.max_samples
    by_split = bool((usable & (role == HELD_OUT)).any())
    limits = {POOL: round(limit * (1 - share)) if by_split else limit}
    limits |= {HELD_OUT: max(1, round(limit * share)), OUTSIDE: limit}
    found = []
    for part, most in limits.items():
        rows = np.flatnonzero(usable & (role == part))
        seed = derive(config.seed, "compare", "draw", part)
        found.append(rows[sample_by_class(candidates.labels[rows], most, seed=seed)])
    return found
