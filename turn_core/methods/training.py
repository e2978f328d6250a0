"""The model of a run, its optimiser and its checkpoints: an epoch that survives a kill or a NaN."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from turn_core.backbones.classifier import Classifier
from turn_core.backbones.precision import BF16, FP32, PrecisionChoice, fastest_precision
from turn_core.checkpoint import Checkpoint, CheckpointFolder, pack_optimizer, unpack_optimizer
from turn_core.config import TurnConfig
from turn_core.errors import JobError
from turn_core.finetune import Finetuner, NonFiniteLossError, Position
from turn_core.methods.run_state import RunState
from turn_core.predictions import OnProgress, PixelSource
from turn_core.seeds import derive

CHECKPOINT_SECONDS = 30.0
"""Between two checkpoints within an epoch, unless writing one takes long: see CHECKPOINT_SHARE."""
CHECKPOINT_SHARE = 0.05
"""Writing checkpoints takes at most about this share of the time."""


class Training:
    """Holds the state of a run; made anew, it goes on at the newest whole checkpoint."""

    def __init__(self, config: TurnConfig, device: torch.device, folder: Path) -> None:
        self.config, self.device = config, device
        self.checkpoints = CheckpointFolder(folder)
        self._found = self.checkpoints.newest()
        self._saved_at, self._save_seconds = time.monotonic(), 0.0
        if self._found is None:
            precision = choose_precision(config, device)
            self.state = RunState(precision=precision, threads=torch.get_num_threads())
            self.save()
        else:
            self.state = RunState.restore(self._found, device)
            torch.set_num_threads(self.state.threads)  # other sums would give other last bits
            self._tell_resume(self._found)

    def attach(self, model: Classifier, pixels: PixelSource, labels: NDArray[np.int64]) -> None:
        """Take the model to train; after a resume, give it the weights of the checkpoint."""
        self.model, self.pixels, self.labels = model, pixels, labels
        self._prepare(self._found)
        self._found = None

    def save(self, *, anchor: bool = False) -> None:
        """Write a checkpoint; the newest anchor is where a diverged epoch starts again."""
        start = time.monotonic()
        groups = self.state.to_groups()
        if hasattr(self, "model"):
            groups["model"] = dict(self.model.state_dict())
            groups["optimizer"] = pack_optimizer(self.finetuner.optimizer)
        self.checkpoints.save(self.state.to_json(), groups, anchor=anchor)
        self._saved_at = time.monotonic()
        self._save_seconds = self._saved_at - start

    def run_epoch(
        self,
        subset: NDArray[np.int64],
        names: Sequence[str],
        on_progress: OnProgress,
        check: Callable[[], None],
    ) -> float:
        """Train for the rest of the epoch under way and return its mean loss.

        Where the loss is not finite the epoch starts again at half the learning rate, once a run.

        Raises:
            JobError: it happened again; the message names samples.
        """
        while True:
            try:
                return self._run_epoch(subset, on_progress, check)
            except NonFiniteLossError as error:
                anchor = self.checkpoints.newest_anchor()
                if anchor is None or self.state.learning_rate_scale < 1:
                    raise self._diverged([names[row] for row in error.rows]) from error
                self._back_off(anchor)

    def _run_epoch(
        self, subset: NDArray[np.int64], on_progress: OnProgress, check: Callable[[], None]
    ) -> float:
        def on_step(position: Position, steps: int) -> None:
            on_progress(position.seen, len(subset))
            pause = max(CHECKPOINT_SECONDS, self._save_seconds / CHECKPOINT_SHARE)
            if time.monotonic() - self._saved_at > pause and position.step < steps:
                self.save()

        position = self.state.position
        on_progress(position.seen, len(subset))
        self.finetuner.run_epoch(subset, self.state.epoch, position, on_step, check=check)
        loss = position.mean_loss
        self.state.epoch, self.state.position = self.state.epoch + 1, Position()
        self.save()
        return loss

    def _prepare(self, checkpoint: Checkpoint | None) -> None:
        self.finetuner = Finetuner(
            self.model,
            self.pixels,
            self.labels,
            self.config.finetune,
            seed=derive(self.config.seed, "finetune"),
            precision=self.state.precision,
            learning_rate_scale=self.state.learning_rate_scale,
        )
        if checkpoint is not None and "model" in checkpoint.groups:
            self.model.load_state_dict(checkpoint.groups["model"])
            unpack_optimizer(self.finetuner.optimizer, checkpoint.groups["optimizer"])

    def _back_off(self, anchor: Checkpoint) -> None:
        times, self.state = self.state.times, RunState.restore(anchor, self.device)
        self.state.times = times
        self.state.learning_rate_scale = 0.5
        self.state.notes.append(
            f"Epoch {self.state.epoch + 1} diverged and was run again at half the learning rate."
        )
        self._prepare(anchor)
        self.save(anchor=True)

    def _diverged(self, names: Sequence[str]) -> JobError:
        rate = self.config.finetune.learning_rate
        return JobError(
            f"training diverged twice, the second time at half the learning rate of {rate:g}, on "
            f"{', '.join(names[:5])}{' and others' if len(names) > 5 else ''}; lower "
            "finetune.learning_rate or exclude these samples"
        )

    def _tell_resume(self, found: Checkpoint) -> None:
        notes = self.state.notes
        notes.append(f"The run was interrupted and went on in epoch {self.state.epoch + 1}.")
        if self.checkpoints.damaged:
            damaged = ", ".join(self.checkpoints.damaged)
            notes.append(f"Damaged checkpoints were passed over: {damaged}; used {found.name}.")


def choose_precision(config: TurnConfig, device: torch.device) -> PrecisionChoice:
    """Return the arithmetic that the config asks for; `auto` measures.

    bf16 is one choice, whatever fp32 products would have run in: the name of cached features
    follows from it.
    """
    wanted = config.finetune.precision
    if wanted == "auto":
        found = fastest_precision(str(device))
        return BF16 if found.dtype == "bf16" else found
    return BF16 if wanted == "bf16" else FP32
