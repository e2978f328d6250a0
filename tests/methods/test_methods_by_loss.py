"""CE, GCE and ELR on features: ELR against float64 loops, truncation, the registry."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from baseline_toys import make_data
from numpy.testing import assert_allclose
from torch.testing import assert_close

from turn_core.errors import ConfigError, DataError
from turn_core.linear_probe import fit_linear_probe
from turn_core.methods import baselines, own_settings, short_budget
from turn_core.methods.ce import run_ce
from turn_core.methods.configs import CeConfig, ElrConfig, GceConfig, HeadTraining
from turn_core.methods.elr import EarlyLearning, run_elr
from turn_core.methods.gce import GeneralizedCrossEntropy, run_gce
from turn_core.seeds import derive

NAMES = ("ce", "gce", "elr")


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def elr_by_loops(data, config, seed):
    """Targets and head after training, in float64 numpy, one sample after another."""
    head = config.head
    x = data.features.astype(np.float64)
    x = np.column_stack([(x - x.mean(0)) / x.std(0), np.ones(len(x))])
    weight = np.zeros((data.num_classes, x.shape[1]))
    velocity, targets = np.zeros_like(weight), np.zeros((len(x), data.num_classes))
    steps = head.epochs * -(-len(x) // head.batch_size)
    step = 0
    for epoch in range(1, head.epochs + 1):
        generator = torch.Generator().manual_seed(derive(seed, "order", epoch))
        for batch in torch.randperm(len(x), generator=generator).split(head.batch_size):
            gradient = np.zeros_like(weight)
            for i in batch.numpy():
                p = softmax(x[i : i + 1] @ weight.T)[0]
                clamped = np.clip(p, 1e-4, 1 - 1e-4)
                targets[i] = config.beta * targets[i]
                targets[i] += (1 - config.beta) * clamped / clamped.sum()
                inner = targets[i] @ p
                pull = p - np.eye(data.num_classes)[data.labels[i]]
                pull -= config.weight * p * (targets[i] - inner) / (1 - inner)
                gradient += np.outer(pull, x[i]) / len(batch)
            rate = head.learning_rate * (1 + np.cos(np.pi * step / steps)) / 2
            velocity = head.momentum * velocity + gradient + head.weight_decay * weight
            weight -= rate * velocity
            step += 1
    return targets, x @ weight.T


def test_elr__targets_and_probabilities_are_those_of_loops_in_float64():
    data, _ = make_data(120, spread=1.0)  # spread: no probability comes near the clamp
    head = HeadTraining(epochs=18, batch_size=40, learning_rate=0.02)
    config = ElrConfig(beta=0.7, weight=3.0, head=head)
    objective = EarlyLearning(config, 120, 4, "cpu")
    fit_linear_probe(data.features, data.labels, 4, head.as_probe(), seed=5, loss=objective)
    targets, logits = elr_by_loops(data, config, 5)
    assert_allclose(objective.target_ema.numpy(), targets, atol=2e-5)
    assert_allclose(run_elr(data, config, seed=5).pred_probs, softmax(logits), atol=2e-4)


def test_elr__without_weight_is_cross_entropy():
    data, _ = make_data()
    plain, regularized = (
        run_ce(data, CeConfig(), seed=1),
        run_elr(data, ElrConfig(weight=0.0), seed=1),
    )
    assert_allclose(regularized.pred_probs, plain.pred_probs, atol=1e-6)


def test_gce__as_an_arm_is_the_probe_of_turn():
    data, _ = make_data()
    config = GceConfig()
    probe = fit_linear_probe(data.features, data.labels, 4, config.head.as_probe(), seed=1)
    expected = probe.logits(data.features).softmax(dim=1).numpy()
    assert_allclose(run_gce(data, config, seed=1).pred_probs, expected, atol=1e-5)


def test_gce__truncation_starts_after_the_plain_epochs_and_gives_up_unlikely_labels():
    objective = GeneralizedCrossEntropy(GceConfig(truncation=0.5, plain_epochs=2))
    logits, label = torch.tensor([[0.0, 3.0]]), torch.tensor([0])
    for epochs_done, pulls in ((1, True), (2, False)):
        objective.epochs_done = epochs_done
        given = logits.clone().requires_grad_()
        objective(given, label, torch.tensor([0])).sum().backward()
        assert bool(given.grad.any()) is pulls


def test_gce__truncated_leaves_wrong_labels_at_lower_probability():
    data, true = make_data(noise=0.3)
    wrong = data.labels != true
    given = np.arange(len(true)), data.labels
    plain, truncated = (
        run_gce(data, GceConfig(truncation=k), seed=0).pred_probs[given][wrong].mean()
        for k in (0.0, 0.5)
    )
    assert truncated < plain


@pytest.mark.parametrize("name", NAMES)
def test_methods_by_loss__learn_through_noise_and_report_best_and_last(name):
    data, _ = make_data()
    seen = []
    found = baselines[name](
        data, own_settings(name), seed=0, on_epoch=lambda epoch, accuracy: seen.append(accuracy)
    )
    assert found.curve == tuple(seen)
    assert found.best_accuracy == max(seen) > 0.85
    assert found.last_accuracy == seen[-1]
    assert found.pred_probs.shape == (300, 4)
    assert_allclose(found.pred_probs.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_methods_by_loss__repeat_by_seed(name):
    data, _ = make_data(100)
    first, again, other = (baselines[name](data, own_settings(name), seed=s) for s in (1, 1, 2))
    assert np.array_equal(first.pred_probs, again.pred_probs)
    assert not np.array_equal(first.pred_probs, other.pred_probs)


def test_methods_by_loss__refuse_labels_and_features_that_do_not_fit():
    data, _ = make_data(40)
    with pytest.raises(DataError, match="40, 8"):
        replace(data, labels=data.labels[:-1])
    with pytest.raises(DataError, match="from 0 to 3; with 3 classes"):
        replace(data, num_classes=3)
    with pytest.raises(DataError, match="have 8 dimensions, for testing 5"):
        replace(data, test_features=data.test_features[:, :5])


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: HeadTraining(epochs=0),
        lambda: HeadTraining(optimizer="adam"),
        lambda: GceConfig(q=0),
        lambda: GceConfig(truncation=1),
        lambda: ElrConfig(beta=1),
        lambda: ElrConfig(weight=-1),
    ],
)
def test_settings_of_methods__have_ranges(wrong):
    with pytest.raises(ConfigError, match="must be"):
        wrong()


def test_elr__targets_of_samples_outside_a_batch_stay():
    objective = EarlyLearning(ElrConfig(beta=0.5), 3, 2, "cpu")
    objective(torch.zeros(1, 2), torch.tensor([0]), torch.tensor([1]))
    assert_close(objective.target_ema, torch.tensor([[0.0, 0.0], [0.25, 0.25], [0.0, 0.0]]))


@pytest.mark.parametrize("settings", [own_settings, short_budget])
def test_settings_by_name__are_there_for_every_baseline_and_refuse_others(settings):
    for name in baselines:
        assert settings(name)
    with pytest.raises(ConfigError, match="no method 'mentornet'; there are ce, gce"):
        settings("mentornet")
