"""How good are turn-mini's features? Linear probes beside raw pixels, random weights and DeiT-Tiny.

One fixed recipe for every row: features standardised by the training half, scikit-learn logistic
regression with C = 0.01. Digits and PACS photo: mean of five stratified halves; CIFAR-100: the 20
classes of superclasses 0, 4, 7 and 11, official training images against official test images.
None of these images was used to train or tune turn-mini; DeiT-Tiny saw ImageNet.

    TURN_REAL_DATA=DIR make bench NAME=turn_mini_quality ARGS="--train-per-class 500"
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from transformers import ConvNextModel

from turn_core.backbones.loading import Backbone, load_backbone, wrap
from turn_core.backbones.precision import autocast, fastest_precision
from turn_core.backbones.registry import BackboneSpec

SUPERCLASSES = (0, 4, 7, 11)
_FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


@dataclass(frozen=True)
class DataSet:
    """Images, labels, and (train, test) rows of every split."""

    name: str
    images: list[Image.Image]
    labels: NDArray[np.int64]
    splits: list[tuple[NDArray[np.int64], NDArray[np.int64]]]


def main() -> None:
    options = _options()
    if not (root := os.environ.get("TURN_REAL_DATA")):
        sys.exit("set TURN_REAL_DATA to the folder with cifar100/, pacs/ and weights/")
    torch.set_num_threads(options.threads)
    sets = [digits(), pacs_photo(Path(root)), cifar(Path(root), options.train_per_class)]
    extractors = {
        "raw pixels": None,
        "turn-mini, random weights": random_turn_mini(),
        "turn-mini": load_backbone("turn-mini", allow_hub=False),
        "DeiT-Tiny": load_backbone(f"{root}/weights/deit-tiny-patch16-224", allow_hub=False),
    }
    print("| features | " + " | ".join(s.name for s in sets) + " | images/s | seconds |")
    print("|---|" + "---|" * (len(sets) + 2))
    for name, backbone in extractors.items():
        start = time.perf_counter()
        cells, rates = [], []
        for data in sets:
            features, rate = raw(data) if backbone is None else extract(backbone, data)
            cells.append(f"{100 * probe_accuracy(features, data):.1f} %")
            rates.append(rate)
        speed = "-" if backbone is None else f"{np.median(rates):.0f}"
        seconds = time.perf_counter() - start
        print(f"| {name} | {' | '.join(cells)} | {speed} | {seconds:.0f} |", flush=True)


def random_turn_mini() -> Backbone:
    """The same architecture, untrained (seed 0)."""
    spec = load_backbone("turn-mini", allow_hub=False).spec
    torch.manual_seed(0)
    config = ConvNextModel.config_class.from_pretrained(spec.folder)
    return wrap(spec, ConvNextModel(config))


@torch.inference_mode()
def extract(backbone: Backbone, data: DataSet) -> tuple[NDArray[np.float32], float]:
    """Features (N, D) and images per second of the network alone, after resizing."""
    pixels = torch.from_numpy(np.stack([prepare(image, backbone.spec) for image in data.images]))
    found, start = [], time.perf_counter()
    with autocast("cpu", fastest_precision("cpu")):
        for batch in pixels.split(32):
            found.append(backbone(backbone.normalise(batch)))
    return torch.cat(found).numpy(), len(pixels) / (time.perf_counter() - start)


def prepare(image: Image.Image, spec: BackboneSpec) -> NDArray[np.uint8]:
    """(3, P, P) uint8 as the backbone's entry says."""
    side, (width, height) = spec.input_px, image.size
    scale = (spec.resize_px or side) / min(width, height)
    size = (side, side) if spec.resize_px is None else (round(width * scale), round(height * scale))
    resized = image.resize(size, _FILTERS[spec.interpolation])
    left, top = (resized.width - side) // 2, (resized.height - side) // 2
    return np.asarray(resized.crop((left, top, left + side, top + side))).transpose(2, 0, 1)


def raw(data: DataSet) -> tuple[NDArray[np.float32], float]:
    """Pixels, 32 x 32 at most."""
    small = [np.asarray(i if i.width <= 32 else i.resize((32, 32))) for i in data.images]
    return np.stack(small).reshape(len(small), -1).astype(np.float32), 0.0


def probe_accuracy(features: NDArray[np.float32], data: DataSet) -> float:
    """Mean test accuracy over the splits."""
    scores = []
    for train, test in data.splits:
        probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=500))
        probe.fit(features[train], data.labels[train])
        scores.append(probe.score(features[test], data.labels[test]))
    return float(np.mean(scores))


def digits() -> DataSet:
    """scikit-learn's 1,797 digits of 8 x 8 pixels."""
    pixels, labels = load_digits(return_X_y=True)
    grey = (pixels.reshape(-1, 8, 8) * 15.9).astype(np.uint8)
    images = [Image.fromarray(digit).convert("RGB") for digit in grey]
    return DataSet("digits", images, labels, halves(labels))


def pacs_photo(root: Path) -> DataSet:
    """7 classes x 60 photographs."""
    files = sorted((root / "pacs" / "photo").glob("*/*.jpg"))
    classes = sorted({file.parent.name for file in files})
    labels = np.array([classes.index(file.parent.name) for file in files])
    return DataSet("PACS photo", [open_image(file) for file in files], labels, halves(labels))


def cifar(root: Path, per_class: int) -> DataSet:
    """20 fine classes; at most `per_class` training images of each, the first ones."""
    folder = root / "cifar100"
    coarse = json.loads((folder / "classes.json").read_text())["coarse_of_fine"]
    fine = [index for index, group in enumerate(coarse) if group in SUPERCLASSES]
    images, labels, sizes = [], [], []
    for split, limit in (("train", per_class), ("test", 10_000)):
        chosen = cifar_rows(folder, split, fine, limit)
        images += [open_image(io.BytesIO(data)) for data, _ in chosen]
        labels += [fine.index(label) for _, label in chosen]
        sizes.append(len(chosen))
    train, test = np.arange(sizes[0]), np.arange(sizes[0], sum(sizes))
    return DataSet("CIFAR-100, 20 classes", images, np.array(labels), [(train, test)])


def cifar_rows(folder: Path, split: str, fine: list[int], limit: int) -> list[tuple[bytes, int]]:
    """(image bytes, fine label) of the wanted classes, at most `limit` per class."""
    chosen, counts = [], dict.fromkeys(fine, 0)
    for file in sorted(folder.glob(f"{split}-*.parquet")):
        table = pq.read_table(file, columns=["image", "fine_label"])
        for image, label in zip(table["image"], table["fine_label"].to_pylist(), strict=True):
            if label in counts and counts[label] < limit:
                counts[label] += 1
                chosen.append((image["bytes"].as_py(), label))
    return chosen


def halves(labels: NDArray[np.int64]) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Five stratified halves, seed 0."""
    splitter = StratifiedShuffleSplit(n_splits=5, test_size=0.5, random_state=0)
    return list(splitter.split(labels, labels))


def open_image(source: Path | io.BytesIO) -> Image.Image:
    """Decode to RGB."""
    with Image.open(source) as image:
        return image.convert("RGB")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--train-per-class", type=int, default=500)
    return parser.parse_args()


if __name__ == "__main__":
    main()
