"""turn-plus against TURN and cleanlab on real images, and what each of its parts brings.

CIFAR-100's 10,000 training images of superclasses 0, 4, 7 and 11 (20 classes), features of
DeiT-Tiny or --backbone, step 1 alone: average precision of the order of review, purity of the
most probable labels (as many as are right), noise estimate, and the head's accuracy on the 2,000
test images. Human labels of CIFAR-100N (of 7,300 samples; from the second seed on nine tenths of
them, drawn anew), symmetric noise of 60 % and 90 %, asymmetric 40 % by blocks and superclasses,
instance-dependent 40 % after Cheng and Xia, and no noise. A seed changes noise and order.

    TURN_REAL_DATA=DIR make bench NAME=turn_plus ARGS="[--seeds 3] [--only human] [--ablation]"
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

import baselines_lp
import detection_cifar100n as detection
import numpy as np
import torch

from turn_core import losses, noise_aware_probe
from turn_core.backbones.loading import Backbone, load_backbone
from turn_core.backbones.precision import PrecisionChoice
from turn_core.cleansing import clean_probability
from turn_core.config import NoiseConfig, TurnConfig
from turn_core.features import extract_features, features_key
from turn_core.linear_probe import fit_linear_probe
from turn_core.metrics import detection_report
from turn_core.noise import apply_noise
from turn_core.noise_aware_probe import fit_noise_aware_probe
from turn_core.presets import preset_for
from turn_core.scoring import rank_order

NUM_CLASSES = 20
KINDS = {
    "symmetric 60 %": {"kind": "symmetric", "level": 0.6},
    "symmetric 90 %": {"kind": "symmetric", "level": 0.9},
    "asymmetric 40 %, blocks": {"kind": "asymmetric_block"},
    "asymmetric 40 %, superclass": {"kind": "asymmetric_superclass"},
    "instance 40 %, Cheng": {"kind": "instance_cheng"},
    "instance 40 %, Xia": {"kind": "instance_xia"},
    "no noise": {"kind": "symmetric", "level": 0.0},
}


class Data:
    """Features and labels of training and test images, read once."""

    def __init__(self, root: Path, args: argparse.Namespace) -> None:
        self.images, self.true, self.human = detection.load(root)
        test_images, self.test_true = baselines_lp.read(root, "test")
        backbone = load_backbone(
            args.backbone or str(root / "weights/deit-tiny-patch16-224"), allow_hub=False
        )
        self.superclasses = superclasses(root)
        key = "cifar100-superclasses-0-4-7-11"
        self.features = features_of(backbone, self.images, key, args.cache)
        self.test = features_of(backbone, test_images, f"{key}-test", args.cache)
        self.config = preset_for(backbone.spec.preset, backbone=backbone.spec.name)

    def labels(self, name: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """The rows that take part, and their given labels."""
        if name == "human labels":
            rows = np.flatnonzero(self.human >= 0)
            if seed:
                drawn = np.random.default_rng(seed).permutation(rows)
                rows = np.sort(drawn[: 9 * len(rows) // 10])
            return rows, self.human[rows].astype(np.int64)
        config = NoiseConfig(superclasses=self.superclasses, **KINDS[name])
        noisy = apply_noise(self.true, NUM_CLASSES, config, seed=seed, inputs=self.images)
        return np.arange(len(self.true)), noisy.labels


def superclasses(root: Path) -> tuple[int, ...]:
    """The superclass of each of the 20 classes, in the order of their numbers."""
    import json

    names = json.loads((root / "cifar100/classes.json").read_text())
    return tuple(c for c in names["coarse_of_fine"] if c in detection.SUPERCLASSES)


def features_of(backbone: Backbone, images: np.ndarray, key: str, cache: Path) -> np.ndarray:
    precision = PrecisionChoice("bf16", "highest")
    path = cache / f"{features_key(backbone, key, precision)}.npy"
    source = detection.Images(images, backbone.spec)
    return np.array(
        extract_features(backbone, source, path=path, batch_size=64, precision=precision)
    )


Arm = Callable[[Data, np.ndarray, np.ndarray, int], tuple[np.ndarray, float | None]]
"""From data, rows, labels and seed: the loss (N,) and the head's test accuracy."""


def accuracy(data: Data, head: object) -> float:
    top = head.logits(data.test).argmax(dim=1).numpy()
    return float(np.mean(top == data.test_true))


def turn(data: Data, rows: np.ndarray, labels: np.ndarray, seed: int) -> tuple:
    """TURN's step 1."""
    features = data.features[rows]
    head = fit_linear_probe(features, labels, NUM_CLASSES, data.config.probe, seed=seed)
    loss = losses.ce_loss(head.logits(features), torch.from_numpy(labels)).numpy()
    return loss, accuracy(data, head)


