import dataclasses

import numpy as np
import pytest

from turn_core.cleansing import balanced_clean_subset, clean_probability
from turn_core.config import CleansingConfig
from turn_core.errors import DataError

CONFIG = CleansingConfig()


def noisy_classes(num_classes=4, per_class=300, rate=0.3, seed=0):
    """Losses with a clear low and a clear high group in every class."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(num_classes), per_class)
    is_error = rng.random(len(labels)) < rate
    losses = np.where(is_error, rng.normal(5, 0.8, len(labels)), rng.normal(1, 0.3, len(labels)))
    return losses, labels, is_error


def clean_classes(num_classes=4, per_class=300, seed=0):
    labels = np.repeat(np.arange(num_classes), per_class)
    return np.random.default_rng(seed).exponential(0.4, len(labels)), labels


def never_rises(values):
    return (np.diff(values) <= 0).all()


def test_clear_groups__are_told_apart_class_by_class():
    losses, labels, is_error = noisy_classes()
    found = clean_probability(losses, labels, 4, CONFIG)
    assert found.class_fallback == ("none",) * 4
    flagged = found.clean_probability <= CONFIG.threshold
    assert (flagged == is_error).mean() > 0.99
    assert found.noise_rate.low < 0.3 < found.noise_rate.high


def test_probability__falls_with_the_loss_within_every_class_whatever_the_fallback():
    losses, labels, _ = noisy_classes()
    for config in (CONFIG, dataclasses.replace(CONFIG, separation_small=99, separation_large=99)):
        found = clean_probability(losses, labels, 4, config).clean_probability
        for label in range(4):
            order = np.argsort(losses[labels == label])
            assert never_rises(found[labels == label][order])


def test_probability__follows_its_sample_when_samples_are_permuted():
    losses, labels, _ = noisy_classes()
    order = np.random.default_rng(1).permutation(len(losses))
    straight = clean_probability(losses, labels, 4, CONFIG).clean_probability
    permuted = clean_probability(losses[order], labels[order], 4, CONFIG).clean_probability
    np.testing.assert_allclose(permuted, straight[order], rtol=1e-9)


def test_clean_data__is_not_cut_but_ranked():
    losses, labels = clean_classes()
    found = clean_probability(losses, labels, 4, CONFIG)
    assert found.class_fallback == ("one_cluster",) * 4
    assert found.noise_rate is None
    assert (found.clean_probability > CONFIG.threshold).all()
    assert len(set(found.clean_probability)) == len(losses)
    assert never_rises(found.clean_probability[np.argsort(losses)])


def test_small_class__is_judged_by_the_mixture_of_all():
    losses, labels, is_error = noisy_classes()
    labels[:10] = 4  # the first ten samples are a class of their own
    found = clean_probability(losses, labels, 5, CONFIG)
    assert found.class_fallback == ("none", "none", "none", "none", "pooled")
    assert set(found.fallback[:10]) == {"pooled"}
    flagged = found.clean_probability[:10] <= CONFIG.threshold
    np.testing.assert_array_equal(flagged, is_error[:10])


def test_class_without_two_groups__is_judged_by_the_mixture_of_all():
    losses, labels, _ = noisy_classes()
    losses[labels == 2] = np.random.default_rng(5).uniform(0, 0.3, 300)  # no error in class 2
    found = clean_probability(losses, labels, 4, CONFIG)
    assert found.class_fallback == ("none", "none", "pooled", "none")
    assert (found.clean_probability[labels == 2] > 0.9).all()


def test_few_outliers__are_no_group():
    losses, labels = clean_classes()
    losses[:3] = 9  # three of 300: far apart, but too few to say that labels are wrong
    found = clean_probability(losses, labels, 4, CONFIG)
    assert found.classes.separation[0] > CONFIG.separation_small
    assert found.class_fallback == ("one_cluster",) * 4


def test_group_with_most_of_the_probability__is_not_called_wrong():
    losses, labels, _ = noisy_classes()
    losses = np.where(losses > 2, 0.5, 0.1) + losses / 1000  # two groups, far apart, p = .9 and .6
    found = clean_probability(losses, labels, 4, CONFIG)
    assert found.classes.separation.min() > 2.5
    assert found.class_fallback == ("one_cluster",) * 4


def test_equal_losses__give_no_signal():
    found = clean_probability(np.full(100, 0.7), np.arange(100) % 4, 4, CONFIG)
    assert found.class_fallback == ("no_signal",) * 4
    assert set(found.clean_probability.tolist()) == {1 - 0.4 * 0.9 / 2}
    assert found.noise_rate is None


def test_few_samples__are_ranked_only():
    losses, labels, _ = noisy_classes(num_classes=2, per_class=24)
    found = clean_probability(losses, labels, 2, CONFIG)
    assert found.class_fallback == ("ranking_only",) * 2
    assert (found.clean_probability > CONFIG.threshold).all()
    assert never_rises(found.clean_probability[np.argsort(losses)])


def test_loss_that_is_not_a_number__is_named_and_changes_no_other():
    losses, labels, _ = noisy_classes()
    before = clean_probability(losses[3:], labels[3:], 4, CONFIG).clean_probability
    losses[:3] = np.nan, np.inf, -np.inf
    found = clean_probability(losses, labels, 4, CONFIG)
    assert found.fallback[:3].tolist() == ["unscored"] * 3
    assert (found.clean_probability[:3] == 0.8).all()
    np.testing.assert_array_equal(found.clean_probability[3:], before)


def test_outlier__does_not_squeeze_the_others():
    losses, labels, is_error = noisy_classes()
    losses[np.flatnonzero(is_error)[0]] = 1e4
    found = clean_probability(losses, labels, 4, CONFIG)
    assert ((found.clean_probability <= CONFIG.threshold) == is_error).mean() > 0.99


def test_single_outlier__sets_no_scale_even_without_the_cap():
    losses = np.linspace(0, 1e-3, 101)  # all far below the cap of 18.42
    losses[50] = 10
    found = clean_probability(losses, np.zeros(101, np.int64), 1, CONFIG)
    assert found.classes.high[0] == losses[100]


def test_trusted__get_1_and_take_no_part_in_the_fit():
    losses, labels, is_error = noisy_classes()
    trusted = np.zeros(len(losses), bool)
    trusted[np.flatnonzero(is_error)[:20]] = True
    found = clean_probability(losses, labels, 4, CONFIG, trusted=trusted)
    assert (found.clean_probability[trusted] == 1).all()
    without = clean_probability(losses[~trusted], labels[~trusted], 4, CONFIG)
    np.testing.assert_array_equal(found.clean_probability[~trusted], without.clean_probability)


def test_empty_class__is_no_trouble():
    losses, labels, _ = noisy_classes(num_classes=3)
    found = clean_probability(losses, labels + (labels > 0), 5, CONFIG)  # 1 and 4 are empty
    assert found.classes.counts.tolist() == [300, 0, 300, 300, 0]
    assert found.class_fallback == ("none", "pooled", "none", "none", "pooled")


def test_no_samples__give_an_empty_answer():
    found = clean_probability(np.empty(0), np.empty(0, np.int64), 3, CONFIG)
    assert found.clean_probability.shape == (0,)
    assert found.noise_rate is None
    subset = balanced_clean_subset(found, np.empty(0, np.int64), CONFIG, seed=0)
    assert len(subset.indices) == 0


@pytest.mark.parametrize(
    ("labels", "message"),
    [([0, 1], "losses has shape"), ([0, 1, 3], "labels must be from 0 to 2, got 0 to 3")],
)
def test_clean_probability__refuses_what_does_not_fit(labels, message):
    with pytest.raises(DataError, match=message):
        clean_probability(np.zeros(3), np.array(labels), 3, CONFIG)


def drawn(losses, labels, num_classes, config=CONFIG, *, seed=0, eligible=None, trusted=None):
    found = clean_probability(losses, labels, num_classes, config, trusted=trusted)
    subset = balanced_clean_subset(
        found, labels, config, seed=seed, eligible=eligible, trusted=trusted
    )
    return found, subset


def test_subset__takes_the_smallest_clean_count_from_every_class():
    losses, labels, is_error = noisy_classes()
    found, subset = drawn(losses, labels, 4)
    clean = found.clean_probability > CONFIG.threshold
    smallest = min((clean & (labels == label)).sum() for label in range(4))
    assert subset.size == smallest
    assert np.bincount(labels[subset.indices]).tolist() == [smallest] * 4
    assert clean[subset.indices].all()
    assert not subset.topped_up.any()
    assert is_error[subset.indices].mean() < 0.02


def test_subset__is_one_draw_per_seed():
    losses, labels, _ = noisy_classes()
    losses[labels == 0] += 3 * (np.arange(300) > 100)  # class 0 has few clean ones: others draw
    first, again, other = (drawn(losses, labels, 4, seed=s)[1].indices for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert set(first) != set(other)


def test_subset__leaves_high_losses_out_even_where_the_gate_lets_nothing_be_cut():
    losses, labels = clean_classes()
    found, subset = drawn(losses, labels, 4)
    assert set(found.fallback) == {"one_cluster"}
    assert 150 < subset.size < 300
    for label in range(4):
        taken, all_of_it = subset.indices[labels[subset.indices] == label], labels == label
        assert losses[taken].max() < np.quantile(losses[all_of_it], 0.95)


def test_subset__draws_uniformly_and_not_by_probability():
    losses, labels, is_error = noisy_classes(num_classes=2, rate=0.3)
    losses[(labels == 0) & ~is_error] += np.where(np.arange((~is_error[:300]).sum()) < 150, 5, 0)
    found, _ = drawn(losses, labels, 2)
    counts = np.zeros(len(labels))
    for seed in range(200):
        subset = balanced_clean_subset(found, labels, CONFIG, seed=seed)
        counts[subset.indices] += 1
    clean = np.flatnonzero((labels == 1) & (found.clean_probability > CONFIG.threshold))
    expected = 200 * subset.size / len(clean)
    sigma = np.sqrt(expected * (1 - subset.size / len(clean)))
    assert (np.abs(counts[clean] - expected) < 4.5 * sigma).all()


def test_subset__always_takes_the_trusted_even_more_than_the_others_give():
    losses, labels, is_error = noisy_classes(num_classes=2)
    losses[labels == 1] = 5
    losses[300:320] = 1  # class 1 has twenty clean ones
    trusted = np.zeros(len(labels), bool)
    trusted[np.flatnonzero((labels == 0) & is_error)[:30]] = True
    _, subset = drawn(losses, labels, 2, trusted=trusted)
    assert trusted[subset.indices].sum() == 30
    assert subset.per_class.tolist() == [30, 20]
    assert subset.size == 20


def test_subset__tops_a_class_up_to_the_floor_with_its_most_probable():
    losses, labels, _ = noisy_classes(num_classes=2)
    in_1 = np.flatnonzero(labels == 1)[:30]
    losses, labels = losses[: in_1[-1] + 1], labels[: in_1[-1] + 1]
    losses[in_1] = 5 + np.arange(30) / 1000  # one group, all high, but the first two
    losses[in_1[:2]] = 1
    found, subset = drawn(losses, labels, 2)
    assert found.class_fallback == ("none", "pooled")
    assert subset.size == CONFIG.subset_floor == 4
    assert subset.topped_up.tolist() == [False, True]
    np.testing.assert_array_equal(subset.indices[labels[subset.indices] == 1], in_1[:4])


def test_subset__is_not_held_down_by_a_class_that_was_not_learned():
    losses, labels, _ = noisy_classes()
    in_2 = np.flatnonzero(labels == 2)
    losses[in_2] = 6  # nothing of class 2 looks clean
    found, subset = drawn(losses, labels, 4)
    assert found.class_fallback[2] == "pooled"
    assert subset.size > 150
    assert np.bincount(labels[subset.indices]).tolist() == [subset.size] * 4
    assert subset.topped_up.tolist() == [False, False, True, False]
    np.testing.assert_array_equal(subset.indices[labels[subset.indices] == 2], in_2[: subset.size])


def test_subset__is_not_held_down_by_a_tiny_class_which_gives_what_it_has():
    losses, labels, _ = noisy_classes(num_classes=2)
    tiny = np.flatnonzero((labels == 0) & (losses < 1))[:3]
    labels[tiny] = 2
    _, subset = drawn(losses, labels, 3)
    assert subset.size > 100
    assert subset.per_class.tolist() == [subset.size, subset.size, 3]


def test_subset__never_takes_the_ineligible_or_the_unscored():
    losses, labels, _ = noisy_classes()
    losses[::7] = np.nan
    eligible = np.arange(len(labels)) % 3 != 0
    _, subset = drawn(losses, labels, 4, eligible=eligible)
    assert eligible[subset.indices].all()
    assert np.isfinite(losses[subset.indices]).all()
    assert subset.per_class.sum() == len(subset.indices)
