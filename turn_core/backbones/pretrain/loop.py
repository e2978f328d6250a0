"""The training loop of turn-mini: resumable, and able to end at a given time.

Progress runs from 0 to 1, by steps or by time, whichever is further; the learning rate follows it,
so a run on a slow or shared machine still ends with a complete schedule.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from turn_core.backbones.pretrain.augment import augment, jitter_boxes
from turn_core.backbones.pretrain.data import Split, crop, crop_boxes
from turn_core.backbones.pretrain.student import TRAIN_PX, Student, loss
from turn_core.backbones.pretrain.teacher import Teacher

_SAVE_EVERY = 120.0  # seconds
_LOG_EVERY = 50  # steps
_EVALUATE_EVERY = 4  # epochs


@dataclass(frozen=True, kw_only=True, slots=True)
class PretrainConfig:
    """The recipe."""

    epochs: int = 30
    """Passes over the images, at most."""
    hours: float | None = None
    """End the schedule after this much training time, even if epochs are left."""
    seed: int = 0
    """Of weights, order and augmentation."""
    batch: int = 128
    """Samples per step."""
    learning_rate: float = 2e-3
    """Peak of the cosine."""
    weight_decay: float = 0.05
    """AdamW's."""
    lr_warmup: float = 0.03
    """Share of the progress with a rising learning rate."""
    small_px: int = 48
    """Side of the crops at the start: the same crops, at half the cost."""
    small_share: float = 0.85
    """Share of the progress at `small_px`; after it 64 px."""
    box_jitter: float = 0.08
    """The student's crop strays from the teacher's by at most this share of its size."""
    ema_decay: float = 0.999
    """Of the averaged weights, which are the result."""


