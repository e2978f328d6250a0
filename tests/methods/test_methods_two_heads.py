"""DivideMix and UNICON: splits and labels against plain float64 loops, then whole runs."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from baseline_toys import make_data
from numpy.testing import assert_allclose
from torch.testing import assert_close

from turn_core.errors import ConfigError, DataError, JobError
from turn_core.methods import baselines, short_budget
from turn_core.methods.configs import DivideMixConfig, UniconConfig
from turn_core.methods.dividemix import clean_probability, divide
from turn_core.methods.two_heads import (
    Split,
    co_guess,
    co_refine,
    make_heads,
    mix_match_loss,
    paired_batches,
)
from turn_core.methods.unicon import label_divergence, select_uniformly
from turn_core.views import FeatureViews

CONFIG = DivideMixConfig()
NAMES = ("dividemix", "unicon")


def two_losses(size=400, seed=0):
    """Losses of right labels near 0.15 and of wrong ones near 0.6, with the truth."""
    rng = np.random.default_rng(seed)
    wrong = np.arange(size) % 5 < 2
    values = np.where(wrong, rng.normal(0.6, 0.12, size), rng.normal(0.15, 0.08, size))
    return np.clip((values - values.min()) / np.ptp(values), 0, 1), wrong


def posterior_by_loops(values):
    """EM as scikit-learn runs it, from the best cut in two, one value after another."""
    ordered = sorted(values)
    cuts = range(1, len(ordered))
    spread = [np.var(ordered[:c]) * c + np.var(ordered[c:]) * (len(ordered) - c) for c in cuts]
    cut = ordered[int(np.argmin(spread))]
    low = np.array([1.0 if value <= cut else 0.0 for value in values])
    bound, parameters = -math.inf, two_gaussians(values, low)
    for _ in range(10):
        first, second = densities(values, parameters)
        low = first / (first + second)
        parameters = two_gaussians(values, low)
        before, bound = bound, float(np.mean(np.log(first + second)))
        if abs(bound - before) < 1e-2:
            break
    first, second = densities(values, parameters)
    return first / (first + second)


def two_gaussians(values, low):
    """(weight, mean, variance) of either component."""
    found = []
    for mass in (low, 1 - low):
        mean = sum(mass * values) / sum(mass)
        variance = sum(mass * (values - mean) ** 2) / sum(mass) + 5e-4
        found.append((sum(mass) / len(values), mean, variance))
    return found


def densities(values, parameters):
    return [
        weight
        * np.exp(-((values - mean) ** 2) / (2 * variance))
        / math.sqrt(2 * math.pi * variance)
        for weight, mean, variance in parameters
    ]


def test_dividemix__clean_probability_is_that_of_loops_in_float64():
    values, wrong = two_losses()
    expected = posterior_by_loops(values)
    found = clean_probability(values)
    assert_allclose(found, expected, atol=1e-9)
    split = divide(found, 0.5)
    assert split.clean.tolist() == [i for i in range(400) if expected[i] > 0.5]
    assert sorted([*split.clean, *split.noisy]) == list(range(400))
    assert not split.halved
    assert np.mean(wrong[split.clean]) < 0.05


def test_dividemix__believes_the_more_probable_half_where_one_side_would_be_empty():
    split = divide(np.array([0.2, 0.4, 0.1, 0.3]), 0.5)
    assert split.clean.tolist() == [1, 3]
    assert split.halved
    assert clean_probability(np.full(3, 0.7)).tolist() == [1, 1, 1]


def selection_by_loops(divergence, labels, num_classes, ceiling, divisor):
    total, low = sum(divergence) / len(divergence), min(divergence)
    cutoff = total if total <= ceiling else total - (total - low) / divisor
    below = sum(1 for d in divergence if d < cutoff)
    quota = max(1, int(below / len(divergence) * len(divergence) / num_classes))
    chosen = []
    for label in range(num_classes):
        members = [i for i in range(len(labels)) if labels[i] == label]
        chosen += sorted(members, key=lambda i: divergence[i])[:quota]
    return sorted(chosen), below / len(divergence)


@pytest.mark.parametrize("ceiling", [0.7, 0.3])
def test_unicon__selection_is_that_of_loops(ceiling):
    rng = np.random.default_rng(0)
    divergence, labels = rng.random(200), rng.integers(0, 7, 200)
    labels[labels == 3] = np.where(rng.random(int((labels == 3).sum())) < 0.8, 4, 3)  # a rare one
    config = UniconConfig(cutoff_ceiling=ceiling)
    found = select_uniformly(divergence, labels, 7, config)
    chosen, ratio = selection_by_loops(divergence, labels, 7, ceiling, 5)
    assert found.split.clean.tolist() == chosen
    assert found.ratio == pytest.approx(ratio)
    weight = [1.0 if d < 0.5 else 1 - d for d in divergence]
    assert_allclose(found.split.label_weight.numpy(), weight, rtol=1e-6)


@pytest.mark.parametrize(("unit", "scale"), [("nats", 1.0), ("bits", 1 / math.log(2))])
def test_unicon__divergence_is_that_of_the_mean_prediction_in_float64(unit, scale):
    data, _ = make_data(40)
    heads = make_heads(data, UniconConfig(), seed=0, device="cpu")
    config = UniconConfig(divergence_unit=unit)
    found = label_divergence(heads, data, torch.from_numpy(data.labels), config)
    for i in range(40):
        logits = [head.logits(data.features)[i].double() for head in heads]
        p = float(sum(row.softmax(0) for row in logits)[data.labels[i]] / 2)
        closed = -math.log((1 + p) / 2) + p * math.log(2 * p / (1 + p)) + (1 - p) * math.log(2)
        assert found[i] == pytest.approx(scale * closed / 2, abs=1e-6)


def test_labels__are_refined_and_guessed_as_written_by_hand():
    data, _ = make_data(40)
    head, peer = make_heads(data, CONFIG, seed=0, device="cpu")
    rows = np.arange(6)
    views = head.two_views(head.weak, rows)
    own = [(view @ head.layer.weight.T + head.layer.bias).softmax(1) for view in views]
    others = [(view @ peer.layer.weight.T + peer.layer.bias).softmax(1) for view in views]
    given, weight = torch.eye(4)[data.labels[rows]], torch.linspace(0, 1, 6)
    mixed = (weight[:, None] * given + (1 - weight)[:, None] * (own[0] + own[1]) / 2) ** 2
    assert_close(co_refine(head, views, given, weight, 0.5), mixed / mixed.sum(1, keepdim=True))
    mean = (sum(own) + sum(others)) / 4
    assert_close(co_guess(head, peer, views, 1.0), mean)


def test_mix_match_loss__is_that_of_numpy_for_the_same_draws():
    data, _ = make_data(40)
    head, _ = make_heads(data, CONFIG, seed=0, device="cpu")
    inputs, rows = head.inputs(data.features, np.arange(10)), np.arange(10)
    targets = torch.rand(10, 4, generator=torch.Generator().manual_seed(1)).softmax(1)
    head.rng = np.random.default_rng(5)
    found = mix_match_loss(head, inputs, targets, 6, CONFIG, guess_weight=25.0)
    rng = np.random.default_rng(5)
    share = rng.beta(4, 4)
    share, order = max(share, 1 - share), rng.permutation(10)
    x, t = inputs.double().numpy(), targets.double().numpy()
    x, t = (share * part[rows] + (1 - share) * part[order] for part in (x, t))
    weight, bias = (p.detach().double().numpy() for p in head.layer.parameters())
    p = np.exp(x @ weight.T + bias)
    p /= p.sum(axis=1, keepdims=True)
    believed = -np.mean(np.sum(t[:6] * np.log(p[:6]), axis=1))
    guessed = np.mean((p[6:] - t[6:]) ** 2)
    balance = np.sum(0.25 * np.log(0.25 / p.mean(axis=0)))
    assert float(found.detach()) == pytest.approx(believed + 25 * guessed + balance, rel=1e-5)


def test_paired_batches__cover_the_clean_once_and_take_the_noisy_in_turns():
    data, _ = make_data(40)
    head, _ = make_heads(data, CONFIG, seed=0, device="cpu")
    split = Split(np.arange(0, 25), np.arange(25, 40), torch.ones(40))
    found = list(paired_batches(head, split, 5, 4))
    assert sorted(np.concatenate([clean for _, clean, _ in found])) == list(range(25))
    assert [done for done, _, _ in found] == [0, 0.2, 0.4, 0.6, 0.8]
    assert all(len(noisy) == 4 and noisy.min() >= 25 for _, _, noisy in found)
    assert len(set(np.concatenate([noisy for _, _, noisy in found[:3]]))) == 12


def test_heads__have_their_own_start_and_views():
    data, _ = make_data(40)
    head, peer = make_heads(data, CONFIG, seed=0, device="cpu")
    assert not torch.equal(head.layer.weight, peer.layer.weight)
    assert [view is data.views.weak[i] for view, i in zip(head.weak, (0, 2))] == [True, True]
    assert [view is data.views.weak[i] for view, i in zip(peer.weak, (1, 3))] == [True, True]
    assert len(head.strong) == len(peer.strong) == 2


@pytest.mark.parametrize("name", NAMES)
def test_two_heads__do_better_than_cross_entropy_and_repeat_by_seed(name):
    data, _ = make_data(noise=0.5, spread=0.9)
    config = replace(short_budget(name), epochs=8, batch_size=16, warmup_epochs=3)
    seen = []
    found = baselines[name](
        data, config, seed=1, on_epoch=lambda epoch, accuracy: seen.append(accuracy)
    )
    control = baselines["ce"](data, short_budget("ce"), seed=1)
    assert found.last_accuracy > control.last_accuracy
    assert found.curve == tuple(seen)
    assert len(seen) == 8
    assert found.notes == ()
    assert np.array_equal(baselines[name](data, config, seed=1).pred_probs, found.pred_probs)


def test_unicon__contrast_leaves_the_heads_as_they_are():
    data, _ = make_data(120)
    config = UniconConfig(epochs=4, warmup_epochs=1, batch_size=16, contrastive_weight=0.0)
    off, on = (
        baselines["unicon"](data, replace(config, contrastive_weight=weight), seed=1).pred_probs
        for weight in (0.0, 0.5)
    )
    assert_allclose(on, off, atol=1e-5)


def test_dividemix__averages_its_losses_over_epochs_and_penalises_confidence():
    data, _ = make_data(120)
    config = DivideMixConfig(epochs=6, warmup_epochs=2, batch_size=16)
    plain, averaged, penalised = (
        baselines["dividemix"](data, replace(config, **change), seed=1).pred_probs
        for change in ({}, {"loss_history": 3}, {"confidence_penalty": True})
    )
    assert not np.array_equal(plain, averaged)
    assert not np.array_equal(plain, penalised)


def test_dividemix__tells_of_splits_that_the_threshold_could_not_make():
    data, _ = make_data(120)
    config = DivideMixConfig(epochs=4, warmup_epochs=1, batch_size=16, threshold=0.999)
    same = replace(data, features=np.ones_like(data.features))
    (note,) = baselines["dividemix"](same, config, seed=1).notes
    assert note.startswith("In 1 of 3 epochs, first in epoch 2, the threshold of 0.999")


@pytest.mark.parametrize("name", NAMES)
def test_two_heads__say_which_views_they_lack(name):
    data, _ = make_data(40)
    with pytest.raises(DataError, match=r"views\.extract_views"):
        baselines[name](replace(data, views=None), short_budget(name), seed=0)
    with pytest.raises(DataError, match="extract views of the same images"):
        replace(data, views=FeatureViews((data.features[:5],)))


def test_two_heads__name_a_loss_that_is_not_finite():
    data, _ = make_data(40)
    data.views.weak[0][:] = np.nan
    with pytest.raises(JobError, match="check the features"):
        baselines["dividemix"](data, short_budget("dividemix"), seed=0)


@pytest.mark.parametrize("kind", [DivideMixConfig, UniconConfig])
def test_settings_of_two_heads__have_ranges(kind):
    for wrong in ({"epochs": 0}, {"alpha": 0}, {"batch_size": 1}, {"temperature": 0}):
        with pytest.raises(ConfigError, match=kind.__name__.removesuffix("Config").lower()):
            kind(**wrong)
    with pytest.raises(ConfigError, match="must be from"):
        DivideMixConfig(threshold=1)
    with pytest.raises(ConfigError, match="one of nats, bits"):
        UniconConfig(divergence_unit="hartleys")
