"""When do losses prove that labels are wrong? The gate's evidence on clean and on noisy labels.

Losses of the GCE probe (defaults) on turn-mini's features of the digits and, with real data, of
PACS photo, and on DeiT-Tiny's of PACS photo and of the 20 classes of CIFAR-100 (superclasses 0, 4,
7 and 11). Wrong labels are injected (symmetric, without the true class) at 0, 10, 20 and 40 %;
every cell is the smallest and largest evidence over --seeds draws of samples and noise, and the
mean share flagged.

    [TURN_REAL_DATA=DIR] make bench NAME=gate_evidence ARGS="[--seeds 5]"
"""

import argparse
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import turn_mini_quality as quality

from turn_core import losses
from turn_core.backbones.loading import load_backbone
from turn_core.cleansing import clean_probability
from turn_core.config import CleansingConfig, ProbeConfig
from turn_core.linear_probe import fit_linear_probe

RATES = (0.0, 0.1, 0.2, 0.4)
PER_CLASS = 500


def main() -> None:
    options = _options()
    torch.set_num_threads(options.threads)
    bar = CleansingConfig().evidence
    print(f"The bar is {bar}. Evidence, smallest to largest [mean share flagged]:\n")
    print("| features | samples | " + " | ".join(f"{rate:.0%} wrong" for rate in RATES) + " |")
    print("|---|---|" + "---|" * len(RATES))
    for name, features, labels in feature_sets():
        for size in (200, 400, 1500, 10_000):
            if size < 2 * len(labels):
                cells = [cell(features, labels, size, rate, seeds=options.seeds) for rate in RATES]
                print(f"| {name} | {min(size, len(labels)):,} | {' | '.join(cells)} |", flush=True)


def cell(features: np.ndarray, labels: np.ndarray, size: int, rate: float, *, seeds: int) -> str:
    """Evidence over random subsets of `size`, as text."""
    found, flagged = [], []
    for seed in range(seeds):
        rows = np.random.default_rng(seed).permutation(len(labels))[:size]
        evidence, share = one(features[rows], labels[rows], rate, seed)
        found.append(evidence)
        flagged.append(share)
    return f"{min(found):.2f} to {max(found):.2f} [{np.mean(flagged):.0%}]"


def one(features: np.ndarray, true: np.ndarray, rate: float, seed: int) -> tuple[float, float]:
    """Return the evidence and the share of labels that are flagged."""
    rng = np.random.default_rng((seed, 1))
    num_classes, config = int(true.max()) + 1, CleansingConfig()
    wrong = rng.random(len(true)) < rate
    moved = (true + rng.integers(1, num_classes, len(true))) % num_classes
    labels = np.where(wrong, moved, true)
    probe = fit_linear_probe(features, labels, num_classes, ProbeConfig(), seed=seed)
    loss = losses.ce_loss(probe.logits(features), torch.from_numpy(labels)).numpy()
    found = clean_probability(loss, labels, num_classes, config)
    evidence = found.pooled.evidence_of_errors(num_classes=len(np.unique(labels)))
    return float(evidence[0]), float(np.mean(found.clean_probability <= config.threshold))


def feature_sets() -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield (name, features (N, D), true labels (N,)) of what is at hand."""
    mini = load_backbone("turn-mini", allow_hub=False)
    digits = quality.digits()
    yield "turn-mini, digits", quality.extract(mini, digits)[0], digits.labels
    if not (root := os.environ.get("TURN_REAL_DATA")):
        print("TURN_REAL_DATA is not set: the photographs are left out\n")
        return
    deit = load_backbone(f"{root}/weights/deit-tiny-patch16-224", allow_hub=False)
    photos = quality.pacs_photo(Path(root))
    yield "turn-mini, PACS photo", quality.extract(mini, photos)[0], photos.labels
    yield "DeiT-Tiny, PACS photo", quality.extract(deit, photos)[0], photos.labels
    cifar = quality.cifar(Path(root), PER_CLASS)
    train = len(cifar.splits[0][0])
    cifar = replace(cifar, images=cifar.images[:train], labels=cifar.labels[:train])
    yield "DeiT-Tiny, CIFAR-100 (20 classes)", quality.extract(deit, cifar)[0], cifar.labels


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=5)
    return parser.parse_args()


if __name__ == "__main__":
    main()
