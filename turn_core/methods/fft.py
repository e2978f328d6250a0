"""Full fine-tuning under the losses of CE, GCE and ELR, the FFT arms of the TURN paper.

The loop of TURN's second step (`finetune.Finetuner`) on all samples and under another loss.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from turn_core.backbones.classifier import Classifier
from turn_core.backbones.precision import PrecisionChoice
from turn_core.config import FinetuneConfig
from turn_core.errors import ConfigError, JobError
from turn_core.finetune import ALONE, Finetuner, NonFiniteLossError, Position, Share
from turn_core.methods.baseline import AccuracyCurve, ImageData, MethodResult, OnEpoch
from turn_core.methods.by_loss import Objective
from turn_core.methods.ce import CrossEntropy
from turn_core.methods.configs import CeConfig, ElrConfig, GceConfig
from turn_core.methods.elr import EarlyLearning
from turn_core.methods.gce import GeneralizedCrossEntropy
from turn_core.predictions import PixelSource, forward, read_ahead, runs_of, to_device


def run_fft(  # noqa: PLR0913 - what to train on, how, and whom to tell
    data: ImageData,
    model: Classifier,
    config: CeConfig | GceConfig | ElrConfig,
    finetune: FinetuneConfig,
    *,
    seed: int,
    precision: PrecisionChoice,
    on_epoch: OnEpoch | None = None,
    check: Callable[[], None] = lambda: None,
    share: Share = ALONE,
) -> MethodResult:
    """Train all weights of `model`, in place and where it is, under the loss of `config`.

    `config.head` plays no part: epochs, optimiser and augmentation are those of `finetune`. `check`
    is called at every step and may raise to stop. Several processes, each with its `share` and the
    same arguments otherwise, train one model and return the same result.

    Raises:
        JobError: the loss is not finite.
        ConfigError: ELR was to be shared: its targets are those that a process has seen itself.
    """
    objective = _objective(config, len(data.labels), model, share)
    tuner = Finetuner(
        model,
        data.pixels,
        data.labels,
        finetune,
        seed=seed,
        precision=precision,
        loss=objective,
        share=share,
    )
    curve, everyone = AccuracyCurve(data.test_labels, on_epoch), np.arange(len(data.labels))
    for epoch in range(finetune.epochs):
        try:
            tuner.run_epoch(everyone, epoch, Position(), lambda *_: None, check=check)
        except NonFiniteLossError as error:
            raise JobError(
                f"fine-tuning diverged in epoch {epoch + 1} at a learning rate of "
                f"{finetune.learning_rate:g}; lower finetune.learning_rate"
            ) from error
        objective.epochs_done = epoch + 1
        curve.add(_logits(model, data.test_pixels, finetune, precision, share))
    return curve.result(_logits(model, data.pixels, finetune, precision, share))


def _objective(
    config: CeConfig | GceConfig | ElrConfig, num_samples: int, model: Classifier, share: Share
) -> Objective:
    match config:
        case CeConfig():
            return CrossEntropy()
        case GceConfig():
            return GeneralizedCrossEntropy(config)
        case ElrConfig():
            if share.size > 1:
                raise ConfigError(
                    "ELR keeps a target per sample in one process; choose ce or gce to share"
                )
            head = model.head
            return EarlyLearning(config, num_samples, head.out_features, head.weight.device)


@torch.inference_mode()
def _logits(
    model: Classifier,
    pixels: PixelSource,
    config: FinetuneConfig,
    precision: PrecisionChoice,
    share: Share,
) -> Tensor:
    """Return logits (N, K) in evaluation mode, without augmentation, on the CPU."""
    model.eval()
    device = next(model.parameters()).device
    batches = list(runs_of(0, len(pixels), config.micro_batch_size))[share.rank :: share.size]
    out = torch.zeros(len(pixels), model.head.out_features)
    for rows, images in zip(batches, read_ahead(pixels, batches)):
        normal = model.backbone.normalise(to_device(images, device))
        out[rows] = forward(model, normal, precision).cpu()
    share.add_up([out])
    return out