@dataclass(slots=True)
class Run:
    """Everything that a checkpoint holds."""

    student: Student
    average: Student
    optimizer: torch.optim.Optimizer
    step: int = 0
    seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)

    def save(self, path: Path) -> None:
        """Write the checkpoint in one step."""
        partial = path.with_suffix(".tmp")
        state: dict[str, Any] = {
            "student": self.student.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
            "history": self.history,
        }
        torch.save(state, partial)
        partial.replace(path)

    def load(self, path: Path) -> None:
        """Continue from a checkpoint of the same recipe."""
        state = torch.load(path, weights_only=True)
        self.student.load_state_dict(state["student"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds = state["step"], state["seconds"]
        self.history = state["history"]


def start(config: PretrainConfig, *, classes: int, teacher_dim: int) -> Run:
    """A fresh run: random weights from the seed, no decay on biases and norms."""
    torch.manual_seed(config.seed)
    student, average = Student(classes, teacher_dim), Student(classes, teacher_dim)
    average.load_state_dict(student.state_dict())
    average.requires_grad_(False)
    weights = [p for p in student.parameters() if p.ndim > 1]
    others = [p for p in student.parameters() if p.ndim <= 1]
    groups = [
        {"params": weights, "weight_decay": config.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=config.learning_rate, fused=True)
    return Run(student, average, optimizer)


def train(
    run: Run,
    data: tuple[Split, Split],
    teacher: Teacher,
    config: PretrainConfig,
    *,
    checkpoint: Path,
    log: Callable[[str], None],
) -> None:
    """Train until progress is 1; `data` is (training split, validation split)."""
    boxes = [
        crop_boxes(len(data[0].labels), seed=config.seed, view=view)
        for view in range(len(teacher.features))
    ]
    steps = max(1, len(data[0].labels) // config.batch)
    saved = time.monotonic()
    while (done := progress(run, config, steps)) < 1:
        began = time.monotonic()
        epoch, position = divmod(run.step, steps)
        rows, view = _batch_rows(len(data[0].labels), epoch, position, config, len(boxes))
        parts = _step(run, data[0], rows, (boxes[view], view), teacher, config, done)
        run.step += 1
        run.seconds += time.monotonic() - began
        if run.step % _LOG_EVERY == 0:
            log(_line(run, parts, done, epoch))
        if position == steps - 1 and (epoch + 1) % _EVALUATE_EVERY == 0:
            run.history.append({"epoch": epoch + 1, "accuracy": evaluate(run.average, data[1])})
            log(f"epoch {epoch + 1}: validation accuracy {run.history[-1]['accuracy']:.4f}")
        if time.monotonic() - saved > _SAVE_EVERY:
            run.save(checkpoint)
            saved = time.monotonic()
    run.history.append({"epoch": run.step / steps, "accuracy": evaluate(run.average, data[1])})
    run.save(checkpoint)


def progress(run: Run, config: PretrainConfig, steps_per_epoch: int) -> float:
    """How far the schedule is, 0..1."""
    by_steps = run.step / (config.epochs * steps_per_epoch)
    by_time = run.seconds / (config.hours * 3600) if config.hours else 0.0
    return max(by_steps, by_time)


def _batch_rows(
    count: int, epoch: int, position: int, config: PretrainConfig, views: int
) -> tuple[NDArray[np.int64], int]:
    """Rows of one batch in this epoch's order, and the view they are seen in."""
    order = np.random.default_rng((config.seed, 1, epoch)).permutation(count)
    rows = order[position * config.batch : (position + 1) * config.batch]
    return np.sort(rows), (epoch + position) % views


def _step(
    run: Run,
    split: Split,
    rows: NDArray[np.int64],
    seen: tuple[Tensor, int],
    teacher: Teacher,
    config: PretrainConfig,
    done: float,
) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(config.seed * 1_000_003 + run.step)
    flip = torch.rand(len(rows), generator=generator) < 0.5
    size = config.small_px if done < config.small_share else TRAIN_PX
    boxes = jitter_boxes(seen[0][rows], generator, strength=config.box_jitter)
    pixels = crop(split.batch(rows), boxes, size, flip)
    for group in run.optimizer.param_groups:
        group["lr"] = learning_rate(done, config)
    logits, predicted = run.student.train()(augment(pixels, generator))
    labels = torch.from_numpy(split.labels[rows])
    parts = loss(logits, predicted, labels, teacher.targets(seen[1], rows), teacher)
    run.optimizer.zero_grad(set_to_none=True)
    parts["total"].backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(run.student.parameters(), 1.0)
    run.optimizer.step()
    _follow(run, config)
    return parts


def learning_rate(done: float, config: PretrainConfig) -> float:
    """Linear warm-up, then a cosine to 1 % of the peak."""
    if done < config.lr_warmup:
        return config.learning_rate * max(done / config.lr_warmup, 1e-3)
    share = (done - config.lr_warmup) / (1 - config.lr_warmup)
    return config.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * share)))


@torch.no_grad()
def _follow(run: Run, config: PretrainConfig) -> None:
    """Move the average towards the student; faster at the start, when all is noise."""
    decay = min(config.ema_decay, (1 + run.step) / (10 + run.step))
    torch._foreach_lerp_(list(run.average.parameters()), list(run.student.parameters()), 1 - decay)


@torch.inference_mode()
def evaluate(student: Student, split: Split) -> float:
    """Accuracy of the class head on whole images."""
    student.eval()
    right = 0
    for start_row in range(0, len(split.labels), 250):
        rows = np.arange(start_row, min(start_row + 250, len(split.labels)))
        logits, _ = student(split.batch(rows).float() / 255)
        right += int((logits.argmax(dim=1).numpy() == split.labels[rows]).sum())
    return right / len(split.labels)


def _line(run: Run, parts: dict[str, Tensor], done: float, epoch: int) -> str:
    values = " ".join(f"{name} {value.item():.3f}" for name, value in parts.items())
    return f"step {run.step} epoch {epoch + 1} progress {done:.3f} {run.seconds:.0f} s: {values}"
