"""Step 1 end to end on made-up features. A change of these numbers needs a reason in its commit."""

import numpy as np
import pytest
import torch

from turn_core import losses, metrics
from turn_core.cleansing import balanced_clean_subset, clean_probability
from turn_core.config import CleansingConfig, ProbeConfig
from turn_core.linear_probe import fit_linear_probe
from turn_core.noise import inject, symmetric_transition


@pytest.fixture(scope="module")
def step1():
    rng = np.random.default_rng(0)
    true = np.arange(2000) % 8
    centers = rng.standard_normal((8, 24))
    features = (centers[true] + 1.6 * rng.standard_normal((2000, 24))).astype(np.float32)
    labels = inject(true, symmetric_transition(8, 0.4), seed=0)
    curve = []
    probe = fit_linear_probe(
        features, labels, 8, ProbeConfig(), seed=0, on_epoch=lambda _, loss: curve.append(loss)
    )
    loss = losses.ce_loss(probe.logits(features), torch.from_numpy(labels)).numpy()
    found = clean_probability(loss, labels, 8, CleansingConfig())
    subset = balanced_clean_subset(found, labels, CleansingConfig(), seed=0)
    return labels != true, loss, found, subset, curve


GOLDEN = {
    "first loss": 1.079564,
    "last loss": 0.708252,
    "auroc": 0.98323,
    "average precision": 0.980043,
    "noise rate": 0.446554,
    "subset size": 128,
}


def _numbers(step1):
    is_error, loss, found, subset, curve = step1
    report = metrics.detection_report(found.clean_probability, is_error, threshold=0.6, losses=loss)
    return {
        "first loss": curve[0],
        "last loss": curve[-1],
        "auroc": report.auroc,
        "average precision": report.average_precision,
        "noise rate": found.noise_rate.value,
        "subset size": subset.size,
    }


def test_step1__golden_numbers(step1):
    assert _numbers(step1) == pytest.approx(GOLDEN, abs=2e-4)


def test_step1__finds_the_injected_errors(step1):
    is_error, _, found, subset, _ = step1
    assert found.noise_rate.low < is_error.mean() < found.noise_rate.high
    assert is_error[subset.indices].mean() < 0.05
    assert set(found.class_fallback) <= {"none", "pooled"}
