"""Error detection on real images: TURN after step 1 and step 2, beside cleanlab's two rankings.

CIFAR-100's training images of superclasses 0, 4, 7 and 11 (20 classes, 10,000 images) with
DeiT-Tiny: human labels of CIFAR-100N (the 7,300 whose human label is one of the 20 classes), and
symmetric noise of 60 % and 90 % (TURN's kind: the true class is among the draws). cleanlab gets
5-fold logistic regression on the same standardised features at C = 0.01, which suits it better
than C = 1. Times are for detection with the features given, wall and CPU, on --threads threads.

    TURN_REAL_DATA=DIR make bench NAME=detection_cifar100n ARGS="[--finetune-epochs 4]"
"""

import argparse
import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import cleanlab.rank
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import torch
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from turn_core import losses
from turn_core.backbones.loading import load_backbone
from turn_core.backbones.precision import fastest_precision
from turn_core.backbones.registry import BackboneSpec
from turn_core.cleansing import Cleansing, clean_probability
from turn_core.config import NoiseConfig, TurnConfig
from turn_core.features import extract_features, features_key
from turn_core.linear_probe import fit_linear_probe
from turn_core.methods.progress import StageProgress
from turn_core.methods.records import TurnData, TurnResult
from turn_core.methods.turn import run_turn
from turn_core.metrics import detection_report
from turn_core.noise import apply_noise
from turn_core.pixels import Geometry, to_geometry
from turn_core.presets import preset_for
from turn_core.scoring import rank_order
from turn_core.types import Interval

SUPERCLASSES = (0, 4, 7, 11)
CPU = torch.device("cpu")
BATCH = 64


class Images:
    """CIFAR's images (N, 3, 32, 32) uint8, resized to the backbone's side batch by batch."""

    def __init__(self, images: np.ndarray, spec: BackboneSpec) -> None:
        self.images, self.geometry = torch.from_numpy(images), Geometry.of(spec)

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, rows: np.ndarray) -> torch.Tensor:
        """Return uint8 (B, 3, S, S)."""
        return to_geometry(self.images[torch.from_numpy(rows)], self.geometry)


@dataclass(frozen=True)
class Setting:
    """One kind of noise: `rows` of the 10,000 images, with their given and true labels."""

    name: str
    rows: np.ndarray
    labels: np.ndarray
    true: np.ndarray


