"""TURN: linear probe, then rounds of cleansing and full fine-tuning (Ahn et al., IJCAI 2024).

Reads like Algorithm 1 of the paper; `turn_run.TurnRun` holds the steps, and the state between them.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import torch

from turn_core.backbones.loading import Backbone
from turn_core.config import TurnConfig
from turn_core.methods.progress import OnEvent
from turn_core.methods.records import TurnData, TurnResult
from turn_core.methods.turn_plus import TurnPlusRun
from turn_core.methods.turn_run import TurnRun

METHODS: Mapping[str, type[TurnRun]] = {"turn": TurnRun, "turn-plus": TurnPlusRun}
"""What `config.method` may say: the steps are the same, some of them done otherwise."""


def run_turn(
    data: TurnData,
    config: TurnConfig,
    *,
    backbone: Backbone | None,
    device: torch.device,
    checkpoint_dir: Path,
    on_event: OnEvent = lambda event: None,
    check: Callable[[], None] = lambda: None,
) -> TurnResult:
    """Score every sample and train a model on the samples that look clean.

    Args:
        data: N samples in K classes.
        config: a complete one; `config.device` and `config.backbone` are for the caller.
        backbone: on the CPU; it is moved to `device` and trained in place. May be None where
            `data.features` are given and `config.finetune.epochs` is 0.
        device: see `devices.resolve`.
        checkpoint_dir: of this run alone. A run that was killed goes on from there and gives the
            same result; the caller removes it once the result is safe.
        on_event: receives stages, steps and points of curves.
        check: called at every step; may raise to stop.

    Raises:
        DataError: the backbone or the pixels are missing.
        JobError: training diverged twice; the message names samples.
        ResourceError: the disk has no room for features or a checkpoint.
    """
    run = METHODS[config.method](data, config, backbone, device, checkpoint_dir, on_event, check)
    # Step 1: a linear probe on frozen features.
    features = run.extract_features()
    probe = run.fit_probe(features)
    run.build_model(probe)
    # Step 2: cleansing and full fine-tuning in turns.
    for epoch in range(run.epoch, config.finetune.epochs):
        if run.is_pass_due():
            run.select(run.cleanse(run.predict(probe, features)))
        run.finetune(epoch)
    run.cleanse(run.predict(probe, features))
    return run.result(probe, features)


def stage_names(epochs: int) -> list[str]:
    """Return the stages of a run in order, as `on_event` names them."""
    return TurnRun.stage_names(epochs)
