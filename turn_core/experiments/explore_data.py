"""Which samples an exploration trains on, and which it looks at. N samples, C chosen classes."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from turn_core.config import NoiseConfig
from turn_core.errors import ConfigError, DataError
from turn_core.experiments.study_data import (
    Bools,
    Candidates,
    Drawn,
    Ints,
    drawn_arrays,
    is_held_out,
)
from turn_core.explore_config import MIN_CLASS_SIZE, ExploreConfig
from turn_core.holdout import stratified_holdout
from turn_core.projection import sample_by_class
from turn_core.seeds import derive


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Selection(Drawn):
    """The chosen N samples: `is_point` ones are looked at, the others trained on."""

    trusted: Bools
    is_point: Bools
    by_split: Bools
    """() whether the points are those of the data's own test or val split."""

    @property
    def train(self) -> Ints:
        """(T,) places of the samples to train on."""
        return np.flatnonzero(~self.is_point)

    @property
    def points(self) -> Ints:
        """(M,) places of the samples to look at."""
        return np.flatnonzero(self.is_point)

    def summary(self) -> dict[str, Any]:
        """Return what people are told about it, as plain values."""
        return self.told(self.is_point, by_split=bool(self.by_split)) | {
            "num_train": len(self.train),
            "num_points": len(self.points),
            "num_trusted_train": int(self.trusted[self.train].sum()),
        }


def select_samples(candidates: Candidates, config: ExploreConfig) -> Selection:
    """Choose classes, hold samples out, and draw as many as the config allows, by class.

    Where every chosen class has test or val samples of its own, those are the points; else a
    share of each class. A copy of a point is never trained on.

    Raises:
        DataError: fewer than two classes have enough usable samples.
    """
    classes = _choose_classes(candidates, config)
    pool = np.flatnonzero(candidates.usable & np.isin(candidates.labels, classes))
    held, by_split = _hold_out(candidates, pool, config)
    keys = np.array(candidates.image_keys, dtype=np.str_)[pool]
    train = pool[~held & ~np.isin(keys, keys[held])]
    points = pool[held]
    train = train[_drawn(candidates.labels[train], config.max_samples, config.seed, "train")]
    points = points[_drawn(candidates.labels[points], config.max_points, config.seed, "points")]
    rows = np.sort(np.concatenate([train, points]))
    return Selection(
        **drawn_arrays(candidates, rows, classes),
        trusted=candidates.trusted[rows],
        is_point=np.isin(rows, points),
        num_available=np.array(len(pool)),
        by_split=np.array(by_split),
    )


def noise_for(selection: Selection, config: ExploreConfig, level: float) -> NoiseConfig:
    """Return the noise of a level with classes numbered as in the selection.

    A class that the map sends to one that was not chosen keeps its label.

    Raises:
        ConfigError: there are fewer numbers in the config than classes.
    """
    noise, classes = config.noise_at(level), selection.classes
    for name in ("superclasses", "mapping"):
        given = getattr(noise, name)
        if given is not None and len(given) <= classes.max():
            raise ConfigError(
                f"explore.{name} must have a number per class of the data set, got {len(given)}"
            )
    superclasses = noise.superclasses and tuple(noise.superclasses[c] for c in classes)
    mapping = noise.mapping and tuple(
        int(np.searchsorted(classes, noise.mapping[c])) if noise.mapping[c] in classes else place
        for place, c in enumerate(classes)
    )
    return NoiseConfig(
        kind=noise.kind,
        level=level,
        block_size=min(noise.block_size, len(classes)),
        superclasses=superclasses,
        mapping=mapping,
    )


def _choose_classes(candidates: Candidates, config: ExploreConfig) -> Ints:
    usable = candidates.labels[candidates.usable & (candidates.labels >= 0)]
    classes, sizes = np.unique(usable, return_counts=True)
    chosen = classes[sizes >= MIN_CLASS_SIZE]
    if config.classes is not None:
        chosen = chosen[np.isin(chosen, config.classes)]
    elif len(chosen) > config.max_classes:
        draw = np.random.default_rng(derive(config.seed, "explore", "classes"))
        chosen = np.sort(draw.choice(chosen, config.max_classes, replace=False))
    if len(chosen) < 2:
        raise DataError(
            f"an exploration needs two classes with {MIN_CLASS_SIZE} usable samples each, "
            f"{len(chosen)} of those chosen have so many: choose other classes or add images"
        )
    return chosen


def _hold_out(candidates: Candidates, pool: Ints, config: ExploreConfig) -> tuple[Bools, bool]:
    """Return which of the pool are held out, and whether the data's own split says so."""
    labels = candidates.labels[pool]
    held = np.array([is_held_out(candidates.split[row]) for row in pool], np.bool_)
    enough = MIN_CLASS_SIZE // 2
    sizes = [
        min(int((held & (labels == c)).sum()), int((~held & (labels == c)).sum()))
        for c in np.unique(labels)
    ]
    if min(sizes) >= enough:
        return held, True
    held = stratified_holdout(
        labels,
        [candidates.image_keys[row] for row in pool],
        np.ones(len(pool), np.bool_),
        fraction=config.holdout_fraction,
        seed=derive(config.seed, "explore", "holdout"),
    )
    return held, False


def _drawn(labels: Ints, limit: int, seed: int, what: str) -> Ints:
    return sample_by_class(labels, limit, seed=derive(seed, "explore", what))
