"""The matrices of class-conditional noise, by hand, and what they do to labels."""

import numpy as np
import pytest

from turn_core import noise
from turn_core.config import NoiseConfig, from_dict, to_dict
from turn_core.errors import ConfigError, DataError

CIFAR10_MAP = (0, 1, 0, 5, 7, 3, 6, 7, 8, 1)
"""truck -> automobile, bird -> airplane, deer -> horse, cat <-> dog (Patrini et al.)."""

GOLDEN = {
    "symmetric": [0, 1, 1, 2, 1, 1, 2, 3, 0, 1, 0, 3],
    "symmetric_excluding": [1, 2, 0, 2, 2, 1, 2, 2, 1, 1, 0, 3],
    "asymmetric_block": [1, 2, 2, 0, 1, 2, 3, 0, 1, 2, 2, 3],
    "asymmetric_next": [1, 2, 2, 0, 1, 2, 3, 0, 1, 2, 2, 3],
}

MATRIX_KINDS = (
    NoiseConfig(kind="symmetric", level=0.4),
    NoiseConfig(kind="symmetric_excluding", level=0.4),
    NoiseConfig(kind="asymmetric_block", level=0.4),
    NoiseConfig(
        kind="asymmetric_superclass", level=0.4, superclasses=(0, 1, 2, 0, 1, 2, 0, 1, 2, 0)
    ),
    NoiseConfig(kind="asymmetric_next", level=0.4),
    NoiseConfig(kind="asymmetric_map", level=0.4, mapping=CIFAR10_MAP),
)


def targets(transition):
    """The class to which each class flips, itself where it never does."""
    off = transition - np.diag(np.diag(transition))
    return np.where(off.any(axis=1), off.argmax(axis=1), np.arange(len(off))).tolist()


def test_block__shifts_inside_blocks_and_a_class_alone_in_the_last_stays():
    matrix = noise.block_transition(11, 0.4)
    assert targets(matrix) == [1, 2, 3, 4, 0, 6, 7, 8, 9, 5, 10]
    assert matrix[0, 0] == 0.6
    assert matrix[0, 1] == 0.4
    assert matrix[10, 10] == 1


def test_superclass__shifts_inside_each_superclass():
    matrix = noise.superclass_transition([7, 3, 7, 3, 7, 1], 0.3)
    assert targets(matrix) == [2, 3, 4, 1, 0, 5]
    np.testing.assert_allclose(matrix[4], [0.3, 0, 0, 0, 0.7, 0])


