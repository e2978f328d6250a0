"""Several processes that train one model together: here threads, whose sums meet in memory."""

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch.testing import assert_close
from training_toys import ArrayPixels, coloured_squares, make_classifier

from turn_core.backbones.precision import FP32
from turn_core.config import FinetuneConfig
from turn_core.errors import ConfigError, JobError
from turn_core.finetune import Finetuner, NonFiniteLossError, Position, Share
from turn_core.methods import run_fft
from turn_core.methods.baseline import ImageData
from turn_core.methods.configs import CeConfig, ElrConfig, GceConfig
from turn_core.predictions import PixelRows

pytestmark = pytest.mark.usefixtures("one_thread")
CONFIG = FinetuneConfig(
    epochs=2, batch_size=16, micro_batch_size=8, learning_rate=0.005, lr_warmup=0.0
)
IMAGES, GIVEN, TRUE = coloured_squares(60, noise=0.2)
TRAIN, TEST = np.arange(45), np.arange(45, 60)
DATA = ImageData(
    pixels=PixelRows(ArrayPixels(IMAGES), TRAIN),
    labels=GIVEN[TRAIN],
    test_pixels=PixelRows(ArrayPixels(IMAGES), TEST),
    test_labels=TRUE[TEST],
)


class Meeting:
    """Adds up what `size` threads bring."""

    def __init__(self, size):
        self.barrier, self.brought = threading.Barrier(size, timeout=240), {}

    def add_up(self, rank):
        def run(tensors):
            self.brought[rank] = [tensor.clone() for tensor in tensors]
            self.barrier.wait()
            for place, tensor in enumerate(tensors):
                tensor.copy_(sum(self.brought[r][place] for r in sorted(self.brought)))
            self.barrier.wait()

        return run


CE = CeConfig()


def together(size, config=CE, finetune=CONFIG):
    """Run all shares at once; return what each came to: (result or error, weights)."""
    meeting, found = Meeting(size), {}
    models = [make_classifier() for _ in range(size)]  # not in the threads: one generator for all

    def work(rank):
        model = models[rank]
        share = Share(rank, size, meeting.add_up(rank))
        try:
            result = run_fft(DATA, model, config, finetune, seed=2, precision=FP32, share=share)
        except JobError as error:
            result = error
        found[rank] = result, torch.cat([p.detach().flatten() for p in model.parameters()])

    threads = [threading.Thread(target=work, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [found[rank] for rank in range(size)]


@pytest.mark.parametrize("config", [CE, GceConfig()])
def test_two_come_to_the_weights_and_the_curve_of_one(config):
    model = make_classifier()
    alone = run_fft(DATA, model, config, CONFIG, seed=2, precision=FP32)
    weights = torch.cat([p.detach().flatten() for p in model.parameters()])
    (first, first_weights), (second, second_weights) = together(2, config)
    assert torch.equal(first_weights, second_weights)
    assert_close(first_weights, weights, atol=1e-5, rtol=1e-4)
    assert first.curve == second.curve == alone.curve
    assert_allclose(first.pred_probs, alone.pred_probs, atol=1e-4)


def test_one_without_a_piece_of_the_step_still_takes_it():
    whole = replace(CONFIG, micro_batch_size=16)  # one piece for two
    (_, first), (_, second) = together(2, finetune=whole)
    assert torch.equal(first, second)


def test_all_hear_of_a_loss_that_is_not_finite():
    wild = replace(CONFIG, learning_rate=10.0, optimizer="sgd", epochs=30)
    for result, _ in together(2, finetune=wild):
        assert isinstance(result, JobError)
        assert "diverged" in str(result)


def test_targets_of_elr_are_not_shared():
    with pytest.raises(ConfigError, match="choose ce or gce"):
        run_fft(
            DATA, make_classifier(), ElrConfig(), CONFIG, seed=2, precision=FP32, share=Share(0, 2)
        )


def test_a_step_that_diverged_leaves_the_next_tuner_no_gradients():
    model = make_classifier()

    pieces = []

    def second_breaks(logits, labels, rows):
        pieces.append(rows)
        return logits.sum(dim=1) * (torch.inf if len(pieces) > 1 else 1.0)

    tuner = Finetuner(
        model, DATA.pixels, DATA.labels, CONFIG, seed=0, precision=FP32, loss=second_breaks
    )
    with pytest.raises(NonFiniteLossError):
        tuner.run_epoch(TRAIN, 0, Position(), lambda *_: None)
    assert any(p.grad is not None for p in model.parameters())
    Finetuner(model, DATA.pixels, DATA.labels, CONFIG, seed=0, precision=FP32)
    assert all(p.grad is None for p in model.parameters())
