import pytest
import torch
from torch.nn import functional as F
from torch.testing import assert_close

from turn_core import losses

LOGITS = torch.log(torch.tensor([[0.81, 0.19], [0.36, 0.64]]))
LABELS = torch.tensor([0, 0])


def test_gce_loss__by_hand():
    expected = torch.tensor([0.2, 0.8])  # (1 - sqrt(p)) / 0.5, p = 0.81 and 0.36
    assert_close(losses.gce_loss(LOGITS, LABELS, q=0.5), expected)


def test_ce_loss__is_minus_log_p():
    assert_close(losses.ce_loss(LOGITS, LABELS), -torch.log(torch.tensor([0.81, 0.36])))


def test_gce_loss__q_of_1_is_1_minus_p():
    assert_close(losses.gce_loss(LOGITS, LABELS, q=1.0), torch.tensor([0.19, 0.64]))


@pytest.mark.parametrize("q", [0.0, 1e-6])
def test_gce_loss__tends_to_cross_entropy(q):
    logits, labels = torch.randn(50, 7, generator=torch.manual_seed(0)), torch.arange(50) % 7
    expected = F.cross_entropy(logits, labels, reduction="none")
    assert_close(losses.gce_loss(logits, labels, q), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("q", [0.0, 0.3, 0.7, 1.0])
def test_gradient__is_that_of_autograd(q):
    logits = torch.randn(20, 5, generator=torch.manual_seed(1), dtype=torch.float64)
    logits.requires_grad_()
    labels = torch.arange(20) % 5
    expected = losses.gce_loss(logits, labels, q)
    (gradient,) = torch.autograd.grad(expected.sum(), logits)
    loss, closed_form = losses.gce_loss_and_gradient(logits.detach(), labels, q)
    assert_close(loss, expected.detach())
    assert_close(closed_form, gradient)


def test_gradient__by_hand_at_uniform_probabilities():
    # p = 1/4, q = 1/2: p**q (p - onehot) = 1/2 * (1/4 - onehot)
    _, gradient = losses.gce_loss_and_gradient(torch.zeros(1, 4), torch.tensor([2]), q=0.5)
    assert_close(gradient, torch.tensor([[0.125, 0.125, -0.375, 0.125]]))


def test_gradient__vanishes_where_the_probability_underflows():
    logits = torch.tensor([[0.0, 2000.0]])
    loss, gradient = losses.gce_loss_and_gradient(logits, torch.tensor([0]), q=0.7)
    assert_close(loss, torch.tensor([1 / 0.7]))
    assert_close(gradient, torch.zeros(1, 2))
