"""Which samples a comparison trains on, holds out, and keeps apart as another domain."""

import numpy as np
import pytest

from turn_core.compare_config import CompareConfig
from turn_core.errors import DataError
from turn_core.experiments.compare_data import HELD_OUT, OUTSIDE, Chosen, choose, split_of
from turn_core.experiments.study_data import Candidates


def make(labels, *, split=None, true=None, trusted=(), keys=None):
    labels = np.array(labels)
    size = len(labels)
    return Candidates(
        ids=np.arange(100, 100 + size),
        labels=labels,
        true=np.full(size, -1) if true is None else np.array(true),
        trusted=np.isin(np.arange(size), trusted),
        usable=np.ones(size, np.bool_),
        split=split or [None] * size,
        image_keys=keys or [f"{i:03d}" for i in range(size)],
    )


def split(chosen, candidates, config, seed=0):
    keys = [candidates.image_keys[row] for row in chosen.rows]
    return split_of(chosen, keys, config, seed)


def test_a_share_of_every_class_is_held_out_and_each_seed_draws_anew():
    candidates, config = make([0, 1] * 50), CompareConfig(holdout_fraction=0.2)
    chosen = choose(candidates, config)
    parts = [split(chosen, candidates, config, seed) for seed in (0, 1)]
    for part in parts:
        assert len(part.train) + len(part.test) == 100
        assert not set(part.train) & set(part.test)
        assert 8 <= np.bincount(chosen.labels[part.test]).min() <= 12
    assert set(parts[0].test) != set(parts[1].test)
    again = split(chosen, candidates, config, 0)
    assert again.test.tolist() == parts[0].test.tolist()


def test_the_data_s_own_split_is_held_out_where_every_class_has_enough():
    names = ["test" if i % 4 < 2 else "train" for i in range(100)]
    candidates, config = make([0, 1] * 50, split=names), CompareConfig()
    chosen = choose(candidates, config)
    assert chosen.by_split
    part = split(chosen, candidates, config)
    assert {names[chosen.rows[row]] for row in part.test} == {"test"}
    assert chosen.summary(config)["num_held_out"] == len(part.test) == 50
    few = ["test" if i < 4 else "train" for i in range(100)]
    assert not choose(make([0, 1] * 50, split=few), config).by_split


def test_another_domain_is_measured_and_never_trained_on():
    names = ["sketch" if i % 5 == 0 else "photo" for i in range(100)]
    candidates = make([0, 1] * 50, split=names)
    config = CompareConfig(outside=("Sketch",))
    chosen = choose(candidates, config)
    part = split(chosen, candidates, config)
    assert part.is_outside.sum() == (chosen.role == OUTSIDE).sum() == 20
    assert {names[row] for row in chosen.rows[part.train]} == {"photo"}
    with pytest.raises(DataError, match="no sample has the split 'clip art'; there are photo"):
        choose(candidates, CompareConfig(outside=("clip art",)))


def test_copies_of_what_is_measured_on_are_not_trained_on():
    keys = [f"{i % 60:03d}" for i in range(100)]  # the last forty are copies of the first
    names = ["test" if i < 20 else "train" for i in range(100)]
    candidates, config = make([0, 1] * 50, split=names, keys=keys), CompareConfig()
    chosen = choose(candidates, config)
    assert chosen.by_split
    trained = {keys[row] for row in chosen.rows[chosen.role != HELD_OUT]}
    assert not trained & {keys[row] for row in chosen.rows[chosen.role == HELD_OUT]}
    apart = make([0, 1] * 50, split=["other" if i >= 60 else None for i in range(100)], keys=keys)
    chosen = choose(apart, CompareConfig(outside=("other",)))
    assert not (chosen.role == OUTSIDE).any()  # every one of them is a copy


def test_accuracy_is_measured_against_the_best_label_known():
    candidates = make([0, 1] * 20, true=[-1] * 20 + [1, 0] * 10, trusted=(0, 1))
    chosen = choose(candidates, CompareConfig())
    assert chosen.best.tolist() == [0, 1] * 10 + [1, 0] * 10
    assert chosen.labels.tolist() == [0, 1] * 20
    assert chosen.summary(CompareConfig())["labels"] == {"true": 20, "trusted": 2, "given": 18}


def test_small_classes_take_no_part_and_the_rest_is_drawn_evenly(tmp_path):
    candidates = make([0] * 60 + [2] * 30 + [1] * 9)
    chosen = choose(candidates, CompareConfig(max_samples=40))
    assert chosen.classes.tolist() == [0, 2]
    assert np.bincount(chosen.labels).tolist() == [20, 20]
    assert int(chosen.num_available) == 90
    chosen.save(tmp_path / "chosen.safetensors")
    again = Chosen.load(tmp_path / "chosen.safetensors")
    assert all(np.array_equal(getattr(again, n), getattr(chosen, n)) for n in Chosen.__slots__)
    with pytest.raises(DataError, match=r"needs two classes with 10 usable samples each, 1 have"):
        choose(make([0] * 60 + [1] * 9), CompareConfig())
