import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score
from torch.testing import assert_close

from turn_core import losses
from turn_core.config import ProbeConfig
from turn_core.linear_probe import fit_linear_probe
from turn_core.noise.transition import inject
from turn_core.noise_aware_probe import fit_noise_aware_probe

PAIR = np.array([[0.6, 0.4, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
UNIFORM = np.full((3, 3), 0.2) + 0.4 * np.eye(3)


def clouds(transition, size=1200):
    """Three overlapping clouds."""
    rng = np.random.default_rng(0)
    true = rng.integers(0, 3, size)
    features = rng.standard_normal((size, 4)).astype(np.float32)
    features[:, :3] += 2.5 * np.eye(3, dtype=np.float32)[true]
    return features, true, inject(true, transition, seed=1)


def test_forward_gce_loss__by_hand():
    logits = torch.log(torch.tensor([[0.8, 0.2]]))
    transition = torch.tensor([[0.7, 0.3], [0.1, 0.9]])
    given = torch.tensor([1])  # f = 0.8 * 0.3 + 0.2 * 0.9 = 0.42
    found = losses.forward_gce_loss(logits, given, transition.log(), 0.0)
    assert_close(found, -torch.log(torch.tensor([0.42])))
    found = losses.forward_gce_loss(logits, given, transition.log(), 0.5)
    assert_close(found, torch.tensor([(1 - 0.42**0.5) / 0.5]))


def test_weighted_ce_loss__by_hand_and_plain_where_all_weights_are_one():
    logits = torch.log(torch.tensor([[0.8, 0.2]]))
    weights = torch.tensor([[1.0, 2.0], [5.0, 1.0]])  # class 0 counts twice against label 1
    found = losses.weighted_ce_loss(logits, torch.tensor([1]), weights.log())
    assert_close(found, -torch.log(torch.tensor([0.2 / (0.2 + 2 * 0.8)])))
    plain = losses.weighted_ce_loss(logits, torch.tensor([1]), torch.zeros(2, 2))
    assert_close(plain, losses.ce_loss(logits, torch.tensor([1])))


def test_learns_which_class_is_given_in_place_of_which():
    features, _, given = clouds(PAIR)
    found = fit_noise_aware_probe(features, given, 3, ProbeConfig(), seed=0)
    assert np.abs(found.transition.numpy() - PAIR).max() < 0.1
    assert_close(found.transition.sum(dim=1), torch.ones(3, dtype=torch.float64))


def test_finds_more_of_the_errors_than_the_plain_probe():
    features, true, given = clouds(PAIR)
    wrong, labels = given != true, torch.from_numpy(given)
    plain = fit_linear_probe(features, given, 3, ProbeConfig(), seed=0)
    aware = fit_noise_aware_probe(features, given, 3, ProbeConfig(), seed=0)
    before = losses.ce_loss(plain.logits(features), labels)
    after = losses.weighted_ce_loss(aware.head.logits(features), labels, aware.alternatives)
    assert average_precision_score(wrong, after) > average_precision_score(wrong, before) + 0.03


def test_uniform_noise_weighs_all_classes_alike():
    features, _, given = clouds(UNIFORM, size=4000)
    found = fit_noise_aware_probe(features, given, 3, ProbeConfig(), seed=0)
    assert found.alternatives.abs().max() < 0.4  # log; pair noise gives 2 and more


def test_clean_labels_give_next_to_no_noise():
    features, true, _ = clouds(PAIR)
    features += 5 * np.eye(3, 4, dtype=np.float32)[true]
    found = fit_noise_aware_probe(features, true, 3, ProbeConfig(), seed=0)
    assert found.transition.diagonal().min() > 0.98
    assert torch.isfinite(found.alternatives).all()


def test_labels_outside_the_mask_change_nothing():
    features, _, given = clouds(PAIR)
    mask = np.arange(len(given)) % 4 > 0
    other = np.where(mask, given, 0)
    one, two = (
        fit_noise_aware_probe(features, labels, 3, ProbeConfig(), seed=0, mask=mask)
        for labels in (given, other)
    )
    assert torch.equal(one.head.weight, two.head.weight)
    assert torch.equal(one.transition, two.transition)


def test_trusted_labels_count_as_right_and_say_nothing_of_noise():
    features, true, given = clouds(PAIR)
    everyone = np.ones(len(true), bool)
    found = fit_noise_aware_probe(features, given, 3, ProbeConfig(), seed=0, trusted=everyone)
    assert found.transition.diagonal().min() > 0.999


@pytest.mark.parametrize("balanced", [True, False])
def test_rare_class_is_learnt(balanced):
    features, true, _ = clouds(PAIR)
    kept = (true != 2) | (np.arange(len(true)) % 20 == 0)
    config = ProbeConfig(class_balanced=balanced)
    found = fit_noise_aware_probe(features[kept], true[kept], 3, config, seed=0)
    top = found.head.logits(features).argmax(dim=1).numpy()
    assert (top == true)[true == 2].mean() > 0.7
