"""Seconds and memory of every measure of distortion, on made-up features.

    make bench NAME=distortion_cost ARGS="[--samples 10000] [--features 768] [--classes 100]"

Times are wall clock and CPU seconds of one call on --threads threads; memory is how far the peak
of the process rose above what it held with the features loaded, up to and with that measure.
"""

import argparse
import resource
import time
from collections.abc import Callable

import numpy as np
import torch

from turn_core import distortion


def made_up(num: int, dim: int, num_classes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features (N, D) before and after, and labels (N,)."""
    rng = np.random.default_rng(0)
    labels = np.arange(num) % num_classes
    centres = rng.standard_normal((num_classes, dim)) / np.sqrt(1 + np.arange(dim) / 8)
    before = centres[labels] + rng.standard_normal((num, dim))
    after = before + 0.5 * rng.standard_normal((num, dim))
    return before.astype(np.float32), after.astype(np.float32), labels


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--features", type=int, default=768)
    parser.add_argument("--classes", type=int, default=100)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    before, after, labels = made_up(args.samples, args.features, args.classes)
    distortion.panel_metrics(before[:500], after[:500], labels[:500], after[:500, :2], seed=0)
    base = peak_mb()
    measures: dict[str, Callable[[], object]] = {
        "linear_cka": lambda: distortion.linear_cka(before, after),
        "neighbours_kept": lambda: distortion.neighbours_kept(before, after),
        "neighbour_purity": lambda: distortion.neighbour_purity(after, labels).mean(),
        "knn_accuracy": lambda: distortion.knn_accuracy(after, labels),
        "silhouette": lambda: distortion.silhouette(after, labels),
        "singular_value_entropy": lambda: distortion.singular_value_entropy(after),
        "trustworthiness": lambda: distortion.trustworthiness(after, after[:, :2]),
        "separability": lambda: distortion.separability(after, labels, seed=0),
        "panel_metrics": lambda: len(
            distortion.panel_metrics(before, after, labels, after[:, :2], seed=0)
        ),
    }
    print("| measure | value | wall s | CPU s | peak above start, MB |\n|---|---|---|---|---|")
    for name, measure in measures.items():
        start = time.perf_counter(), time.process_time()
        value = measure()
        wall, cpu = time.perf_counter() - start[0], time.process_time() - start[1]
        print(
            f"| {name} | {value:.4f} | {wall:.1f} | {cpu:.1f} | {peak_mb() - base:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
