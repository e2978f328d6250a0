"""What one attempt at a study needs, whatever it studies: images, progress, the same arithmetic."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import torch

from turn_core.backbones.precision import BF16, FP32, PrecisionChoice, fastest_precision
from turn_core.durable import write_json
from turn_core.methods.progress import OnEvent, StageProgress
from turn_core.pixels import Geometry
from turn_core.predictions import OnProgress, PixelSource


class OpenPixels(Protocol):
    """Gives the N drawn images in a geometry; `on_progress` as in `build_pixel_cache`."""

    def __call__(self, geometry: Geometry, on_progress: OnProgress) -> PixelSource:
        """Return the images in the order of the drawn samples."""
        ...


def fixed_precision(work: Path, device: torch.device) -> PrecisionChoice:
    """Return the arithmetic of the first attempt and set its threads; others give other last bits.

    `work` is the folder that all attempts share.
    """
    path = work / "arithmetic.json"
    if path.exists():
        plain = json.loads(path.read_text(encoding="utf-8"))
        torch.set_num_threads(plain["threads"])
    else:
        dtype = fastest_precision(str(device)).dtype
        plain = {"dtype": dtype, "threads": torch.get_num_threads()}
        write_json(path, plain)
    return BF16 if plain["dtype"] == "bf16" else FP32


def counter(stage: str, on_event: OnEvent, check: Callable[[], None]) -> OnProgress:
    """Return what tells how far a stage is, and stops it where `check` raises."""

    def on_progress(done: int, total: int) -> None:
        check()
        on_event(StageProgress(stage, done, total))

    return on_progress
