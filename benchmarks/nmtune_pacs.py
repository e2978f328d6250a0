"""NMTune and its controls on PACS: train on one domain, test on the same and on the other three.

Seven classes, four domains (photo, art painting, cartoon, sketch), 60 images of each class in each:
four fifths of a domain are trained on, the rest measures accuracy in the domain, all images of
the others out of it. LP, MLP and NMTune by their paper's settings, last epoch. SVE and LSVR (mean
of each dimension taken out) are those of the other domains' features: `lp` shows them as the
backbone gives them, the others as tuned. Seeds change split, start and order; means over seeds
and domains trained on. --backbone is a name or a folder; without it DeiT-Tiny.

    TURN_REAL_DATA=DIR make bench NAME=nmtune_pacs ARGS="[--backbone turn-mini] [--seeds 3]"
"""

import argparse
import os
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from detection_cifar100n import Images
from PIL import Image

from turn_core.backbones.loading import load_backbone
from turn_core.backbones.precision import FP32
from turn_core.distortion import largest_singular_value_ratio, singular_value_entropy
from turn_core.features import extract_features, features_key
from turn_core.linear_probe import fit_linear_probe
from turn_core.methods import tuner_settings
from turn_core.methods.configs import NmTuneConfig
from turn_core.methods.nmtune import fit_nmtune

DOMAINS = ("photo", "art_painting", "cartoon", "sketch")
NUM_CLASSES = 7
TRAINED = 0.8
SIDE = 160


def read(root: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return images (N, 3, 160, 160) uint8, labels 0..6 and domains 0..3."""
    images, labels, domains = [], [], []
    for number, domain in enumerate(DOMAINS):
        for label, folder in enumerate(sorted((root / "pacs" / domain).iterdir())):
            for path in sorted(folder.glob("*.jpg")):
                image = Image.open(path).convert("RGB").resize((SIDE, SIDE))
                images.append(np.asarray(image).transpose(2, 0, 1))
                labels.append(label)
                domains.append(number)
    return np.stack(images), np.array(labels), np.array(domains)


def features_of(images: np.ndarray, args: argparse.Namespace, root: Path) -> np.ndarray:
    backbone = load_backbone(
        args.backbone or str(root / "weights/deit-tiny-patch16-224"), allow_hub=False
    )
    path = args.cache / f"{features_key(backbone, 'pacs', FP32)}.npy"
    found = extract_features(
        backbone,
        Images(images, backbone.spec),
        path=path,
        batch_size=32,
        precision=FP32,
        on_progress=lambda done, total: print(f"\r{done} of {total}   ", end="", file=sys.stderr),
    )
    return np.array(found)


def split(labels: np.ndarray, rows: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows to train on and rows to test on, the same share of every class."""
    rng, trained = np.random.default_rng(seed), []
    for label in range(NUM_CLASSES):
        members = rng.permutation(rows[labels[rows] == label])
        trained.append(members[: round(TRAINED * len(members))])
    chosen = np.sort(np.concatenate(trained))
    return chosen, np.setdiff1d(rows, chosen)


def measure(
    features: np.ndarray, labels: np.ndarray, domains: np.ndarray, source: int, seed: int
) -> dict[str, list[float]]:
    """{method: [accuracy in the domain, outside, SVE and LSVR outside]} of one run."""
    trained, held = split(labels, np.flatnonzero(domains == source), seed)
    outside = np.flatnonzero(domains != source)
    known, given, found = features[trained], labels[trained], {}
    for name, config in tuner_settings().items():
        after = features[outside]
        if isinstance(config, NmTuneConfig):
            model = fit_nmtune(known, given, NUM_CLASSES, config, seed=seed)
            logits, after = model.logits, model.tune(after).numpy()
        else:
            plain = replace(config.head.as_probe(), loss="ce")
            logits = fit_linear_probe(known, given, NUM_CLASSES, plain, seed=seed).logits
        accuracy = [
            float(np.mean(logits(features[rows]).argmax(dim=1).numpy() == labels[rows]))
            for rows in (held, outside)
        ]
        spectrum = [singular_value_entropy(after), largest_singular_value_ratio(after)]
        found[name] = accuracy + spectrum
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--backbone", default="")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "turn-bench")
    args = parser.parse_args()
    if not (root := os.environ.get("TURN_REAL_DATA")):
        sys.exit("set TURN_REAL_DATA to the folder with pacs/ and weights/")
    torch.set_num_threads(1)
    args.cache.mkdir(parents=True, exist_ok=True)
    images, labels, domains = read(Path(root))
    features = features_of(images, args, Path(root))
    start, rows = time.process_time(), defaultdict(list)
    for source in range(len(DOMAINS)):
        for seed in range(args.seeds):
            for name, values in measure(features, labels, domains, source, seed).items():
                rows[name].append([source, *values])
    print("| method | in the domain | outside | outside, by domain trained on | SVE | LSVR |")
    print("|---|---|---|---|---|---|")
    for name, values in rows.items():
        table = np.array(values)
        by_seed = table[:, 2].reshape(len(DOMAINS), args.seeds).mean(axis=0)
        by_domain = [f"{100 * table[table[:, 0] == n, 2].mean():.1f}" for n in range(len(DOMAINS))]
        inside, outside, entropy, ratio = table[:, 1:].mean(axis=0)
        print(
            f"| {name} | {100 * inside:.1f} | {100 * outside:.1f} "
            f"({100 * by_seed.min():.1f} to {100 * by_seed.max():.1f}) | {', '.join(by_domain)} "
            f"| {entropy:.3f} | {ratio:.3f} |"
        )
    print(f"\n{time.process_time() - start:.0f} CPU seconds without the features")


if __name__ == "__main__":
    main()
