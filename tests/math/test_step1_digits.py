"""Step 1 on real images small enough for every test run: scikit-learn's digits, raw pixels."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from turn_core import losses, metrics
from turn_core.cleansing import clean_probability
from turn_core.config import CleansingConfig, ProbeConfig
from turn_core.linear_probe import fit_linear_probe
from turn_core.noise import inject, symmetric_transition


@pytest.fixture(scope="module")
def digits():
    data = load_digits()
    return data.data.astype(np.float32), data.target


def judge(features, labels):
    probe = fit_linear_probe(features, labels, 10, ProbeConfig(), seed=0)
    loss = losses.ce_loss(probe.logits(features), torch.from_numpy(labels)).numpy()
    return clean_probability(loss, labels, 10, CleansingConfig()), loss


def test_digits__with_right_labels_are_not_cut(digits):
    found, _ = judge(*digits)
    assert set(found.class_fallback) == {"one_cluster"}
    assert found.noise_rate is None
    assert (found.clean_probability > 0.6).all()


@pytest.mark.parametrize("rate", [0.1, 0.3])
def test_digits__with_wrong_labels_give_them_away(digits, rate):
    features, true = digits
    labels = inject(true, symmetric_transition(10, rate), seed=0)
    found, loss = judge(features, labels)
    report = metrics.detection_report(
        found.clean_probability, labels != true, threshold=0.6, losses=loss
    )
    assert report.average_precision > 0.97
    assert report.lift_100 == pytest.approx(1 / (labels != true).mean(), rel=0.03)
    assert report.recall > 0.85
    assert found.noise_rate.low < (labels != true).mean() < found.noise_rate.high
