"""The state of a TURN run between any two steps, and its way to a checkpoint and back."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from turn_core.backbones.precision import PrecisionChoice
from turn_core.checkpoint import Checkpoint
from turn_core.finetune import Position
from turn_core.linear_probe import LinearProbe
from turn_core.methods.progress import StageTimes
from turn_core.predictions import Predictions

_ARRAYS = ("loss", "given_probability", "top_class", "top_probability")


@dataclass(slots=True)
class RunState:
    """Everything that a resumed run needs beside the weights and the optimiser.

    `epoch` is the one under way (from 0); its pass is done when there are more passes than epochs
    before it.
    """

    precision: PrecisionChoice
    threads: int
    epoch: int = 0
    position: Position = field(default_factory=Position)
    learning_rate_scale: float = 1.0
    probe: LinearProbe | None = None
    alternatives: Tensor | None = None
    """(K, K) turn-plus: see `noise_aware_probe.NoiseAwareProbe`."""
    passes: list[Predictions] = field(default_factory=list)
    clean_probability: list[NDArray[np.float32]] = field(default_factory=list)
    selected: list[NDArray[np.bool_]] = field(default_factory=list)
    times: StageTimes = field(default_factory=StageTimes)
    notes: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return the plain part."""
        return {
            "precision": {"dtype": self.precision.dtype, "matmul": self.precision.matmul},
            "threads": self.threads,
            "epoch": self.epoch,
            "position": asdict(self.position),
            "learning_rate_scale": self.learning_rate_scale,
            "times": self.times.rows(),
            "notes": self.notes,
        }

    def to_groups(self) -> dict[str, dict[str, Tensor]]:
        """Return the arrays, by file and name."""
        groups: dict[str, dict[str, Tensor]] = {}
        if self.probe is not None:
            groups["probe"] = {"weight": self.probe.weight, "bias": self.probe.bias}
            if self.alternatives is not None:
                groups["probe"]["alternatives"] = self.alternatives
        arrays: dict[str, NDArray[Any]] = {}
        for number, predictions in enumerate(self.passes):
            arrays |= {f"{number}.{name}": getattr(predictions, name) for name in _ARRAYS}
        arrays |= {f"{n}.clean_probability": a for n, a in enumerate(self.clean_probability)}
        arrays |= {f"{n}.selected": a for n, a in enumerate(self.selected)}
        if arrays:
            groups["passes"] = {name: torch.from_numpy(a) for name, a in arrays.items()}
        return groups

    @classmethod
    def restore(cls, checkpoint: Checkpoint, device: torch.device) -> "RunState":
        """Read the state back; the weights and the optimiser are for the caller to load."""
        plain, probe = checkpoint.state, checkpoint.groups.get("probe")
        arrays = {n: t.numpy() for n, t in checkpoint.groups.get("passes", {}).items()}
        passes = [
            Predictions(*(arrays[f"{number}.{name}"] for name in _ARRAYS))
            for number in range(_count(arrays, "loss"))
        ]
        return cls(
            precision=PrecisionChoice(**plain["precision"]),
            threads=plain["threads"],
            epoch=plain["epoch"],
            position=Position(**plain["position"]),
            learning_rate_scale=plain["learning_rate_scale"],
            probe=None
            if probe is None
            else LinearProbe(probe["weight"].to(device), probe["bias"].to(device)),
            alternatives=None
            if probe is None or "alternatives" not in probe
            else probe["alternatives"].to(device),
            passes=passes,
            clean_probability=_series(arrays, "clean_probability"),
            selected=_series(arrays, "selected"),
            times=StageTimes(plain["times"]),
            notes=plain["notes"],
        )


def _count(arrays: Mapping[str, NDArray[Any]], name: str) -> int:
    return sum(key.endswith(f".{name}") for key in arrays)


def _series(arrays: Mapping[str, NDArray[Any]], name: str) -> list[NDArray[Any]]:
    return [arrays[f"{number}.{name}"] for number in range(_count(arrays, name))]
