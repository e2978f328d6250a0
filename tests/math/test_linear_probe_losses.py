"""The probe under any loss: `loss` gets the right samples, and `on_head` every epoch's head."""

import numpy as np
import torch
from torch.testing import assert_close

from turn_core import losses
from turn_core.config import ProbeConfig
from turn_core.linear_probe import fit_linear_probe

CONFIG = ProbeConfig(epochs=3, batch_size=8, learning_rate=0.1)


def made_up(size=40):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, size)
    return (np.eye(3)[labels] + 0.3 * rng.standard_normal((size, 3))).astype(np.float32), labels


def test_given_loss__equals_the_closed_form():
    features, labels = made_up()

    def gce(logits, labels, rows):
        return losses.gce_loss(logits, labels, CONFIG.q)

    own, given = (
        fit_linear_probe(features, labels, 3, CONFIG, seed=1, loss=loss) for loss in (None, gce)
    )
    assert_close(own.weight, given.weight)
    assert_close(own.bias, given.bias)


def test_given_loss__sees_every_sample_of_the_mask_once_an_epoch_with_its_label():
    features, labels = made_up()
    mask = np.arange(40) % 2 == 1
    seen = []

    def loss(logits, given, rows):
        assert torch.equal(given, torch.from_numpy(labels)[rows])
        seen.extend(rows.tolist())
        return losses.ce_loss(logits, given)

    config = ProbeConfig(epochs=20, batch_size=8)
    fit_linear_probe(features, labels, 3, config, seed=1, mask=mask, loss=loss)
    assert sorted(seen) == sorted(np.flatnonzero(mask).tolist() * 20)


def test_on_head__gives_the_head_of_every_epoch_last_the_one_returned():
    features, labels = made_up()
    heads = {}
    config = ProbeConfig(epochs=20, batch_size=8)
    probe = fit_linear_probe(features, labels, 3, config, seed=1, on_head=heads.__setitem__)
    assert sorted(heads) == list(range(1, 21))
    assert torch.equal(heads[20].weight, probe.weight)
    assert not torch.equal(heads[1].weight, probe.weight)
