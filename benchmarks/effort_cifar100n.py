"""Share of wrong labels found after reviewing 10, 20 and 30 % of the data, on CIFAR-100N.

The 7,300 training images of superclasses 0, 4, 7 and 11 whose human label is one of their 20
classes (18 % wrong), and the 10,000 with symmetric noise; DeiT-Tiny's frozen features. TURN's
step 1 beside cleanlab's two scores (5-fold logistic regression on the same features), this
project's own confident-learning probabilities, random order and an oracle. TURN and the folds of
the second opinion are repeated with other seeds: mean and standard deviation.

    TURN_REAL_DATA=DIR make bench NAME=effort_cifar100n ARGS="[--finetune-epochs 4]"
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import detection_cifar100n as detection
import numpy as np
import torch
from detection_cifar100n import Setting
from harness import machine

from turn_core import estimates, scoring, second_opinion
from turn_core.config import TurnConfig
from turn_core.presets import preset_for

SHARES = (0.1, 0.2, 0.3)


def in_order(setting: Setting, clean: np.ndarray, loss: np.ndarray) -> np.ndarray:
    """Whether each label is wrong, the most suspicious first."""
    return (setting.labels != setting.true)[scoring.rank_order(clean, loss)]


def by_score(setting: Setting, score: np.ndarray) -> np.ndarray:
    """The same for a score whose low values are suspect."""
    return (setting.labels != setting.true)[np.argsort(score, kind="stable")]


def opinion(setting: Setting, features: np.ndarray, config: TurnConfig) -> np.ndarray:
    """Self-confidence (N,) by this project's cross-validated probe."""
    labels = setting.labels.astype(np.int64)
    fold = second_opinion.folds_of(labels, [f"{config.seed}/{row}" for row in setting.rows])
    probabilities, _ = second_opinion.out_of_sample(
        features, labels, 20, config.probe, fold,
        seed=config.seed, mask=np.ones(len(labels), bool), device=detection.CPU,
    )  # fmt: skip
    return scoring.self_confidence(probabilities, labels)


def row(setting: str, method: str, orders: Sequence[np.ndarray]) -> None:
    """One line of the table: a mean, and a deviation where there are several orders."""
    found = np.array([estimates.share_found(order, SHARES) for order in orders], float)
    saved = np.array([estimates.effort_saved(order) for order in orders], float)
    curves = [
        estimates.effort_curve(order, total_errors=order.sum(), num_samples=len(order))
        for order in orders
    ]
    efficiency = np.array([curve.efficiency for curve in curves], float)
    cells = [*found.T, efficiency, saved]
    told = [
        f"{values.mean():.3f}" + (f" ± {values.std(ddof=1):.3f}" if len(values) > 1 else "")
        for values in cells
    ]
    print(f"| {setting} | {method} | {' | '.join(told)} |", flush=True)


def report(setting: Setting, features: np.ndarray, args: argparse.Namespace) -> None:
    own = features[setting.rows]
    wrong = setting.labels != setting.true
    configs = [replace(args.config, seed=seed) for seed in range(args.seeds)]
    steps = [detection.step1(own, setting.labels, config) for config in configs]
    row(
        setting.name,
        "TURN step 1",
        [in_order(setting, found.clean_probability, loss) for found, loss in steps],
    )
    if args.finetune_epochs:
        finetune = replace(args.config.finetune, epochs=args.finetune_epochs)
        config = replace(args.config, finetune=finetune)
        result = detection.step2(setting, args.images, own, config, args.weights)
        row(setting.name, "TURN step 2", [in_order(setting, result.clean_probability, result.loss)])
    confidence, margin = detection.cleanlab_scores(own, setting.labels)
    row(setting.name, "cleanlab self-confidence", [by_score(setting, confidence)])
    row(setting.name, "cleanlab normalized margin", [by_score(setting, margin)])
    views = [opinion(setting, own, config) for config in configs]
    row(setting.name, "second opinion", [by_score(setting, view) for view in views])
    chance = [np.random.default_rng(seed).permutation(wrong) for seed in range(20)]
    row(setting.name, "random", chance)
    row(setting.name, "oracle", [np.sort(wrong)[::-1]])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--finetune-epochs", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", default="", help="settings whose name starts with this")
    parser.add_argument("--features", type=Path, help=".npy of the 10,000 features, if at hand")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "turn-bench")
    args = parser.parse_args()
    if not (root := os.environ.get("TURN_REAL_DATA")):
        sys.exit("set TURN_REAL_DATA to the folder with cifar100/ and weights/")
    torch.set_num_threads(1)
    args.weights = Path(root) / "weights" / "deit-tiny-patch16-224"
    args.config = preset_for("local", backbone=str(args.weights), seed=0)
    pixels, true, human = detection.load(Path(root))
    args.images = detection.Images(pixels, detection.load_spec(args.weights))
    features = (
        np.load(args.features) if args.features else detection.cached_features(args.images, args)
    )
    print(f"{machine()}; {args.seeds} seeds\n")
    print("| labels | order | 10 % | 20 % | 30 % | efficiency | effort saved |")
    print("|---|---|---|---|---|---|---|")
    for setting in detection.settings(true, human, 0):
        if setting.name.startswith(args.only):
            report(setting, features, args)


if __name__ == "__main__":
    main()
