"""NMTune: its terms by hand and against numpy, its controls, and what each term does."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from baseline_toys import make_data
from torch.testing import assert_close

from turn_core import losses
from turn_core.distortion import largest_singular_value_ratio
from turn_core.errors import ConfigError, DataError, JobError
from turn_core.methods import tuner_settings, tuners
from turn_core.methods.configs import NmTuneConfig
from turn_core.methods.nmtune import TunedFeatures, fit_nmtune, nmtune_loss, run_nmtune

CONFIG = NmTuneConfig(epochs=10, batch_size=32)
GENERATOR = torch.Generator().manual_seed(0)
FIRST, SECOND = (torch.randn(12, 5, generator=GENERATOR, dtype=torch.float64) for _ in range(2))


def test_consistency_loss__by_hand_and_holds_the_original():
    tuned = torch.tensor([[3.0, 4.0]], requires_grad=True)
    original = torch.tensor([[0.0, 2.0]], requires_grad=True)
    loss = losses.consistency_loss(tuned, original)
    assert_close(loss, torch.tensor((0.6**2 + 0.2**2) / 2))
    loss.backward()
    assert original.grad is None
    assert tuned.grad is not None


def test_covariance_loss__is_numpys_covariance():
    covariance = np.cov(FIRST.numpy(), rowvar=False)
    expected = sum(covariance[i, j] ** 2 for i in range(5) for j in range(5) if i != j) / 5
    assert_close(losses.covariance_loss(FIRST).item(), expected)


@pytest.mark.parametrize("top", [1, 3])
def test_dominant_singular_loss__is_numpys_and_its_gradient_is_finite_at_equal_values(top):
    values = np.linalg.svd(FIRST.numpy(), compute_uv=False)
    expected = -np.mean(values[:top] / values.sum())
    assert_close(losses.dominant_singular_loss(FIRST, top).item(), expected)
    equal = torch.eye(4, dtype=torch.float64, requires_grad=True)
    losses.dominant_singular_loss(equal, top).backward()
    assert torch.isfinite(equal.grad).all()


def test_nmtune_loss__is_the_sum_of_its_terms():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = TunedFeatures(5, 3, 2).double()
    labels, config = torch.arange(12) % 3, NmTuneConfig()
    tuned = model.mlp(torch.cat([FIRST, SECOND])) * model.scale + torch.cat([FIRST, SECOND])
    expected = torch.nn.functional.cross_entropy(model.head(tuned), torch.cat([labels, labels]))
    unit = [rows / rows.norm(dim=1, keepdim=True) for rows in (tuned[12:], FIRST)]
    expected = expected + ((unit[0] - unit[1]) ** 2).mean()
    covariance = torch.cov(tuned.T)
    covariance = covariance - covariance.diagonal().diag()
    expected = expected + 0.04 * (covariance**2).sum() / 5
    values = torch.linalg.svd(tuned).S
    expected = expected - 0.001 * (values[:5] / values.sum()).mean()
    assert_close(nmtune_loss(model, FIRST, SECOND, labels, config), expected)


def test_tuned_features__start_as_features_plus_the_network():
    model = TunedFeatures(8, 4, 4)
    torch.nn.init.zeros_(model.scale)
    features = np.random.default_rng(0).standard_normal((20, 8)).astype(np.float32)
    assert_close(model.tune(features), torch.from_numpy(features))
    assert model.logits(features).shape == (20, 4)
    assert model.mlp[0].out_features == 32


def test_nmtune__learns_reports_every_epoch_and_repeats_by_seed():
    data, _ = make_data(noise=0.0, spread=0.5)
    seen = []
    found = run_nmtune(data, CONFIG, seed=3, on_epoch=lambda epoch, accuracy: seen.append(accuracy))
    assert found.curve == tuple(seen)
    assert found.last_accuracy > 0.75 > found.curve[0]
    assert np.array_equal(run_nmtune(data, CONFIG, seed=3).pred_probs, found.pred_probs)
    assert not np.array_equal(run_nmtune(data, CONFIG, seed=4).pred_probs, found.pred_probs)
    assert not np.array_equal(
        run_nmtune(replace(data, views=None), CONFIG, seed=3).pred_probs, found.pred_probs
    )


def test_nmtune__consistency_keeps_features_near_and_singular_values_concentrate():
    data, _ = make_data(noise=0.0)
    free = replace(tuner_settings()["mlp"], epochs=8, batch_size=32)

    def tuned(config):
        model = fit_nmtune(data.features, data.labels, 4, config, seed=0)
        return model.tune(data.features)

    def moved(features):
        unit = [
            rows / rows.norm(dim=1, keepdim=True)
            for rows in (features, torch.from_numpy(data.features))
        ]
        return float((unit[0] - unit[1]).square().mean())

    alone = tuned(free)
    assert moved(tuned(replace(free, consistency_weight=50.0))) < moved(alone) / 2
    concentrated = tuned(replace(free, singular_weight=5.0, top_singular=1))
    ratios = [largest_singular_value_ratio(rows.numpy()) for rows in (concentrated, alone)]
    assert ratios[0] < ratios[1]
    spread = tuned(replace(free, covariance_weight=5.0))
    assert losses.covariance_loss(spread) < losses.covariance_loss(alone)


def test_controls__are_the_network_without_terms_and_a_plain_head():
    settings, (data, _) = tuner_settings(), make_data(120, noise=0.0, spread=0.5)
    mlp = settings["mlp"]
    assert [mlp.consistency_weight, mlp.covariance_weight, mlp.singular_weight] == [0, 0, 0]
    for name, run in tuners.items():
        assert run(data, settings[name], seed=0).last_accuracy > 0.8, name


def test_nmtune__names_what_is_wrong():
    data, _ = make_data(40)
    with pytest.raises(DataError, match="give"):
        fit_nmtune(data.features, data.labels[:3], 4, CONFIG, seed=0)
    features = data.features.copy()
    features[0, 0] = np.inf
    with pytest.raises(JobError, match=r"lower nmtune\.learning_rate"):
        fit_nmtune(features, data.labels, 4, CONFIG, seed=0)
    for wrong in ({"epochs": 0}, {"hidden_ratio": 0}, {"top_singular": 0}, {"singular_weight": -1}):
        with pytest.raises(ConfigError, match=r"nmtune\."):
            NmTuneConfig(**wrong)
