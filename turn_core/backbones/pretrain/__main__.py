"""`python -m turn_core.backbones.pretrain`: train turn-mini, write a Hugging Face folder."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

import torch

from turn_core.backbones.pretrain import loop
from turn_core.backbones.pretrain.data import load_split
from turn_core.backbones.pretrain.export import export
from turn_core.backbones.pretrain.teacher import load_teacher

_log = logging.getLogger("turn_core.pretrain")


def main(arguments: Sequence[str] | None = None) -> None:
    """Decode, ask the teacher, train, export; every stage resumes from `OUT/work`."""
    options = _options(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(options.threads)
    work: Path = options.out / "work"
    config = loop.PretrainConfig(epochs=options.epochs, hours=options.hours, seed=options.seed)
    data = (
        load_split(options.data, "train", work),
        load_split(options.data, "validation", work),
    )
    teacher = load_teacher(
        options.teacher, data[0], work, views=options.views, seed=config.seed, log=_log.info
    )
    classes = int(data[0].labels.max()) + 1
    run = loop.start(config, classes=classes, teacher_dim=len(teacher.mean))
    checkpoint = work / "checkpoint.pt"
    if checkpoint.exists():
        run.load(checkpoint)
        _log.info("resumed at step %d", run.step)
    loop.train(run, data, teacher, config, checkpoint=checkpoint, log=_log.info)
    export(run, options.out)
    _log.info("wrote %s, validation accuracy %.4f", options.out, run.history[-1]["accuracy"])


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m turn_core.backbones.pretrain")
    add = parser.add_argument
    add("--data", type=Path, required=True, help="folder of the Tiny-ImageNet parquet files")
    add("--teacher", type=Path, required=True, help="Hugging Face folder of DeiT-Tiny")
    add("--out", type=Path, required=True, help="folder of the result; resumes from OUT/work")
    add("--epochs", type=int, default=30)
    add("--hours", type=float, default=None, help="end the schedule after this training time")
    add("--views", type=int, default=2, help="fixed crops per image that the teacher describes")
    add("--seed", type=int, default=0)
    add("--threads", type=int, default=1)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
