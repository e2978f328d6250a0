import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close
from training_toys import ArrayPixels, coloured_squares, make_classifier

from turn_core.backbones.precision import BF16, FP32
from turn_core.checkpoint import pack_optimizer, unpack_optimizer
from turn_core.config import FinetuneConfig
from turn_core.finetune import (
    Finetuner,
    NonFiniteLossError,
    Position,
    epoch_batches,
    make_optimizer,
)

pytestmark = pytest.mark.usefixtures("one_thread")
SUBSET = np.arange(0, 40)


def _config(**changes):
    values = {
        "batch_size": 16,
        "micro_batch_size": 16,
        "epochs": 2,
        "learning_rate": 0.01,
        "lr_warmup": 0.0,
    }
    return FinetuneConfig(**{**values, **changes})


def _finetuner(model, config, *, precision=FP32, seed=5):
    images, labels, _ = coloured_squares(48)
    return Finetuner(model, ArrayPixels(images), labels, config, seed=seed, precision=precision)


def _train(model, config, *, epochs=1, **options):
    finetuner = _finetuner(model, config, **options)
    for epoch in range(epochs):
        finetuner.run_epoch(SUBSET, epoch, Position(), lambda position, steps: None)
    return model


def _weights(model):
    return torch.cat([p.detach().flatten() for p in model.state_dict().values()])


def test_order_depends_on_seed_and_epoch_and_covers_the_subset_once():
    subset = np.array([9, 3, 7, 1, 5])
    batches = epoch_batches(subset, 2, seed=1, epoch=0)
    assert sorted(np.concatenate(batches)) == sorted(subset)
    assert [len(b) for b in batches] == [2, 2, 1]
    again = epoch_batches(subset[::-1], 2, seed=1, epoch=0)
    assert all(np.array_equal(a, b) for a, b in zip(batches, again, strict=True))
    flat = {tuple(np.concatenate(epoch_batches(np.arange(20), 8, seed=1, epoch=e))) for e in (0, 1)}
    assert len(flat) == 2


def test_batches_are_nearly_equal_so_that_none_has_a_single_sample():
    assert [len(b) for b in epoch_batches(np.arange(9), 4, seed=0, epoch=0)] == [3, 3, 3]


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("family", ["convnext", "vit"])
def test_micro_batches_give_the_full_batch_gradient(optimizer, family):
    whole = _train(make_classifier(family=family), _config(optimizer=optimizer))
    parts = _train(make_classifier(family=family), _config(optimizer=optimizer, micro_batch_size=3))
    assert_close(_weights(parts), _weights(whole), atol=2e-4, rtol=0)


def test_first_step_by_hand_without_augmentation():
    model = make_classifier()
    finetuner = _finetuner(
        model,
        _config(optimizer="sgd", momentum=0.0, weight_decay=0.0, augmentation="none"),
    )
    rows = epoch_batches(SUBSET, 16, seed=5, epoch=0)[0]
    images = model.backbone.normalise(finetuner.pixels.batch(rows))
    loss = torch.nn.functional.cross_entropy(model(images), finetuner.labels[rows])
    (gradient,) = torch.autograd.grad(loss, [model.head.weight])
    rate = 0.005 * (1 + math.cos(math.pi * 0.5 / 6))
    expected = model.head.weight.detach() - rate * gradient
    seen = []

    def stop(position, steps):
        seen.append((position.step, position.seen, position.mean_loss, steps))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        finetuner.run_epoch(SUBSET, 0, Position(), stop)
    assert_close(model.head.weight.detach(), expected)
    assert seen == [(1, len(rows), pytest.approx(loss.item(), rel=1e-5), 3)]


def test_learning_rate_falls_as_a_cosine_over_all_epochs():
    finetuner = _finetuner(make_classifier(), _config(epochs=2))
    rates = []
    for epoch in range(2):
        finetuner.run_epoch(
            SUBSET,
            epoch,
            Position(),
            lambda *_: rates.append(finetuner.optimizer.param_groups[0]["lr"]),
        )
    expected = [0.005 * (1 + math.cos(math.pi * (step + 0.5) / 6)) for step in range(6)]
    assert rates == pytest.approx(expected)


def test_warm_up_rises_in_a_line_and_then_follows_the_cosine():
    finetuner = _finetuner(make_classifier(), _config(lr_warmup=0.5))
    plain = _finetuner(make_classifier(), _config())
    shares = [finetuner._rate(done) / plain._rate(done) for done in (0.1, 0.25, 0.5, 0.9)]
    assert shares == pytest.approx([0.2, 0.5, 1, 1])


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_stop_and_go_on_is_bit_for_bit_the_undisturbed_epoch(optimizer):
    config = _config(optimizer=optimizer, micro_batch_size=5)
    straight = _train(make_classifier(drop_path=0.3), config)

    model = make_classifier(drop_path=0.3)
    finetuner = _finetuner(model, config)
    position = Position()

    def stop(now, steps):
        if now.step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        finetuner.run_epoch(SUBSET, 0, position, stop)
    resumed = make_classifier(drop_path=0.3, seed=9)
    resumed.load_state_dict(model.state_dict())
    fresh = _finetuner(resumed, config)
    unpack_optimizer(fresh.optimizer, pack_optimizer(finetuner.optimizer))
    torch.manual_seed(123)  # whatever the global generator holds must not matter
    fresh.run_epoch(SUBSET, 0, position, lambda *_: None)
    assert torch.equal(_weights(resumed), _weights(straight))


def test_global_generator_is_as_before():
    before = torch.random.get_rng_state()
    _train(make_classifier(drop_path=0.3), _config())
    assert torch.equal(torch.random.get_rng_state(), before)


def test_learns_the_squares_and_bf16_agrees():
    config = _config(epochs=12, batch_size=8, learning_rate=0.02)
    images, labels, _ = coloured_squares(48)
    for precision in (FP32, BF16):
        model = _train(make_classifier(), config, epochs=12, precision=precision).eval()
        with torch.no_grad():
            logits = model(model.backbone.normalise(torch.from_numpy(images)))
        accuracy = (logits.argmax(1).numpy() == labels)[40:].mean()
        assert accuracy == 1


@pytest.mark.parametrize("where", ["loss", "gradient"])
def test_nan_stops_before_the_weights_and_names_the_samples(where):
    model = make_classifier()
    if where == "loss":
        with torch.no_grad():
            model.head.bias.fill_(torch.nan)
    else:
        model.head.weight.register_hook(lambda g: g * torch.inf)
    before = _weights(model.backbone)
    with pytest.raises(NonFiniteLossError) as caught:
        _train(model, _config())
    first = epoch_batches(SUBSET, 16, seed=5, epoch=0)[0]
    assert set(caught.value.rows) <= set(first)
    assert torch.equal(_weights(model.backbone), before)


def test_biases_and_norms_are_not_decayed():
    optimizer = make_optimizer(make_classifier(), _config(weight_decay=0.1))
    decayed, spared = optimizer.param_groups
    assert decayed["weight_decay"] == 0.1
    assert spared["weight_decay"] == 0
    assert all(p.dim() > 1 for p in decayed["params"])
    assert optimizer.defaults["fused"]


def test_check_is_called_before_every_piece_so_that_cancel_need_not_wait_for_a_step():
    calls = []
    finetuner = _finetuner(make_classifier(), _config(micro_batch_size=4))
    finetuner.run_epoch(SUBSET, 0, Position(), lambda *_: None, check=lambda: calls.append(1))
    assert len(calls) == 12  # 14, 13 and 13 samples in pieces of 4
