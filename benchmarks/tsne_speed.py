"""t-SNE of 20,000 x 192 features: CPU seconds and trustworthiness against scikit-learn's TSNE.

    make bench NAME=tsne_speed ARGS="[--features FILE.npz] [--samples 20000] [--skip-sklearn]"

Both get the same features, scaled to length 1 (the map is of cosines), one thread, perplexity 30,
and begin at the principal components. CPU seconds of this process, neighbours included; wall clock
beside them. Trustworthiness at 15 neighbours, on 2,000 rows drawn at random against all others.
Goals: at least 8 times faster, trustworthiness within 0.01. FILE.npz holds `features` (N, D) and
`labels` (N,); without it the features are synthetic.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy, torch and scikit-learn read it

import argparse
import time
from pathlib import Path

import numpy as np
from harness import machine
from map_alignment import load_features
from sklearn.manifold import TSNE
from sklearn.neighbors import NearestNeighbors

from turn_core.projection import project

ROWS, NEIGHBOURS = 2000, 15


def main():
    arguments = parse()
    features, _, what = load_features(arguments.features, arguments.samples, seed=0)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    print(f"{machine()}; {what}; one thread\n\n| t-SNE | CPU s | wall s | trustworthiness |")
    print("|---|---|---|---|")
    project(unit[:500], "tsne", seed=0)  # imports
    ours = measure("this project", lambda: project(unit, "tsne", seed=0), unit)
    if arguments.skip_sklearn:
        return
    theirs = measure("scikit-learn, 1,000 iterations", lambda: sklearn_map(unit), unit)
    print(f"\n{theirs[0] / ours[0]:.1f} times faster, trustworthiness {ours[1] - theirs[1]:+.4f}")


def sklearn_map(unit):
    tsne = TSNE(perplexity=30, init="pca", max_iter=1000, n_jobs=1, random_state=0)
    return tsne.fit_transform(unit)


def measure(name, run, unit):
    """Print a row; return CPU seconds and trustworthiness."""
    wall, cpu = time.perf_counter(), time.process_time()
    placed = run()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    trust = trustworthiness_of_some(unit, placed)
    print(f"| {name} | {cpu:.1f} | {wall:.1f} | {trust:.4f} |", flush=True)
    return cpu, trust


def trustworthiness_of_some(unit, placed):
    """As sklearn.manifold.trustworthiness, with its sum over ROWS of the rows only."""
    rows = np.random.default_rng(0).permutation(len(unit))[:ROWS]
    finder = NearestNeighbors(n_neighbors=NEIGHBOURS + 1).fit(placed)
    penalty = 0
    for row, near in zip(rows, finder.kneighbors(placed[rows], return_distance=False)):
        cosines = unit @ unit[row]
        cosines[row] = np.inf  # rank 0 is the point itself
        rank = np.empty(len(unit), np.int64)
        rank[np.argsort(-cosines, kind="stable")] = np.arange(len(unit))
        others = near[near != row][:NEIGHBOURS]
        penalty += int(np.maximum(rank[others] - NEIGHBOURS, 0).sum())
    num = len(unit)
    return 1 - penalty * 2 / (len(rows) * NEIGHBOURS * (2 * num - 3 * NEIGHBOURS - 1))


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--features", type=Path)
    parser.add_argument("--samples", type=int, default=20_000)
    parser.add_argument("--skip-sklearn", action="store_true", help="it takes minutes")
    return parser.parse_args()


if __name__ == "__main__":
    main()
