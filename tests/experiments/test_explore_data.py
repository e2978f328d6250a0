from dataclasses import replace

import numpy as np
import pytest
from explore_bench import CONFIG, SIZE, candidates
from numpy.testing import assert_array_equal

from turn_core.errors import ConfigError, DataError
from turn_core.experiments.explore_data import Selection, noise_for, select_samples
from turn_core.explore_config import ExploreConfig


def test_half_of_every_class_is_held_out_where_there_is_no_split():
    chosen = select_samples(candidates(), CONFIG)
    assert chosen.summary() == {
        "classes": [0, 1, 2],
        "num_available": SIZE,
        "num_train": len(chosen.train),
        "num_points": len(chosen.points),
        "num_trusted_train": 0,
        "labels": {"true": len(chosen.points), "trusted": 0, "given": 0},
        "held_out_by": "share",
    }
    assert len(chosen.train) + len(chosen.points) == SIZE
    for label in range(3):
        assert abs((chosen.labels[chosen.points] == label).sum() - 25) <= 1


def test_the_split_of_the_data_is_kept():
    split = ["Test" if row % 5 == 0 else "train" for row in range(SIZE)]
    chosen = select_samples(candidates(split=split), CONFIG)
    assert chosen.rows[chosen.points].tolist() == list(range(0, SIZE, 5))
    assert chosen.summary()["held_out_by"] == "split"


def test_a_class_without_test_samples_makes_the_split_useless():
    split = ["test" if row % 3 == 0 else "train" for row in range(SIZE)]  # class 0 only
    assert select_samples(candidates(split=split), CONFIG).summary()["held_out_by"] == "share"


def test_a_copy_of_a_point_is_never_trained_on():
    split = ["test" if row % 5 == 0 else "train" for row in range(SIZE)]
    keys = [str(row) for row in range(SIZE)]
    keys[1] = keys[0]
    chosen = select_samples(candidates(split=split, image_keys=keys), CONFIG)
    assert 1 not in chosen.rows


def test_limits_are_shared_by_the_classes():
    chosen = select_samples(candidates(), replace(CONFIG, max_samples=30, max_points=24))
    assert (len(chosen.train), len(chosen.points)) == (30, 24)
    assert np.bincount(chosen.labels[chosen.points]).tolist() == [8, 8, 8]
    assert int(chosen.num_available) == SIZE


def test_classes_are_drawn_by_the_seed_or_named():
    drawn = {
        tuple(select_samples(candidates(), replace(CONFIG, max_classes=2, seed=s)).classes.tolist())
        for s in range(12)
    }
    assert drawn == {(0, 1), (0, 2), (1, 2)}
    named = select_samples(candidates(), replace(CONFIG, classes=(2, 0)))
    assert named.classes.tolist() == [0, 2]
    assert sorted(set(named.labels.tolist())) == [0, 1]


def test_the_best_label_is_true_then_trusted_then_given():
    given = np.arange(SIZE) % 3
    true = np.full(SIZE, -1)
    true[:60] = (given[:60] + 1) % 3
    trusted = np.arange(SIZE) < 90
    chosen = select_samples(candidates(true=true, trusted=trusted), CONFIG)
    assert_array_equal(
        chosen.best, np.where(chosen.rows < 60, (given + 1) % 3, given)[chosen.rows] % 3
    )
    assert_array_equal(chosen.source, np.select([chosen.rows < 60, chosen.rows < 90], [0, 1], 2))


def test_a_true_label_outside_the_chosen_classes_is_none():
    true = np.arange(SIZE) % 3
    true[0] = 2
    chosen = select_samples(candidates(true=true), replace(CONFIG, classes=(0, 1)))
    assert chosen.best[chosen.rows == 0].tolist() == [-1]


def test_what_cannot_be_used_is_left_out():
    usable = np.arange(SIZE) >= 30
    labels = np.arange(SIZE) % 3
    labels[30:60] = -1
    chosen = select_samples(candidates(usable=usable, labels=labels), CONFIG)
    assert chosen.rows.min() == 60
    with pytest.raises(DataError, match="needs two classes with 10 usable samples"):
        select_samples(candidates(usable=np.arange(SIZE) < 20), CONFIG)


def test_a_selection_is_read_back_as_it_was(tmp_path):
    chosen = select_samples(candidates(), CONFIG)
    chosen.save(tmp_path / "selection.safetensors")
    again = Selection.load(tmp_path / "selection.safetensors")
    for name in Selection.__slots__:
        assert_array_equal(getattr(again, name), getattr(chosen, name))


def test_noise_is_numbered_among_the_chosen_classes():
    chosen = select_samples(candidates(), replace(CONFIG, classes=(0, 2)))
    mapped = ExploreConfig(noise="asymmetric_map", mapping=(2, 0, 1))
    assert noise_for(chosen, mapped, 0.3).mapping == (1, 1)  # 0 -> 2; 2 -> 1 was not chosen
    grouped = ExploreConfig(noise="asymmetric_superclass", superclasses=(7, 8, 7))
    assert noise_for(chosen, grouped, 0.3).superclasses == (7, 7)
    short = ExploreConfig(noise="asymmetric_map", mapping=(1, 0))
    with pytest.raises(ConfigError, match=r"explore.mapping must have a number per class"):
        noise_for(chosen, short, 0.3)
