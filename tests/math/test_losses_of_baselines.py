"""Losses of ELR, DivideMix and UNICON: by hand, and against formulas written another way."""

import math

import numpy as np
import torch
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy
from torch.testing import assert_close

from turn_core import losses

GENERATOR = torch.Generator().manual_seed(0)
LOGITS = 2 * torch.randn(30, 7, generator=GENERATOR, dtype=torch.float64)
LABELS = torch.arange(30) % 7
TARGETS = torch.rand(30, 7, generator=GENERATOR, dtype=torch.float64).softmax(dim=1)


def log_odds(*rows):
    return torch.log(torch.tensor(rows, dtype=torch.float64))


def test_truncated_gce__is_gce_above_k_and_flat_below():
    logits = log_odds([0.81, 0.19], [0.36, 0.64]).requires_grad_()
    loss = losses.truncated_gce_loss(logits, torch.tensor([0, 0]), q=0.5, k=0.49)
    assert_close(loss, torch.tensor([0.2, 0.6], dtype=torch.float64))  # (1 - sqrt(.49)) / .5
    (gradient,) = torch.autograd.grad(loss.sum(), logits)
    assert gradient[1].tolist() == [0.0, 0.0]
    assert gradient[0, 0] < 0


def test_truncated_gce__is_the_minimum_of_gce_and_a_constant():
    expected = losses.gce_loss(LOGITS, LABELS, 0.7).clamp(max=(1 - 0.5**0.7) / 0.7)
    assert_close(losses.truncated_gce_loss(LOGITS, LABELS, 0.7, 0.5), expected)


def test_elr_target__by_hand():
    target = losses.elr_target(torch.tensor([[0.5, 0.1]]), torch.zeros(1, 2), beta=0.8)
    assert_close(target, torch.tensor([[0.5, 0.18]]))  # 0.8 (0.5, 0.1) + 0.2 (0.5, 0.5)


def test_elr_target__has_mass_that_grows_with_visits():
    target = torch.zeros(30, 7, dtype=torch.float64)
    for visit in range(1, 5):
        target = losses.elr_target(target, LOGITS, beta=0.7)
        assert_close(target.sum(dim=1), torch.full((30,), 1 - 0.7**visit, dtype=torch.float64))


def test_elr_loss__by_hand():
    logits, target = log_odds([0.5, 0.5]), log_odds([0.6, 0.2]).exp()
    expected = math.log(2) + 3 * math.log(1 - (0.6 * 0.5 + 0.2 * 0.5))
    assert_close(losses.elr_loss(logits, torch.tensor([0]), target, 3.0).item(), expected)


def test_elr_loss__has_the_gradient_of_the_closed_form():
    logits = LOGITS.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(losses.elr_loss(logits, LABELS, TARGETS, 7.0).sum(), logits)
    p = LOGITS.softmax(dim=1)
    inner = (TARGETS * p).sum(dim=1, keepdim=True)
    expected = p - torch.nn.functional.one_hot(LABELS, 7) - 7 * p * (TARGETS - inner) / (1 - inner)
    inside = ((p > 1e-4) & (p < 1 - 1e-4)).all(dim=1)
    assert inside.sum() > 20
    assert_close(gradient[inside], expected[inside])


def test_elr_loss__is_finite_where_prediction_and_target_are_certain():
    logits = torch.tensor([[200.0, 0.0]])
    target = losses.elr_target(torch.tensor([[1.0, 0.0]]), logits, beta=0.9)
    loss = losses.elr_loss(logits, torch.tensor([0]), target, 7.0)
    assert -7 * 9.22 < loss.item() < -7 * 8


def test_sharpen__by_hand():
    sharp = losses.sharpen(torch.tensor([[0.6, 0.3, 0.1], [1.0, 0.0, 0.0]]), temperature=0.5)
    assert_close(sharp, torch.tensor([[36 / 46, 9 / 46, 1 / 46], [1.0, 0.0, 0.0]]))


def test_sharpen__is_a_softmax_of_tempered_logarithms():
    expected = (LOGITS.log_softmax(dim=1) / 0.3).softmax(dim=1)
    assert_close(losses.sharpen(LOGITS.softmax(dim=1), 0.3), expected)


def test_mixup__by_hand():
    mixed = losses.mixup(torch.tensor([[1.0], [2.0], [4.0]]), torch.tensor([1, 2, 0]), share=0.75)
    assert_close(mixed, torch.tensor([[1.25], [2.5], [3.25]]))