def plus(
    data: Data, rows: np.ndarray, labels: np.ndarray, seed: int, *, judge: bool = True
) -> tuple:
    """turn-plus's; with `judge` off labels are judged by plain cross entropy."""
    features, given = data.features[rows], torch.from_numpy(labels)
    found = fit_noise_aware_probe(features, labels, NUM_CLASSES, data.config.probe, seed=seed)
    weights = found.alternatives if judge else torch.zeros_like(found.alternatives)
    loss = losses.weighted_ce_loss(found.head.logits(features), given, weights).numpy()
    return loss, accuracy(data, found.head)


def cleanlab(data: Data, rows: np.ndarray, labels: np.ndarray, seed: int) -> tuple:
    """Self-confidence by 5-fold logistic regression."""
    return -detection.cleanlab_scores(data.features[rows], labels)[0], None


def without(**changes: object) -> Arm:
    """turn-plus with names of its module replaced."""

    def arm(data: Data, rows: np.ndarray, labels: np.ndarray, seed: int) -> tuple:
        with ExitStack() as stack:
            for name, value in changes.items():
                stack.enter_context(patch.object(noise_aware_probe, name, value))
            return plus(data, rows, labels, seed)

    return arm


ARMS: dict[str, Arm] = {"cleanlab": cleanlab, "TURN": turn, "turn-plus": plus}
PARTS: dict[str, Arm] = {
    "T not learnt from: plain GCE, T for judging": without(
        warmup_epochs=lambda config, _: config.epochs
    ),
    "T not judged by: plain cross entropy": lambda *given: plus(*given, judge=False),
    "classes not weighted": without(_class_weights=lambda _, size, __: torch.ones(size)),
    "warm-up of a quarter of the epochs": without(
        warmup_epochs=lambda config, _: config.epochs // 4
    ),
    "warm-up of half": without(warmup_epochs=lambda config, _: config.epochs // 2),
    "prior of 20 samples": without(PRIOR_SAMPLES=20.0),
}


def measure(data: Data, name: str, seed: int, arm: Arm) -> dict[str, float]:
    rows, labels = data.labels(name, seed)
    wrong = labels != data.true[rows]
    start = time.process_time()
    loss, test_accuracy = arm(data, rows, labels, seed)
    seconds = time.process_time() - start
    ranked = ranking(loss, labels, data.config)
    clean, estimate, threshold = (
        ranked if arm is not cleanlab else (np.full(len(loss), 0.5), None, 0)
    )
    report = detection_report(clean, wrong, threshold=threshold, losses=loss)
    order = rank_order(clean, loss)[::-1]
    nan = float("nan")
    return {
        "AP": nan if report.average_precision is None else report.average_precision,
        "AUROC": nan if report.auroc is None else report.auroc,
        "purity": float(1 - wrong[order[: int((~wrong).sum())]].mean()),
        "noise": nan if estimate is None else estimate,
        "rate": float(wrong.mean()),
        "accuracy": nan if test_accuracy is None else test_accuracy,
        "seconds": seconds,
    }


def ranking(
    loss: np.ndarray, labels: np.ndarray, config: TurnConfig
) -> tuple[np.ndarray, float | None, float]:
    found = clean_probability(loss, labels, NUM_CLASSES, config.cleansing)
    rate = found.noise_rate.value if found.noise_rate else None
    return found.clean_probability, rate, config.cleansing.threshold


def rows_of(found: list[dict[str, float]]) -> Iterator[str]:
    """Cells: mean (smallest to largest)."""
    for name, digits in (("AP", 3), ("AUROC", 3), ("purity", 3), ("noise", 3), ("accuracy", 3)):
        values = [one[name] for one in found]
        if np.isnan(values).all():
            yield "-"
        else:
            low, high = np.nanmin(values), np.nanmax(values)
            yield f"{np.nanmean(values):.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"
    yield f"{np.mean([one['seconds'] for one in found]):.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="+", default=[], help="settings whose name starts so")
    parser.add_argument("--ablation", action="store_true", help="also without each part")
    parser.add_argument("--arms", nargs="+", default=[], help="rows whose name starts so")
    parser.add_argument("--backbone", default="", help="default: DeiT-Tiny of TURN_REAL_DATA")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "turn-bench")
    args = parser.parse_args()
    if not (root := os.environ.get("TURN_REAL_DATA")):
        sys.exit("set TURN_REAL_DATA to the folder with cifar100/ and weights/")
    torch.set_num_threads(1)
    args.cache.mkdir(parents=True, exist_ok=True)
    data = Data(Path(root), args)
    arms = ARMS | (PARTS if args.ablation else {})
    chosen = {n: a for n, a in arms.items() if not args.arms or n.startswith(tuple(args.arms))}
    print("| labels | method | AP | AUROC | purity | noise estimate | test accuracy | CPU s |")
    print("|---|---|---|---|---|---|---|---|")
    for name in ("human labels", *KINDS):
        if args.only and not name.startswith(tuple(args.only)):
            continue
        for title, arm in chosen.items():
            found = [measure(data, name, seed, arm) for seed in range(args.seeds)]
            rate = np.mean([one["rate"] for one in found])
            print(
                f"| {name}, {rate:.1%} wrong | {title} | {' | '.join(rows_of(found))} |", flush=True
            )


if __name__ == "__main__":
    main()
