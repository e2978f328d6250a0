"""CE, GCE and ELR by full fine-tuning: the loss is an argument, nothing else differs."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from training_toys import ArrayPixels, coloured_squares, make_classifier

from turn_core import losses
from turn_core.backbones.precision import FP32
from turn_core.config import FinetuneConfig
from turn_core.errors import DataError, JobError
from turn_core.finetune import Finetuner, Position
from turn_core.methods import run_fft
from turn_core.methods.baseline import ImageData
from turn_core.methods.configs import CeConfig, ElrConfig, GceConfig
from turn_core.predictions import PixelRows

pytestmark = pytest.mark.usefixtures("one_thread")
CONFIG = FinetuneConfig(
    epochs=3, batch_size=16, micro_batch_size=8, learning_rate=0.005, lr_warmup=0.0
)
IMAGES, GIVEN, TRUE = coloured_squares(72, noise=0.3)
HELD = (np.arange(72) // 3) % 3 == 0


def make_data():
    source = ArrayPixels(IMAGES)
    trained, held = np.flatnonzero(~HELD), np.flatnonzero(HELD)
    return ImageData(
        pixels=PixelRows(source, trained),
        labels=GIVEN[trained],
        test_pixels=PixelRows(source, held),
        test_labels=TRUE[held],
    )


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def run(config, finetune=CONFIG, **options):
    model = make_classifier()
    return run_fft(
        make_data(), model, config, finetune, seed=2, precision=FP32, **options
    ), weights(model)


def test_finetuner__trains_under_the_loss_it_is_given_with_the_numbers_of_the_samples():
    rows_seen = []

    def loss(logits, labels, rows):
        assert torch.equal(labels, torch.from_numpy(GIVEN)[rows])
        rows_seen.extend(rows.tolist())
        return 0 * losses.ce_loss(logits, labels)

    model = make_classifier()
    before = weights(model)
    config = FinetuneConfig(epochs=1, batch_size=16, micro_batch_size=8, weight_decay=0.0)
    tuner = Finetuner(model, ArrayPixels(IMAGES), GIVEN, config, seed=0, precision=FP32, loss=loss)
    tuner.run_epoch(np.arange(5, 40), 0, Position(), lambda *_: None)
    assert sorted(rows_seen) == list(range(5, 40))
    assert torch.equal(weights(model), before)


def test_arm_of_cross_entropy__is_the_finetuner_of_turn():
    _, found = run(CeConfig())
    data, model = make_data(), make_classifier()
    tuner = Finetuner(model, data.pixels, data.labels, CONFIG, seed=2, precision=FP32)
    for epoch in range(3):
        tuner.run_epoch(np.arange(len(data.labels)), epoch, Position(), lambda *_: None)
    assert torch.equal(found, weights(model))


def test_arm_of_elr__without_weight_is_that_of_cross_entropy_and_with_it_is_not():
    _, plain = run(CeConfig())
    _, off = run(ElrConfig(weight=0.0))
    _, on = run(ElrConfig(weight=3.0, beta=0.5))
    assert_allclose(off, plain, atol=1e-6)
    assert not np.allclose(on, plain, atol=1e-4)


@pytest.mark.parametrize("config", [CeConfig(), GceConfig(), ElrConfig()], ids=["ce", "gce", "elr"])
def test_arms__report_best_and_last_accuracy_on_the_held_out_split(config):
    seen, checks = [], []
    found, _ = run(
        config,
        on_epoch=lambda epoch, accuracy: seen.append((epoch, accuracy)),
        check=lambda: checks.append(1),
    )
    assert [epoch for epoch, _ in seen] == [1, 2, 3]
    assert found.best_accuracy == max(found.curve) >= found.last_accuracy == seen[-1][1]
    assert found.pred_probs.shape == (int((~HELD).sum()), 3)
    assert len(checks) >= 9


def test_truncation__starts_after_its_plain_epochs():
    _, plain = run(GceConfig())
    _, later = run(GceConfig(truncation=0.9, plain_epochs=3))
    _, from_the_start = run(GceConfig(truncation=0.9, plain_epochs=0))
    assert torch.equal(later, plain)
    assert not torch.equal(from_the_start, plain)


def test_divergence_names_the_learning_rate_and_wrong_sizes_are_refused():
    with pytest.raises(JobError, match=r"learning rate of 10; lower finetune\.learning_rate"):
        run(CeConfig(), FinetuneConfig(epochs=30, optimizer="sgd", learning_rate=10.0))
    data = make_data()
    with pytest.raises(DataError, match="for testing have 3 labels; give one each"):
        ImageData(
            pixels=data.pixels,
            labels=data.labels,
            test_pixels=data.test_pixels,
            test_labels=data.test_labels[:3],
        )