def test_linear_ramp__rises_between_two_epochs():
    assert [losses.linear_ramp(epoch, 10, 4) for epoch in (0, 10, 11, 14, 99)] == [
        0.0,
        0.0,
        0.25,
        1.0,
        1.0,
    ]
    assert losses.linear_ramp(3, 3, 0) == 1.0


def test_soft_ce__of_one_hot_targets_is_cross_entropy():
    one_hot = torch.nn.functional.one_hot(LABELS, 7).double()
    assert_close(losses.soft_ce_loss(LOGITS, one_hot), losses.ce_loss(LOGITS, LABELS))


def test_soft_ce_and_squared_error__agree_with_numpy():
    p, t = LOGITS.softmax(dim=1).numpy(), TARGETS.numpy()
    ce = [-sum(t[i, c] * np.log(p[i, c]) for c in range(7)) for i in range(30)]
    error = [sum((t[i, c] - p[i, c]) ** 2 for c in range(7)) / 7 for i in range(30)]
    assert_close(losses.soft_ce_loss(LOGITS, TARGETS), torch.tensor(ce, dtype=torch.float64))
    assert_close(losses.squared_error(LOGITS, TARGETS), torch.tensor(error, dtype=torch.float64))


def test_uniform_prior__is_the_divergence_of_the_mean_from_uniform():
    mean = LOGITS.softmax(dim=1).mean(dim=0).numpy()
    expected = np.sum((1 / 7) * np.log((1 / 7) / mean))
    assert_close(losses.uniform_prior_loss(LOGITS).item(), float(expected))
    certain = torch.tensor([[9e2, 0.0], [0.0, 9e2]])
    assert_close(losses.uniform_prior_loss(certain), torch.tensor(0.0))


def test_negative_entropy__from_certain_to_uniform():
    logits = torch.tensor([[1e3, 0.0], [0.0, 0.0]])
    assert_close(losses.negative_entropy(logits), torch.tensor([0.0, -math.log(2)]))


def test_negative_entropy__is_scipys():
    expected = -entropy(LOGITS.softmax(dim=1).numpy(), axis=1)
    assert_close(losses.negative_entropy(LOGITS), torch.from_numpy(expected))


def test_squared_error_and_uniform_prior__by_hand():
    logits, target = log_odds([0.8, 0.2], [0.4, 0.6]), torch.tensor([[1.0, 0.0], [0.5, 0.5]])
    expected = torch.tensor([0.04, 0.01], dtype=torch.float64)  # (0.2^2 + 0.2^2) / 2, ...
    assert_close(losses.squared_error(logits, target.double()), expected)
    balance = -math.log(2) - (math.log(0.6) + math.log(0.4)) / 2  # the mean is (0.6, 0.4)
    assert_close(losses.uniform_prior_loss(logits).item(), balance)


def test_js_divergence__is_scipys():
    probs = LOGITS.softmax(dim=1)
    expected = jensenshannon(probs.numpy(), TARGETS.numpy(), axis=1) ** 2
    assert_close(losses.js_divergence(probs, TARGETS), torch.from_numpy(expected))


def test_js_divergence__to_a_label_falls_with_its_probability_alone():
    probs = torch.tensor([[0.0, 0.4, 0.6], [0.1, 0.9, 0.0], [0.5, 0.2, 0.3], [0.9, 0.05, 0.05]])
    label = torch.tensor([[1.0, 0.0, 0.0]]).expand(4, 3)
    found = losses.js_divergence(probs, label)
    p = probs[:, 0].double()
    closed = (-torch.log((1 + p) / 2) + torch.xlogy(p, 2 * p / (1 + p)) + (1 - p) * math.log(2)) / 2
    assert_close(found.double(), closed)
    assert_close(found, torch.tensor([0.693, 0.526, 0.216, 0.036]), atol=1e-3, rtol=0)


def test_contrastive_loss__by_hand():
    views = torch.tensor([[2.0, 0.0], [0.0, 5.0]])  # cosines: 1 to the partner, 0 to both others
    expected = torch.full((4,), math.log(math.e + 2) - 1)
    assert_close(losses.contrastive_loss(views, views, 1.0), expected)


def test_contrastive_loss__is_simclrs_by_loops():
    first, second = LOGITS[:5], LOGITS[5:10]
    views = torch.cat([first, second]) / torch.cat([first, second]).norm(dim=1, keepdim=True)
    expected = []
    for i in range(10):
        partner = (i + 5) % 10
        terms = [torch.exp(views[i] @ views[j] / 0.2) for j in range(10) if j != i]
        expected.append(-torch.log(torch.exp(views[i] @ views[partner] / 0.2) / sum(terms)))
    assert_close(losses.contrastive_loss(first, second, 0.2), torch.stack(expected))
