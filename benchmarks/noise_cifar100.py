"""Noise models on CIFAR-100's 50,000 training labels: what each level truly does.

For every model and level, over --seeds seeds: expected and measured share of wrong labels, size
of the smallest and largest class afterwards, mean entropy of a row of the transition matrix,
shares of all wrong labels that go to the 1 and the 5 most frequent classes, the share that goes
to the most frequent one within a true class, and CPU seconds. Writes the matrices of the first seed
to --out, if given, as NumPy files.

    TURN_REAL_DATA=DIR make bench NAME=noise_cifar100 ARGS="[--seeds 3] [--out DIR]"
"""

import argparse
import io
import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from PIL import Image

from turn_core.config import NoiseConfig
from turn_core.noise import NoisyLabels, apply_noise

NUM_CLASSES = 100


def load(root: Path) -> tuple[np.ndarray, np.ndarray, tuple[int, ...]]:
    """Return pixels (50000, 3072) uint8, fine labels (50000,) and the superclass of each class."""
    pixels, labels = [], []
    for part in sorted((root / "cifar100").glob("train-*.parquet")):
        table = pq.read_table(part, columns=["image", "fine_label"]).to_pylist()
        labels += [row["fine_label"] for row in table]
        pixels += [
            np.asarray(Image.open(io.BytesIO(row["image"]["bytes"])).convert("RGB")).ravel()
            for row in table
        ]
    names = json.loads((root / "cifar100" / "classes.json").read_text())
    return np.stack(pixels), np.array(labels), tuple(names["coarse_of_fine"])


def settings(superclasses: tuple[int, ...]) -> list[NoiseConfig]:
    return [
        *(NoiseConfig(kind="symmetric", level=level) for level in (0.1, 0.6, 0.9)),
        *(NoiseConfig(kind="symmetric_excluding", level=level) for level in (0.1, 0.6, 0.9)),
        NoiseConfig(kind="asymmetric_block", level=0.4),
        NoiseConfig(kind="asymmetric_superclass", level=0.4, superclasses=superclasses),
        NoiseConfig(kind="asymmetric_next", level=0.4),
        *(NoiseConfig(kind="instance_cheng", level=level) for level in (0.1, 0.4, 0.9)),
        *(NoiseConfig(kind="instance_xia", level=level) for level in (0.1, 0.4, 0.9)),
    ]


def top_shares(found: NoisyLabels, true: np.ndarray) -> tuple[float, float, float]:
    """Shares of wrong labels in the 1 and 5 most frequent wrong classes, and within a class."""
    wrong = np.zeros((NUM_CLASSES, NUM_CLASSES))
    np.add.at(wrong, (true[found.flipped], found.labels[found.flipped]), 1)
    overall = np.sort(wrong.sum(axis=0))[::-1] / wrong.sum()
    within = (wrong.max(axis=1) / np.maximum(wrong.sum(axis=1), 1)).mean()
    return overall[0], overall[:5].sum(), float(within)


def measure(
    pixels: np.ndarray, true: np.ndarray, config: NoiseConfig, seeds: int
) -> tuple[list[NoisyLabels], float]:
    start = time.process_time()
    found = [
        apply_noise(true, NUM_CLASSES, config, seed=seed, inputs=pixels) for seed in range(seeds)
    ]
    return found, (time.process_time() - start) / seeds


def row(found: list[NoisyLabels], true: np.ndarray, config: NoiseConfig, seconds: float) -> str:
    sizes = np.bincount(true, minlength=NUM_CLASSES)
    expected = 1 - np.mean([np.diag(one.expected_transition) @ sizes for one in found]) / len(true)
    rates = [one.rate for one in found]
    shares = np.mean([top_shares(one, true) for one in found], axis=0)
    small = min(int(one.class_sizes.min()) for one in found)
    large = max(int(one.class_sizes.max()) for one in found)
    entropy = np.mean([one.entropy for one in found])
    return (
        f"| {config.kind} | {config.level} | {expected:.4f} | {min(rates):.4f} to {max(rates):.4f} "
        f"| {small} to {large} | {entropy:.2f} | {shares[0]:.3f}, {shares[1]:.3f} "
        f"| {shares[2]:.3f} | {seconds:.1f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    if not (root := os.environ.get("TURN_REAL_DATA")):
        sys.exit("Set TURN_REAL_DATA to a folder that holds cifar100/.")
    pixels, true, superclasses = load(Path(root))
    print(
        "| kind | level | expected rate | measured | class sizes | entropy "
        "| top 1, top 5 | top within | CPU s |\n|---|---|---|---|---|---|---|---|---|"
    )
    for config in settings(superclasses):
        found, seconds = measure(pixels, true, config, args.seeds)
        print(row(found, true, config, seconds), flush=True)
        if args.out:
            args.out.mkdir(parents=True, exist_ok=True)
            name = f"{config.kind}_{config.level}.npy"
            np.save(args.out / name, found[0].transition)


if __name__ == "__main__":
    main()