def test_superclass__of_consecutive_fives_is_the_block_model():
    np.testing.assert_array_equal(
        noise.superclass_transition(np.arange(20) // 5, 0.4), noise.block_transition(20, 0.4)
    )


def test_next__shifts_each_class_and_the_last_to_the_first():
    np.testing.assert_allclose(
        noise.next_transition(3, 0.2), [[0.8, 0.2, 0], [0, 0.8, 0.2], [0.2, 0, 0.8]]
    )


def test_map__flips_as_told():
    matrix = noise.map_transition(CIFAR10_MAP, 0.4)
    assert targets(matrix) == list(CIFAR10_MAP)
    assert matrix[0, 0] == 1  # an airplane stays one
    assert matrix[9, 1] == 0.4


@pytest.mark.parametrize("config", MATRIX_KINDS, ids=lambda c: c.kind)
def test_record__states_the_truth_about_itself(config):
    true = np.arange(3000) % 10
    found = noise.apply_noise(true, 10, config, seed=3)
    np.testing.assert_allclose(found.transition.sum(axis=1), 1)
    np.testing.assert_allclose(found.expected_transition.sum(axis=1), 1)
    np.testing.assert_array_equal(found.flipped, found.labels != true)
    assert found.rate == pytest.approx((found.labels != true).mean())
    assert found.counts.sum() == found.flipped.sum()
    np.testing.assert_array_equal(found.class_sizes, np.bincount(found.labels, minlength=10))
    sizes = np.bincount(true)
    assert found.rate == pytest.approx(1 - (np.diag(found.transition) * sizes).sum() / 3000)
    np.testing.assert_allclose(sizes @ found.transition, found.class_sizes)


@pytest.mark.parametrize("config", MATRIX_KINDS, ids=lambda c: c.kind)
def test_rate__lies_within_four_standard_errors_over_seeds(config):
    true = np.arange(5000) % 10
    found = [noise.apply_noise(true, 10, config, seed=seed) for seed in range(10)]
    flips = 1 - np.diag(found[0].expected_transition)
    spread = np.sqrt((flips * (1 - flips)).mean() / 5000)
    rates = np.array([one.rate for one in found])
    assert np.abs(rates - flips.mean()).max() < 4 * spread
    assert np.abs(rates.mean() - flips.mean()) < 4 * spread / np.sqrt(10)
    mean = np.mean([one.transition for one in found], axis=0)
    np.testing.assert_allclose(mean, found[0].expected_transition, atol=0.03)


@pytest.mark.parametrize(
    ("kind", "rate"), [("symmetric", 0.81), ("symmetric_excluding", 0.9), ("asymmetric_next", 0.9)]
)
def test_rate__of_a_level_is_what_the_page_says(kind, rate):
    config = NoiseConfig(kind=kind, level=0.9)
    flips = 1 - np.diag(noise.apply_noise(np.arange(10), 10, config, seed=0).expected_transition)
    np.testing.assert_allclose(flips, rate)


def test_noise__golden():
    """What a seed gives must not change: benchmarks and the demo are made from it."""
    true = np.arange(12) % 4
    given = {
        kind: noise.apply_noise(true, 4, NoiseConfig(kind=kind, level=0.6), seed=1).labels.tolist()
        for kind in GOLDEN
    }
    assert given == GOLDEN


def test_noise__excluding_is_the_draw_from_its_matrix():
    true = np.arange(500) % 10
    config = NoiseConfig(kind="symmetric_excluding", level=0.3)
    np.testing.assert_array_equal(
        noise.apply_noise(true, 10, config, seed=5).labels,
        noise.inject(true, noise.symmetric_transition(10, 0.3), seed=5),
    )


def test_trusted__is_never_touched_and_changes_nothing_else():
    true, trusted = np.arange(2000) % 10, np.arange(2000) % 3 == 0
    config = NoiseConfig(kind="symmetric", level=1)
    free = noise.apply_noise(true, 10, config, seed=0)
    kept = noise.apply_noise(true, 10, config, seed=0, trusted=trusted)
    np.testing.assert_array_equal(kept.labels[trusted], true[trusted])
    np.testing.assert_array_equal(kept.labels[~trusted], free.labels[~trusted])
    assert kept.rate == pytest.approx(free.flipped[~trusted].sum() / 2000)


@pytest.mark.parametrize("config", MATRIX_KINDS, ids=lambda c: c.kind)
def test_level_0__changes_nothing(config):
    still = from_dict(NoiseConfig, to_dict(config) | {"level": 0})
    found = noise.apply_noise(np.arange(50) % 10, 10, still, seed=0)
    assert (found.rate, found.entropy) == (0, 0)
    np.testing.assert_array_equal(found.transition, np.eye(10))


def test_measured_transition__by_hand_and_an_empty_class_is_the_identity():
    before, after = np.array([0, 0, 0, 0, 1, 1]), np.array([0, 0, 0, 1, 2, 1])
    np.testing.assert_allclose(
        noise.measured_transition(before, after, 3), [[0.75, 0.25, 0], [0, 0.5, 0.5], [0, 0, 1]]
    )


def test_entropy__by_hand():
    true = np.array([0, 0, 1, 1])
    half = noise.apply_noise(true, 2, NoiseConfig(level=0), seed=0)
    assert half.entropy == 0
    found = noise.records.noisy_labels(true, np.array([0, 1, 1, 1]), np.eye(2))
    assert found.entropy == pytest.approx(np.log(2) / 2)  # rows (1/2, 1/2) and (0, 1)


def test_noise__of_nothing_is_nothing():
    found = noise.apply_noise(np.empty(0, np.int64), 3, NoiseConfig(), seed=0)
    assert (len(found.labels), found.rate) == (0, 0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "pink"}, "noise.kind must be one of symmetric"),
        ({"level": 1.2}, "noise.level must be from 0 to 1, got 1.2"),
        ({"level": float("nan")}, "noise.level"),
        ({"block_size": 1}, "noise.block_size"),
        ({"kind": "asymmetric_map"}, "noise.mapping must name a number per class"),
        ({"kind": "asymmetric_superclass"}, "noise.superclasses must name"),
        ({"mapping": ["a"]}, "noise.mapping must be whole numbers"),
        ({"mapping": [-1, 0]}, "noise.mapping must be whole numbers"),
        ({"mapping": []}, "noise.mapping must be whole numbers"),
    ],
)
def test_config__refuses_what_is_out_of_range(settings, message):
    with pytest.raises(ConfigError, match=message):
        from_dict(NoiseConfig, settings)


def test_config__survives_json():
    config = NoiseConfig(kind="asymmetric_map", mapping=(1, 0))
    plain = to_dict(config) | {"mapping": [1, 0]}
    assert from_dict(NoiseConfig, plain) == config


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (NoiseConfig(kind="asymmetric_map", mapping=(1, 0)), "must have 3 numbers"),
        (NoiseConfig(kind="asymmetric_map", mapping=(1, 0, 3)), "classes from 0 to 2"),
        (NoiseConfig(kind="asymmetric_map", mapping=(0, 1, 2)), "here none does"),
        (NoiseConfig(kind="asymmetric_superclass", superclasses=(0, 1, 2)), "here none does"),
    ],
)
def test_noise__refuses_a_config_that_does_not_fit(config, message):
    with pytest.raises(ConfigError, match=message):
        noise.apply_noise(np.array([0, 1, 2]), 3, config, seed=0)


def test_noise__refuses_wrong_data():
    with pytest.raises(DataError, match="labels must be from 0 to 2"):
        noise.apply_noise(np.array([0, -1]), 3, NoiseConfig(), seed=0)
    with pytest.raises(DataError, match="trusted has shape"):
        noise.apply_noise(np.array([0, 1]), 3, NoiseConfig(), seed=0, trusted=np.zeros(3, bool))
    with pytest.raises(DataError, match="one number per sample"):
        noise.apply_noise(np.zeros((2, 2), int), 3, NoiseConfig(), seed=0)
