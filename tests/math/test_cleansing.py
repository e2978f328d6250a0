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


def test_hard_samples__are_no_proof_of_wrong_labels():
    losses, labels, _ = noisy_classes()
    losses = np.where(losses > 2.5, losses - 2.5, losses / 5)  # two groups; the upper at p = 8 %
    found = clean_probability(losses, labels, 4, CONFIG)
    assert found.pooled.separation[0] > 2
    assert found.class_fallback == ("one_cluster",) * 4


def test_evidence__is_the_weight_times_the_loss_beyond_an_unlikely_label():
    losses, labels, is_error = noisy_classes()
    beyond = is_error.mean() * (losses[is_error].mean() - 3)  # about .3 * 2
    for share, fallback in ((0.9, "none"), (1.1, "one_cluster")):
        config = dataclasses.replace(CONFIG, evidence=share * beyond)
        assert clean_probability(losses, labels, 4, config).class_fallback[0] == fallback


def test_evidence__is_measured_against_a_guess_where_there_are_many_classes():
    losses, labels, _ = noisy_classes(num_classes=400, per_class=25)
    assert np.log(400) > 5  # the mean loss of the wrong labels
    found = clean_probability(losses, labels, 400, CONFIG)
    assert set(found.class_fallback) == {"one_cluster"}


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
