"""Instance-dependent noise against a plain loop in double precision, sample by sample."""

import math

import numpy as np
import pytest
from scipy.stats import truncnorm

from turn_core import noise
from turn_core.config import NoiseConfig
from turn_core.errors import DataError
from turn_core.noise import instance, transition

KINDS = ("instance_cheng", "instance_xia")
K, D = 5, 12
GOLDEN = {
    "instance_cheng": [3, 1, 0, 0, 4, 2, 1, 3, 0, 4, 0, 2],
    "instance_xia": [3, 1, 2, 0, 4, 2, 1, 4, 4, 4, 0, 1],
}


def pixels(num, *, seed=0, width=D):
    return np.random.default_rng(seed).integers(0, 256, (num, width)).astype(np.uint8)


def loop_reference(labels, inputs, level, *, seed, one_per_class):
    """The papers' recipe as it is told: one image after the other, one class after the other."""
    rates = instance.flip_rates(len(labels), level, seed=seed)
    draws = transition.uniform_draws(len(labels), seed=seed)
    given, mean = [], np.zeros((K, K))
    for i, label in enumerate(labels):
        which = int(label) if one_per_class else 0
        weights = instance.directions(inputs.shape[1], K, seed=seed, class_index=which)
        scores = [
            math.fsum(float(x) * w for x, w in zip(inputs[i], column)) for column in weights.T
        ]
        others = [c for c in range(K) if c != label]
        top = max(scores[c] for c in others)
        total = math.fsum(math.exp(scores[c] - top) for c in others)
        p = [
            rates[i] * math.exp(scores[c] - top) / total if c != label else 1 - rates[i]
            for c in range(K)
        ]
        mean[label] += p
        reached = np.cumsum(p)[:-1] <= draws[i]
        given.append(int(reached.sum()))
    return given, mean / np.bincount(labels, minlength=K)[:, None]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "scale", [1, 1 / 255, 1 / 5000]
)  # from one certain class to nearly uniform
def test_instance_noise__equals_the_loop(kind, scale):
    labels, inputs = np.arange(60) % K, pixels(60) * scale
    config = NoiseConfig(kind=kind, level=0.5)
    found = noise.apply_noise(labels, K, config, seed=7, inputs=inputs)
    given, mean = loop_reference(labels, inputs, 0.5, seed=7, one_per_class=kind == "instance_xia")
    np.testing.assert_array_equal(found.labels, given)
    np.testing.assert_allclose(found.expected_transition, mean, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_instance_noise__does_not_depend_on_the_size_of_blocks(kind, monkeypatch):
    labels, inputs = np.arange(300) % K, pixels(300)
    config = NoiseConfig(kind=kind, level=0.4)
    whole = noise.apply_noise(labels, K, config, seed=1, inputs=inputs)
    monkeypatch.setattr(instance, "BLOCK_ELEMENTS", 7 * D)
    parts = noise.apply_noise(labels, K, config, seed=1, inputs=inputs)
    np.testing.assert_array_equal(parts.labels, whole.labels)
    np.testing.assert_allclose(parts.expected_transition, whole.expected_transition, atol=1e-12)


@pytest.mark.parametrize("level", [0.1, 0.4, 0.9])
def test_flip_rates__follow_the_truncated_normal(level):
    rates = instance.flip_rates(50_000, level, seed=0)
    law = truncnorm(-level / 0.1, (1 - level) / 0.1, loc=level, scale=0.1)
    assert rates.min() > 0
    assert rates.max() < 1
    assert rates.mean() == pytest.approx(law.mean(), abs=4 * law.std() / np.sqrt(50_000))
    assert rates.std() == pytest.approx(law.std(), rel=0.02)


def test_flip_rates__move_near_the_ends():
    assert truncnorm.mean(-1, 9, loc=0.1, scale=0.1) == pytest.approx(0.1288, abs=1e-4)
    assert instance.flip_rates(200_000, 0.1, seed=0).mean() == pytest.approx(0.1288, abs=1e-3)
    assert instance.flip_rates(200_000, 0.9, seed=0).mean() == pytest.approx(0.8712, abs=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_rate__lies_within_four_standard_errors_over_seeds(kind):
    labels, inputs = np.arange(2000) % K, pixels(2000)
    rates = [
        noise.apply_noise(
            labels, K, NoiseConfig(kind=kind, level=0.4), seed=seed, inputs=inputs
        ).rate
        for seed in range(10)
    ]
    spread = np.sqrt(0.4 * 0.6 / 2000)
    assert np.abs(np.array(rates) - 0.4).max() < 4 * spread
    assert abs(np.mean(rates) - 0.4) < 4 * spread / np.sqrt(10)


def test_cheng__sends_wrong_labels_to_few_classes_and_xia_does_not():
    """Pixels are positive: with one W for all, brightness decides for every image alike."""
    labels, inputs = np.arange(4000) % 20, pixels(4000, width=300)

    def top_two_share(kind):
        config = NoiseConfig(kind=kind, level=0.4)
        found = noise.apply_noise(labels, 20, config, seed=0, inputs=inputs)
        return np.sort(np.bincount(found.labels[found.flipped]))[-2:].sum() / found.flipped.sum()

    assert top_two_share("instance_cheng") > 0.6
    assert top_two_share("instance_xia") < 0.3


def test_instance_noise__takes_images_of_any_shape():
    labels, images = np.arange(40) % K, pixels(40).reshape(40, 2, 2, 3)
    config = NoiseConfig(kind="instance_cheng", level=0.4)
    flat = noise.apply_noise(labels, K, config, seed=2, inputs=images.reshape(40, 12))
    found = noise.apply_noise(labels, K, config, seed=2, inputs=images)
    np.testing.assert_array_equal(found.labels, flat.labels)


@pytest.mark.parametrize("kind", KINDS)
def test_level_0_and_trusted__change_nothing(kind):
    labels, inputs = np.arange(100) % K, pixels(100)
    still = noise.apply_noise(labels, K, NoiseConfig(kind=kind, level=0), seed=0, inputs=inputs)
    np.testing.assert_array_equal(still.labels, labels)
    trusted = np.arange(100) < 50
    config = NoiseConfig(kind=kind, level=0.9)
    found = noise.apply_noise(labels, K, config, seed=0, inputs=inputs, trusted=trusted)
    assert not found.flipped[:50].any()
    assert found.flipped[50:].mean() > 0.7


def test_instance_noise__golden():
    labels, inputs = np.arange(12) % K, pixels(12)
    given = {
        kind: noise.apply_noise(
            labels, K, NoiseConfig(kind=kind, level=0.6), seed=1, inputs=inputs
        ).labels.tolist()
        for kind in KINDS
    }
    assert given == GOLDEN


@pytest.mark.parametrize("kind", KINDS)
def test_instance_noise__a_class_without_samples_has_the_row_of_the_identity(kind):
    labels, inputs = np.zeros(20, np.int64), pixels(20)
    config = NoiseConfig(kind=kind, level=0.5)
    found = noise.apply_noise(labels, 3, config, seed=0, inputs=inputs)
    np.testing.assert_allclose(found.expected_transition.sum(axis=1), 1)
    np.testing.assert_array_equal(found.expected_transition[1:], np.eye(3)[1:])


def test_instance_noise__refuses_missing_short_and_odd_inputs():
    labels, config = np.array([0, 1]), NoiseConfig(kind="instance_xia")
    with pytest.raises(DataError, match="give its pixels or features"):
        noise.apply_noise(labels, K, config, seed=0)
    with pytest.raises(DataError, match="one row per label, got 3 for 2"):
        noise.apply_noise(labels, K, config, seed=0, inputs=pixels(3))
    with pytest.raises(DataError, match="finite"):
        noise.apply_noise(labels, K, config, seed=0, inputs=np.full((2, 4), np.nan))
    empty = noise.apply_noise(labels[:0], K, config, seed=0, inputs=pixels(0))
    assert empty.rate == 0
