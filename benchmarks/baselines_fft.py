"""Full fine-tuning under CE, GCE and ELR: accuracy best / last on a clean held-out split.

scikit-learn's digits (nothing to download) with the embedded turn-mini: --images of them with
symmetric noise of --level, as many again for testing with their right labels, --epochs epochs
(5 in the TURN paper) by turn-mini's own optimiser and rate, from a head at zero. ELR by its
paper's settings and by those for short budgets. Seeds change noise, split and order.

    make bench NAME=baselines_fft ARGS="[--images 300] [--level 0.6]"
"""

import argparse
import time
from dataclasses import replace

import numpy as np
import torch
from sklearn.datasets import load_digits

from turn_core.backbones.classifier import Classifier
from turn_core.backbones.loading import load_backbone
from turn_core.backbones.precision import FP32
from turn_core.config import FinetuneConfig, NoiseConfig
from turn_core.methods import own_settings, run_fft, short_budget
from turn_core.methods.baseline import ImageData
from turn_core.noise import apply_noise
from turn_core.pixels import Geometry, to_geometry
from turn_core.presets import preset_for

ARMS = {
    "ce": own_settings("ce"),
    "gce": own_settings("gce"),
    "elr": short_budget("elr"),
    "elr, its paper's settings": own_settings("elr"),
}


class Digits:
    """Digits (N, 1, 8, 8) as grey images of the backbone's side."""

    def __init__(self, images: np.ndarray, geometry: Geometry) -> None:
        ink = torch.from_numpy((images * (255 / 16)).astype(np.uint8))
        self.images = ink[:, None].expand(-1, 3, -1, -1)
        self.geometry = geometry

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, rows: np.ndarray) -> torch.Tensor:
        """Return uint8 (B, 3, S, S)."""
        return to_geometry(self.images[torch.from_numpy(rows)], self.geometry)


def data_of(args: argparse.Namespace, geometry: Geometry, seed: int) -> ImageData:
    """A part with wrong labels and a part with right ones, drawn by the seed."""
    digits = load_digits()
    order = np.random.default_rng(seed).permutation(len(digits.target))[: 2 * args.images]
    trained, held = order[: args.images], order[args.images :]
    noise = NoiseConfig(kind="symmetric", level=args.level)
    return ImageData(
        pixels=Digits(digits.images[trained], geometry),
        labels=apply_noise(digits.target[trained], 10, noise, seed=seed).labels,
        test_pixels=Digits(digits.images[held], geometry),
        test_labels=digits.target[held].astype(np.int64),
    )


def model_of() -> Classifier:
    backbone = load_backbone("turn-mini", allow_hub=False)
    head = torch.nn.Linear(backbone.feature_dim, 10)
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.zeros_(head.bias)
    return Classifier(backbone, head)


def spread(values: list[float]) -> str:
    return f"{100 * np.mean(values):.1f} ({100 * min(values):.1f} to {100 * max(values):.1f})"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--images", type=int, default=300)
    parser.add_argument("--level", type=float, default=0.6)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    torch.set_num_threads(1)
    preset: FinetuneConfig = preset_for("turn-mini", backbone="turn-mini").finetune
    finetune = replace(preset, epochs=args.epochs, precision="fp32")
    print("| method | best | last | CPU seconds |")
    print("|---|---|---|---|")
    for title, config in ARMS.items():
        start, found = time.process_time(), []
        for seed in range(args.seeds):
            model = model_of()
            data = data_of(args, Geometry.of(model.backbone.spec), seed)
            found.append(run_fft(data, model, config, finetune, seed=seed, precision=FP32))
        seconds = (time.process_time() - start) / args.seeds
        best, last = (
            [getattr(one, f"{kind}_accuracy") for one in found] for kind in ("best", "last")
        )
        print(f"| {title} | {spread(best)} | {spread(last)} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