def load(root: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return images (10000, 3, 32, 32), true labels 0..19 and human labels (-1 outside the 20)."""
    parts = sorted((root / "cifar100").glob("train-*.parquet"))
    table = pd.concat([pq.read_table(part).to_pandas() for part in parts], ignore_index=True)
    names = json.loads((root / "cifar100" / "classes.json").read_text())
    coarse = np.array(names["coarse_of_fine"])
    kept = np.flatnonzero(np.isin(coarse, SUPERCLASSES))
    number = np.full(len(coarse), -1)
    number[kept] = np.arange(len(kept))
    table = table[np.isin(table["fine_label"], kept)]
    human = pd.read_csv(root / "cifar100" / "human_labels.csv").set_index("index")["human_label"]
    fine_of = {name: fine for fine, name in enumerate(names["fine"])}
    images = np.stack(
        [
            np.asarray(Image.open(io.BytesIO(item["bytes"])).convert("RGB")).transpose(2, 0, 1)
            for item in table["image"]
        ]
    )
    return (
        images,
        number[table["fine_label"].to_numpy()],
        number[human.loc[table["index"]].map(fine_of).to_numpy()],
    )


def settings(true: np.ndarray, human: np.ndarray, seed: int) -> list[Setting]:
    known, everything = np.flatnonzero(human >= 0), np.arange(len(true))
    found = [Setting("human labels", known, human[known], true[known])]
    for rate in (0.6, 0.9):
        config = NoiseConfig(kind="symmetric", level=rate)
        labels = apply_noise(true, 20, config, seed=seed).labels
        found.append(Setting(f"symmetric {rate:.0%}", everything, labels, true))
    return found


def timed(work: Callable[[], tuple]) -> tuple:
    """Return the result of `work` with its wall and CPU seconds."""
    start = time.perf_counter(), time.process_time()
    result = work()
    return result, time.perf_counter() - start[0], time.process_time() - start[1]


def cleanlab_scores(features: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Self-confidence and normalized margin (N,) from 5-fold logistic regression."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
    probs = cross_val_predict(model, features, labels, cv=5, method="predict_proba")
    return (
        cleanlab.rank.get_self_confidence_for_each_label(labels, probs),
        cleanlab.rank.get_normalized_margin_for_each_label(labels, probs),
    )


def step1(
    features: np.ndarray, labels: np.ndarray, config: TurnConfig
) -> tuple[Cleansing, np.ndarray]:
    """The probe, its losses, the cleansing and the ranking: what step 1 does for detection."""
    probe = fit_linear_probe(features, labels, 20, config.probe, seed=config.seed)
    loss = losses.ce_loss(probe.logits(features), torch.from_numpy(labels)).numpy()
    found = clean_probability(loss, labels, 20, config.cleansing)
    rank_order(found.clean_probability, loss)
    return found, loss


def step2(
    setting: Setting, images: Images, features: np.ndarray, config: TurnConfig, weights: Path
) -> TurnResult:
    """The whole method, as an audit runs it, from the same features."""
    size = len(setting.rows)
    used = Images(images.images[torch.from_numpy(setting.rows)].numpy(), load_spec(weights))
    data = TurnData(
        labels=setting.labels.astype(np.int64),
        num_classes=20,
        trusted=np.zeros(size, bool),
        excluded=np.zeros(size, bool),
        names=[str(row) for row in setting.rows],
        image_keys=[str(row) for row in setting.rows],
        pixels=used,
        features=features,
    )

    def show(event: object) -> None:
        if isinstance(event, StageProgress):
            print(
                f"\r{setting.name}: {event.stage} {event.step}/{event.total}   ",
                end="",
                file=sys.stderr,
                flush=True,
            )

    with tempfile.TemporaryDirectory() as folder:
        backbone = load_backbone(str(weights), allow_hub=False)
        return run_turn(
            data, config, backbone=backbone, device=CPU, checkpoint_dir=Path(folder), on_event=show
        )


def load_spec(weights: Path) -> BackboneSpec:
    return load_backbone(str(weights), allow_hub=False).spec


def print_row(
    setting: Setting, method: str, clean: np.ndarray, loss: np.ndarray, seconds: str, note: str
) -> None:
    """One line of the table. cleanlab's scores stand in for the clean probability."""
    report = detection_report(clean, setting.labels != setting.true, threshold=0.6, losses=loss)
    print(
        f"| {setting.name} | {method} | {report.average_precision:.4f} | {report.auroc:.4f} "
        f"| {report.lift_100:.2f} | {seconds} | {note} |",
        flush=True,
    )


def report_setting(
    setting: Setting, images: Images, features: np.ndarray, args: argparse.Namespace
) -> None:
    own = features[setting.rows]
    report_peers(setting, own)
    report_step1(setting, own, args.config)
    if args.finetune_epochs:
        finetune = replace(args.config.finetune, epochs=args.finetune_epochs)
        config = replace(args.config, finetune=finetune)
        report_step2(setting, images, own, config, args.weights)


def report_peers(setting: Setting, features: np.ndarray) -> None:
    (confidence, margin), wall, cpu = timed(lambda: cleanlab_scores(features, setting.labels))
    seconds = f"{wall:.2f} ({cpu:.2f})"
    print_row(setting, "cleanlab self-confidence", *as_ranked(confidence), seconds, "")
    print_row(setting, "cleanlab normalized margin", *as_ranked(margin), seconds, "")


def report_step1(setting: Setting, features: np.ndarray, config: TurnConfig) -> None:
    (found, loss), wall, cpu = timed(lambda: step1(features, setting.labels, config))
    note = f"noise {as_interval(found.noise_rate)}; {fallbacks(found.fallback)}"
    seconds = f"{wall:.2f} ({cpu:.2f})"
    print_row(setting, "TURN step 1", found.clean_probability, loss, seconds, note)


def report_step2(
    setting: Setting, images: Images, features: np.ndarray, config: TurnConfig, weights: Path
) -> None:
    result, wall, cpu = timed(lambda: step2(setting, images, features, config, weights))
    print(file=sys.stderr)
    for epoch in range(1, config.finetune.epochs + 1):
        scores = result.pass_clean_probability[epoch], result.pass_loss[epoch]
        print_row(setting, f"TURN pass {epoch}", *scores, "", "")
    right = setting.labels == setting.true
    subsets = ", ".join(f"{right[mask].mean():.3f} of {mask.sum()}" for mask in result.selected)
    note = f"noise {as_interval(result.noise_rate)}; clean share of the subsets: {subsets}"
    scores = result.clean_probability, result.loss
    print_row(setting, "TURN step 2 (final)", *scores, f"{wall:.0f} ({cpu:.0f})", note)


def as_interval(noise: Interval | None) -> str:
    if noise is None:
        return "no estimate"
    return f"{noise.value:.3f} [{noise.low:.3f}, {noise.high:.3f}]"


def as_ranked(score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A score as (clean probability, loss) for the report: all tied, ordered by the score."""
    return np.full(len(score), 0.5), -score


def fallbacks(names: np.ndarray) -> str:
    return ", ".join(
        f"{name} {count}" for name, count in zip(*np.unique(names, return_counts=True))
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--finetune-epochs", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="settings whose name starts with this")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "turn-bench")
    args = parser.parse_args()
    if not (root := os.environ.get("TURN_REAL_DATA")):
        sys.exit("set TURN_REAL_DATA to the folder with cifar100/ and weights/")
    torch.set_num_threads(args.threads)
    args.weights = Path(root) / "weights" / "deit-tiny-patch16-224"
    args.config = preset_for("local", backbone=str(args.weights), seed=args.seed)
    pixels, true, human = load(Path(root))
    images = Images(pixels, load_spec(args.weights))
    features = cached_features(images, args)
    print("| labels | ranking | AP | AUROC | lift at 100 | seconds, wall (CPU) | |")
    print("|---|---|---|---|---|---|---|")
    for setting in settings(true, human, args.seed):
        if setting.name.startswith(args.only):
            report_setting(setting, images, features, args)


def cached_features(images: Images, args: argparse.Namespace) -> np.ndarray:
    backbone = load_backbone(str(args.weights), allow_hub=False)
    precision = fastest_precision("cpu")
    key = features_key(backbone, "cifar100-superclasses-0-4-7-11", precision)
    args.cache.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    path = args.cache / f"{key}.npy"
    found = extract_features(backbone, images, path=path, batch_size=BATCH, precision=precision)
    print(f"features {found.shape} in {time.perf_counter() - start:.0f} s, {precision.dtype}\n")
    return np.array(found)


if __name__ == "__main__":
    main()
