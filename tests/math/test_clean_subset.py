import numpy as np

from turn_core.cleansing import balanced_clean_subset, clean_probability
from turn_core.config import CleansingConfig

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
    losses[in_1] = np.linspace(4, 5, 30)  # one group, all high, but the first two
    losses[in_1[:2]] = 1
    found, subset = drawn(losses, labels, 2)
    assert found.class_fallback == ("none", "pooled")
    assert subset.size == CONFIG.subset_floor == 4
    assert subset.topped_up.tolist() == [False, True]
    np.testing.assert_array_equal(subset.indices[labels[subset.indices] == 1], in_1[:4])


def test_subset__takes_the_lowest_losses_of_a_class_that_was_not_learned():
    losses, labels, _ = noisy_classes()
    in_2 = np.flatnonzero(labels == 2)
    losses[in_2] = 6 + np.random.default_rng(0).exponential(1, 300)  # nothing of it looks clean
    found, subset = drawn(losses, labels, 4)
    assert found.unlearned.tolist() == [False, False, True, False]
    assert (found.clean_probability[in_2] <= CONFIG.threshold).all()
    assert subset.size > 150
    assert np.bincount(labels[subset.indices]).tolist() == [subset.size] * 4
    taken = subset.indices[labels[subset.indices] == 2]
    lost = np.setdiff1d(in_2, taken)
    assert np.mean(losses[taken] < losses[lost].min()) > 0.5  # but for the plateau of equals
    assert losses[taken].max() < np.quantile(losses[in_2], 0.95)


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
