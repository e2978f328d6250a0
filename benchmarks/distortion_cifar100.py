"""What full fine-tuning on noisy labels does to features: the TURN paper's section 3 in numbers.

CIFAR-100, ten classes drawn by the seed, trained on official training images and measured on all
official test images of these classes: the features before, after FFT by cross entropy at 10 % and
at 90 % symmetric noise (the true class among the draws), and after TURN at 90 %. Means over the
seeds with their standard deviations. A run that was stopped goes on in --folder.

    TURN_REAL_DATA=DIR make bench NAME=distortion_cifar100 ARGS="--backbone turn-mini"
"""

import argparse
import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import torch
from PIL import Image

from turn_core.experiments.explore import ExploreInputs, run_exploration
from turn_core.experiments.explore_data import Selection, select_samples
from turn_core.experiments.study_data import Candidates
from turn_core.explore_config import ExploreConfig
from turn_core.pixels import Geometry, to_geometry
from turn_core.predictions import OnProgress
from turn_core.types.exploring import Panel, PanelMethod

COLUMNS = {
    "separability": "separability",
    "knn_accuracy": "15-NN accuracy",
    "silhouette": "silhouette",
    "cka": "CKA with before",
    "accuracy": "accuracy of the model",
}


class Images:
    """CIFAR's images (N, 3, 32, 32) uint8, resized to the backbone's side batch by batch."""

    def __init__(self, images: np.ndarray, geometry: Geometry) -> None:
        self.images, self.geometry = torch.from_numpy(images), geometry

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, rows: np.ndarray) -> torch.Tensor:
        """Return uint8 (B, 3, S, S)."""
        return to_geometry(self.images[torch.from_numpy(rows)], self.geometry)


class Cifar:
    """Both splits of CIFAR-100, decoded when they are wanted."""

    def __init__(self, folder: Path) -> None:
        parts = []
        for split in ("train", "test"):
            for file in sorted(folder.glob(f"{split}-*.parquet")):
                table = pq.read_table(file, columns=["image", "fine_label"]).to_pandas()
                parts.append(table.assign(split=split))
        self.table = pd.concat(parts, ignore_index=True)

    def candidates(self) -> Candidates:
        """All images, with labels that are right."""
        labels = self.table["fine_label"].to_numpy(np.int64)
        return Candidates(
            ids=np.arange(len(labels)),
            labels=labels,
            true=labels,
            trusted=np.zeros(len(labels), np.bool_),
            usable=np.ones(len(labels), np.bool_),
            split=self.table["split"].tolist(),
            image_keys=[str(row) for row in range(len(labels))],
        )

    def images(self, rows: np.ndarray) -> np.ndarray:
        """Decode the images `rows` to (N, 3, 32, 32) uint8."""
        data = self.table["image"].iloc[rows]
        found = [np.asarray(Image.open(io.BytesIO(item["bytes"])).convert("RGB")) for item in data]
        return np.stack(found).transpose(0, 3, 1, 2)


def explore(cifar: Cifar, selection: Selection, config: ExploreConfig, folder: Path) -> list[Panel]:
    """Return the panels of one exploration, made or found in `folder`."""
    images = cifar.images(selection.rows)

    def open_pixels(geometry: Geometry, on_progress: OnProgress) -> Images:
        on_progress(len(images), len(images))
        return Images(images, geometry)

    inputs = ExploreInputs(
        selection=selection, open_pixels=open_pixels, folder=folder, work=folder / "work"
    )
    return list(run_exploration(inputs, config))


def panels_of(cifar: Cifar, args: argparse.Namespace, backbone: str, seed: int) -> dict[str, Panel]:
    """Before, FFT at both levels and TURN at the higher one, on the same samples."""
    found: dict[str, Panel] = {}
    for level, with_turn in ((0.1, False), (0.9, True)):
        config = ExploreConfig(
            backbones=(backbone,),
            levels=(level,),
            max_samples=args.samples,
            max_points=1000,
            epochs=args.epochs,
            with_turn=with_turn,
            projections=("pca",),
            seed=seed,
            device=args.device,
            allow_hub=False,
        )
        selection = select_samples(cifar.candidates(), config)
        name = f"{Path(backbone).name}-seed-{seed}-{args.samples}x{args.epochs}-{level}"
        for panel in explore(cifar, selection, config, args.folder / name):
            method = "LP" if panel.method is PanelMethod.PROBE else panel.method.upper()
            found["before" if panel.noise_level is None else f"{method} {level:.0%}"] = panel
    return found


def print_table(backbone: str, runs: Sequence[dict[str, Panel]]) -> None:
    """Print a row per panel: means and standard deviations over the seeds."""
    for row in ("before", "LP 10%", "FFT 10%", "LP 90%", "FFT 90%", "TURN 90%"):
        cells = []
        for metric in COLUMNS:
            values = [run[row].metrics[metric] for run in runs if metric in run[row].metrics]
            cells.append(f"{np.mean(values):.3f} ± {np.std(values):.3f}" if values else "-")
        print(f"| {Path(backbone).name} | {row} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    args = options()
    root = os.environ.get("TURN_REAL_DATA")
    if not root:
        sys.exit("set TURN_REAL_DATA to the folder with cifar100/ and weights/")
    torch.set_num_threads(args.threads)
    cifar = Cifar(Path(root) / "cifar100")
    start = time.perf_counter()
    print(f"| backbone | features | {' | '.join(COLUMNS.values())} |")
    print("|---|---|" + "---|" * len(COLUMNS))
    for backbone in args.backbone or ["turn-mini", f"{root}/weights/deit-tiny-patch16-224"]:
        runs = []
        for seed in range(args.seeds):
            runs.append(panels_of(cifar, args, backbone, seed))
            seconds = time.perf_counter() - start
            print(f"{backbone}, seed {seed} after {seconds:.0f} s", file=sys.stderr, flush=True)
        print_table(backbone, runs)
    told = {"samples": args.samples, "epochs": args.epochs, "seeds": args.seeds}
    print(json.dumps(told | {"seconds": round(time.perf_counter() - start)}))


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backbone", action="append", help="a name or a folder; again")
    parser.add_argument("--samples", type=int, default=2000, help="training images")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "distortion")
    return parser.parse_args()


if __name__ == "__main__":
    main()
