"""How far points move on a later map whose features did not change: aligned against independent.

    make bench NAME=map_alignment ARGS="[--features FILE.npz] [--samples 2000] [--umap]"

Part of the samples get other features: a third is pulled half way to the mean of a wrong class (as
fine-tuning on noisy labels does), or half of the classes are pulled onto another class. The others
keep theirs, bit for bit. Reported is the median move of those, in standard deviations of the first
map, after orthogonal Procrustes for both kinds of map, and the trustworthiness of the later map.
Goal: at most 0.4 for aligned maps. FILE.npz holds `features` (N, D) and `labels` (N,); without it
the features are synthetic.
"""

import argparse
from pathlib import Path

import numpy as np
from harness import machine
from sklearn.manifold import trustworthiness

from turn_core.projection import align, project, project_aligned

DIM, CLASSES = 192, 100
"""Of made-up features."""


def main():
    arguments = parse()
    features, labels, what = load_features(arguments.features, arguments.samples, seed=0)
    print(f"{machine()}; {what}\n")
    print("| what changed | map | independent move (trust) | aligned move (trust) | ratio |")
    print("|---|---|---|---|---|")
    for name, later, changed in changes(features, labels):
        for method in ("tsne", "umap") if arguments.umap else ("tsne",):
            print(row(name, method, features, later, changed), flush=True)


def changes(features, labels):
    """(name, features of later, which changed)."""
    rng = np.random.default_rng(1)
    classes = np.unique(labels)
    means = np.stack([features[labels == c].mean(axis=0) for c in classes])
    own = np.searchsorted(classes, labels)
    shift = 1 + rng.integers(len(classes) - 1, size=len(labels))
    wrong = means[(own + shift) % len(classes)]
    other = means[(own + 1 + len(classes) // 2) % len(classes)]
    third = rng.random(len(labels)) < 1 / 3
    yield "a third of the samples, to wrong classes", pulled(features, wrong, third), third
    half = np.isin(own, rng.permutation(len(classes))[: len(classes) // 2])
    yield "half of the classes, to another class", pulled(features, other, half), half


def pulled(features, targets, which):
    later = features.copy()
    later[which] = 0.5 * (features[which] + targets[which])
    return later


def row(name, method, features, later, changed):
    first = project(features, method, seed=0)
    moves, trusts = [], []
    for there in (align(project(later, method, seed=1), first),
                  project_aligned(later, first, method, seed=1)):  # fmt: skip
        far = np.linalg.norm(there - first, axis=1)[~changed]
        moves.append(float(np.median(far)) / float(first.std()))
        unit = later / np.linalg.norm(later, axis=1, keepdims=True)
        trusts.append(trustworthiness(unit, there, n_neighbors=15))
    figures = " | ".join(f"{move:.2f} ({trust:.3f})" for move, trust in zip(moves, trusts))
    return f"| {name} | {method} | {figures} | {moves[1] / moves[0]:.2f} |"


def load_features(path, num, *, seed):
    """Return features (num, D) fp32, labels (num,) and a sentence about them."""
    rng = np.random.default_rng(seed)
    if path is None:
        return *made_up(num, rng), f"synthetic features {num:,} x {DIM}, {CLASSES} classes"
    with np.load(path) as file:
        features, labels = file["features"], file["labels"]
    if num > len(features):
        raise SystemExit(f"{path} has {len(features):,} samples; ask for at most so many")
    chosen = np.sort(rng.permutation(len(features))[:num])
    shape = f"{num:,} x {features.shape[1]}"
    return features[chosen].astype(np.float32), labels[chosen], f"{path.name}, {shape}"


def made_up(num, rng):
    """Super-classes, classes round them, and samples spread unevenly in a few directions."""
    supers = 0.5 * rng.standard_normal((20, DIM))
    centres = np.repeat(supers, CLASSES // 20, axis=0) + 0.55 * rng.standard_normal((CLASSES, DIM))
    labels = rng.integers(CLASSES, size=num)
    stretch = 4.0 * np.exp(-np.arange(DIM) / 24) + 0.3
    turn, _ = np.linalg.qr(rng.standard_normal((DIM, DIM)))
    spread = (rng.standard_normal((num, DIM)) * stretch) @ turn
    return (centres[labels] + spread).astype(np.float32), labels


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--features", type=Path)
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--umap", action="store_true", help="UMAP too")
    return parser.parse_args()


if __name__ == "__main__":
    main()
