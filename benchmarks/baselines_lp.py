"""The linear-probe arms of the TURN paper's Table 2, at small scale: accuracy best / last.

CIFAR-100's superclasses 0, 4, 7 and 11 (20 classes): --per-class training images of each with
symmetric noise of 60 % and 90 % (TURN's kind: the true class is among the draws), and the 2,000
test images. CE, GCE and ELR train on plain features, DivideMix and UNICON on four weak and two
strong views (six forward passes per image, once); all for 20 epochs (`short_budget`), GCE also
truncated and ELR with its paper's settings. Seeds change noise, start and order. The paper's
numbers beside ours are for ViT-B/16 on all 100 classes. AP: finding the wrong labels by the last
model's probability of the given label, in sample. --backbone is a name of the registry or a
folder; without it DeiT-Tiny.

    TURN_REAL_DATA=DIR make bench NAME=baselines_lp ARGS="[--per-class 100] [--methods ce gce elr]"
"""

import argparse
import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import torch
from detection_cifar100n import SUPERCLASSES, Images
from PIL import Image
from sklearn.metrics import average_precision_score

from turn_core.backbones.loading import load_backbone
from turn_core.backbones.precision import FP32, PrecisionChoice, fastest_precision
from turn_core.config import NoiseConfig
from turn_core.features import extract_features, features_key
from turn_core.methods import baselines, own_settings, short_budget
from turn_core.methods.baseline import BaselineData, MethodResult
from turn_core.methods.configs import GceConfig
from turn_core.noise import apply_noise
from turn_core.scoring import self_confidence
from turn_core.views import ViewPlan, extract_views

NUM_CLASSES = 20
BATCH = 64
LEVELS = (0.6, 0.9)
PAPER = {
    "ce": ("81.00 / 74.70", "64.61 / 39.50"),
    "gce": ("84.63 / 84.63", "80.92 / 80.92"),
    "elr": ("81.03 / 75.88", "65.80 / 42.43"),
    "dividemix": ("84.28 / 84.23", "80.77 / 80.45"),
    "unicon": ("84.25 / 84.10", "80.84 / 79.82"),
}
"""Table 2, linear probing, ViT-B/16: symmetric 0.6 and 0.9, best / last."""


