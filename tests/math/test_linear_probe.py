import dataclasses

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from turn_core import losses
from turn_core.config import ProbeConfig
from turn_core.errors import DataError, JobError
from turn_core.linear_probe import LinearProbe, fit_linear_probe, num_epochs
from turn_core.seeds import derive

CONFIG = ProbeConfig(epochs=3, min_steps=0, batch_size=16)


def blobs(num=200, num_classes=4, num_features=6, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, num_classes, num)
    centers = 4 * rng.standard_normal((num_classes, num_features))
    features = 5 + centers[labels] + rng.standard_normal((num, num_features))
    return features.astype(np.float32), labels


def by_autograd(features, labels, num_classes, config, seed):
    """The same training by torch's own loop: autograd, optimiser and scheduler."""
    x = torch.from_numpy((features - features.mean(0)) / features.std(0))
    y = torch.from_numpy(labels)
    layer = torch.nn.Linear(x.shape[1], num_classes)
    torch.nn.init.zeros_(layer.weight)
    torch.nn.init.zeros_(layer.bias)
    if config.optimizer == "sgd":
        optimizer = torch.optim.SGD(
            layer.parameters(),
            lr=config.learning_rate,
            momentum=config.momentum,
            weight_decay=config.weight_decay,
        )
    else:
        optimizer = torch.optim.AdamW(
            layer.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
    num_steps = config.epochs * -(-len(x) // config.batch_size)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, num_steps)
    for epoch in range(1, config.epochs + 1):
        generator = torch.Generator().manual_seed(derive(seed, "order", epoch))
        for batch in torch.randperm(len(x), generator=generator).split(config.batch_size):
            optimizer.zero_grad()
            logits = layer(x[batch])
            if config.loss == "gce":
                losses.gce_loss(logits, y[batch], config.q).mean().backward()
            else:
                losses.ce_loss(logits, y[batch]).mean().backward()
            optimizer.step()
            scheduler.step()
    return layer(x).detach()


@pytest.mark.parametrize("loss", ["gce", "ce"])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_probe__gives_what_autograd_gives(loss, optimizer):
    features, labels = blobs()
    config = ProbeConfig(
        epochs=3,
        min_steps=0,
        batch_size=16,
        loss=loss,
        optimizer=optimizer,
        learning_rate=0.05,
        weight_decay=1e-2,
    )
    probe = fit_linear_probe(features, labels, 4, config, seed=3)
    expected = by_autograd(features, labels, 4, config, seed=3)
    assert_close(probe.logits(features), expected, atol=1e-4, rtol=1e-4)


def test_probe__takes_raw_features_and_separates_blobs():
    features, labels = blobs()
    probe = fit_linear_probe(features, labels, 4, CONFIG, seed=0)
    assert (probe.logits(features).argmax(1).numpy() == labels).mean() > 0.98
    assert_close(probe.as_linear()(torch.from_numpy(features)), probe.logits(features))


def test_probe__is_the_same_for_the_same_seed_and_another_for_another():
    features, labels = blobs()
    first, again, other = (
        fit_linear_probe(features, labels, 4, CONFIG, seed=seed).weight for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_probe__reads_tensors_and_read_only_memory_maps_alike(tmp_path):
    features, labels = blobs()
    np.save(tmp_path / "features.npy", features)
    mapped = np.load(tmp_path / "features.npy", mmap_mode="r")
    from_tensor = fit_linear_probe(torch.from_numpy(features), labels, 4, CONFIG, seed=0)
    from_map = fit_linear_probe(mapped, labels, 4, CONFIG, seed=0)
    assert torch.equal(from_tensor.weight, from_map.weight)
    assert torch.equal(from_tensor.logits(features), from_map.logits(mapped))


def test_probe__never_sees_what_the_mask_leaves_out():
    features, labels = blobs()
    mask = np.arange(len(labels)) % 2 == 0
    poisoned = np.where(mask[:, None], features, 1e6).astype(np.float32)
    masked = fit_linear_probe(poisoned, labels, 4, CONFIG, seed=0, mask=mask)
    alone = fit_linear_probe(features[mask], labels[mask], 4, CONFIG, seed=0)
    assert torch.equal(masked.weight, alone.weight)


def test_probe__in_bfloat16_stays_close_to_fp32():
    features, labels = blobs()
    full = fit_linear_probe(features, labels, 4, CONFIG, seed=0).logits(features)
    half = fit_linear_probe(features, labels, 4, CONFIG, seed=0, dtype=torch.bfloat16)
    assert (full - half.logits(features)).abs().max() < 0.05 * full.abs().max()


def test_probe__ignores_a_constant_dimension():
    features, labels = blobs()
    features[:, 2] = 7
    assert (fit_linear_probe(features, labels, 4, CONFIG, seed=0).weight[:, 2] == 0).all()


def test_probe__without_standardisation_scales_with_nothing():
    features, labels = blobs()
    config = dataclasses.replace(CONFIG, standardize=False, epochs=1, batch_size=200, momentum=0.0)
    probe = fit_linear_probe(features, labels, 4, config, seed=0)
    p = torch.full((200, 4), 0.25)
    gradient = 0.25**0.7 * (p - torch.nn.functional.one_hot(torch.from_numpy(labels), 4))
    expected = -0.05 * gradient.T @ torch.from_numpy(features) / 200  # one step from zero
    assert_close(probe.weight, expected, atol=1e-5, rtol=1e-4)


def test_class_balanced__helps_the_rare_class():
    rng = np.random.default_rng(0)
    labels = (np.arange(400) < 20).astype(np.int64)  # 20 of class 1, 380 of class 0
    features = (1.0 * labels[:, None] + rng.standard_normal((400, 2))).astype(np.float32)
    plain = fit_linear_probe(features, labels, 2, CONFIG, seed=0).logits(features).argmax(1)
    config = dataclasses.replace(CONFIG, class_balanced=True)
    balanced = fit_linear_probe(features, labels, 2, config, seed=0).logits(features).argmax(1)
    rare = torch.from_numpy(labels == 1)
    assert balanced[rare].float().mean() > plain[rare].float().mean() + 0.3


def test_on_epoch__gets_every_epoch_with_a_falling_loss():
    features, labels = blobs()
    seen = []
    fit_linear_probe(
        features, labels, 4, CONFIG, seed=0, on_epoch=lambda epoch, loss: seen.append((epoch, loss))
    )
    assert [epoch for epoch, _ in seen] == [1, 2, 3]
    assert seen[0][1] > seen[1][1] > seen[2][1] > 0


def test_probe__without_any_epoch_of_one_class_gives_it_no_logit_advantage():
    features, labels = blobs(num_classes=3)
    probe = fit_linear_probe(features, labels, 5, CONFIG, seed=0)  # classes 3 and 4 have no sample
    assert set(probe.logits(features).argmax(1).tolist()) <= {0, 1, 2}


def test_probe__says_when_features_are_not_finite():
    features, labels = blobs()
    features[7, 1] = np.nan
    with pytest.raises(JobError, match=r"loss is nan in epoch 1; check the features"):
        fit_linear_probe(features, labels, 4, CONFIG, seed=0)


@pytest.mark.parametrize(
    ("labels", "mask", "message"),
    [
        (np.zeros(9, np.int64), None, r"features has shape \(10, 2\), labels \(9,\)"),
        (np.full(10, 4), None, "labels must be from 0 to 3, got 4 to 4"),
        (np.zeros(10, np.int64), np.zeros(10, bool), "no sample is left to train"),
    ],
)
def test_probe__refuses_what_does_not_fit(labels, mask, message):
    with pytest.raises(DataError, match=message):
        fit_linear_probe(np.zeros((10, 2), np.float32), labels, 4, CONFIG, seed=0, mask=mask)


def test_logits__by_hand():
    probe = LinearProbe(torch.tensor([[1.0, 2.0], [0.0, -1.0]]), torch.tensor([0.5, 0.0]))
    assert_close(probe.logits(np.array([[3.0, 1.0]])), torch.tensor([[5.5, -1.0]]))


def test_num_epochs__are_more_where_they_would_be_few_steps():
    config = ProbeConfig(epochs=20, min_steps=50, batch_size=128)
    assert num_epochs(config, 70) == 50  # one step each
    assert num_epochs(config, 200) == 25
    assert num_epochs(config, 300) == 20
    assert num_epochs(dataclasses.replace(config, min_steps=0), 70) == 20