def read(root: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Return images (N, 3, 32, 32) uint8 and true labels 0..19 of the 20 classes."""
    parts = sorted((root / "cifar100").glob(f"{split}-*.parquet"))
    table = pd.concat([pq.read_table(part).to_pandas() for part in parts], ignore_index=True)
    coarse = np.array(json.loads((root / "cifar100/classes.json").read_text())["coarse_of_fine"])
    kept = np.flatnonzero(np.isin(coarse, SUPERCLASSES))
    table = table[np.isin(table["fine_label"], kept)]
    images = [Image.open(io.BytesIO(item["bytes"])).convert("RGB") for item in table["image"]]
    pixels = np.stack([np.asarray(image).transpose(2, 0, 1) for image in images])
    return pixels, np.searchsorted(kept, table["fine_label"].to_numpy())


def first_of_each(labels: np.ndarray, per_class: int) -> np.ndarray:
    """The first `per_class` samples of every class, in order."""
    rows = [np.flatnonzero(labels == label)[:per_class] for label in range(NUM_CLASSES)]
    return np.sort(np.concatenate(rows))


def load(root: Path, args: argparse.Namespace) -> BaselineData:
    """Features, views and right labels; extracted once, then read from the cache."""
    backbone = load_backbone(
        args.backbone or str(root / "weights/deit-tiny-patch16-224"), allow_hub=False
    )
    chosen: dict[str, PrecisionChoice] = {"fp32": FP32, "bf16": PrecisionChoice("bf16", "highest")}
    precision = chosen.get(args.precision) or fastest_precision("cpu")
    pixels, labels = read(root, "train")
    rows = first_of_each(labels, args.per_class)
    test_pixels, test_labels = read(root, "test")
    whole = args.per_class >= len(labels) // NUM_CLASSES  # the cache of detection_cifar100n
    key = "cifar100-superclasses-0-4-7-11" + ("" if whole else f"-first-{args.per_class}")
    compared = not {"dividemix", "unicon"}.isdisjoint(args.methods)

    def show(done: int, total: int) -> None:
        print(f"\r{done} of {total} images   ", end="", file=sys.stderr, flush=True)

    def features(pixels: np.ndarray, name: str) -> np.ndarray:
        path = args.cache / f"{features_key(backbone, name, precision)}.npy"
        images = Images(pixels, backbone.spec)
        return extract_features(
            backbone, images, path=path, batch_size=BATCH, precision=precision, on_progress=show
        )

    return BaselineData(
        features=features(pixels[rows], key),
        labels=labels[rows],
        test_features=features(test_pixels, "cifar100-superclasses-0-4-7-11-test"),
        test_labels=test_labels,
        num_classes=NUM_CLASSES,
        views=extract_views(
            backbone,
            Images(pixels[rows], backbone.spec),
            ViewPlan(num_strong=2 if "unicon" in args.methods else 0),
            pixels_key=key,
            folder=args.cache,
            batch_size=BATCH,
            precision=precision,
            on_progress=show,
        )
        if compared
        else None,
    )


def arms(names: list[str]) -> Iterator[tuple[str, str, Any]]:
    """(title, name, config) of every row."""
    for name in names:
        yield name, name, short_budget(name)
        if name == "gce":
            yield "gce, truncated at 0.5", name, GceConfig(truncation=0.5)
        if name == "elr":
            yield "elr, its paper's settings", name, own_settings(name)


def run(data: BaselineData, name: str, config: Any, level: float, seed: int) -> MethodResult:
    noisy = apply_noise(
        data.labels, NUM_CLASSES, NoiseConfig(kind="symmetric", level=level), seed=seed
    )
    return baselines[name](replace(data, labels=noisy.labels), config, seed=seed)


def detection(data: BaselineData, found: MethodResult, level: float, seed: int) -> float:
    noisy = apply_noise(
        data.labels, NUM_CLASSES, NoiseConfig(kind="symmetric", level=level), seed=seed
    )
    doubt = -self_confidence(found.pred_probs, noisy.labels)
    return float(average_precision_score(noisy.flipped, doubt))


def spread(values: list[float]) -> str:
    return f"{100 * np.mean(values):.1f} ({100 * min(values):.1f} to {100 * max(values):.1f})"


def report(data: BaselineData, names: list[str], seeds: range) -> None:
    print("| method | noise | best | last | AP | paper, ViT-B/16, 100 classes | seconds (CPU) |")
    print("|---|---|---|---|---|---|---|")
    for title, name, config in arms(names):
        for number, level in enumerate(LEVELS):
            start = time.perf_counter(), time.process_time()
            found = [run(data, name, config, level, seed) for seed in seeds]
            wall, cpu = time.perf_counter() - start[0], time.process_time() - start[1]
            quality = [detection(data, one, level, seed) for one, seed in zip(found, seeds)]
            print(
                f"| {title} | {level:.0%} | {spread([one.best_accuracy for one in found])} "
                f"| {spread([one.last_accuracy for one in found])} | {np.mean(quality):.3f} "
                f"| {PAPER[name][number]} | {wall / len(found):.1f} ({cpu / len(found):.1f}) |",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--per-class", type=int, default=500)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--methods", nargs="+", choices=list(baselines), default=list(baselines))
    parser.add_argument("--backbone", default="")
    parser.add_argument("--precision", choices=["auto", "fp32", "bf16"], default="auto")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "turn-bench")
    args = parser.parse_args()
    if not (root := os.environ.get("TURN_REAL_DATA")):
        sys.exit("set TURN_REAL_DATA to the folder with cifar100/ and weights/")
    torch.set_num_threads(args.threads)
    args.cache.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    data = load(Path(root), args)
    print(f"{len(data.labels)} images and views in {time.perf_counter() - start:.0f} s\n")
    report(data, args.methods, range(args.seeds))


if __name__ == "__main__":
    main()
