"""Do the intervals hold on real errors? CIFAR-100N's human labels, reviewed worst first.

The 7,300 images of superclasses 0, 4, 7 and 11, ranked by step 1 on DeiT-Tiny's features. For each
amount of review, audits of 5 % (20 at least) are drawn anew; a reviewer gives the true label. The
errors are the same ones each time: this shows one data set, benchmarks/estimate_coverage.py many.

    TURN_REAL_DATA=DIR make bench NAME=estimate_cifar100n
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

import detection_cifar100n as detection
import numpy as np
import torch
from harness import machine

from turn_core import estimates, scoring
from turn_core.cleansing import NONE, POOLED
from turn_core.estimates import Pool
from turn_core.presets import preset_for
from turn_core.types import Interval

REVIEWS = (40, 100, 300, 700, 1200, 2000, 3000)
TAU = 0.6


def reviewed(clean: np.ndarray, believed: np.ndarray, wrong: np.ndarray, seed: list[int]) -> Pool:
    """The pool after `seed[0]` reviews, 5 % of them on samples drawn at random."""
    n, reviews = len(wrong), seed[0]
    audited = np.zeros(n, bool)
    audited[np.random.default_rng(seed).permutation(n)[: max(20, reviews // 20)]] = True
    decided = audited.copy()
    decided[np.flatnonzero(~audited)[: reviews - audited.sum()]] = True
    return Pool(clean, believed, decided, wrong & decided, ~decided, audited)


def covers(found: Interval, truth: float) -> bool:
    return found.low <= truth <= found.high


def row(clean: np.ndarray, believed: np.ndarray, wrong: np.ndarray, args: tuple[int, int]) -> None:
    """One line of the table: `args` are the reviews and the audits to draw."""
    reviews, draws = args
    hits, gaps = [], []
    for number in range(draws):
        pool = reviewed(clean, believed, wrong, [reviews, number])
        (cut,) = estimates.outlook(pool, [TAU], seed=number).cuts
        place, still = int(pool.places([TAU])[0]), wrong & pool.open
        errors, left = int(still[:place].sum()), int(still[place:].sum())
        drawn = int(pool.audited.sum())
        rate = estimates.wilson_interval(int(wrong[pool.audited].sum()), drawn)
        hits.append(
            (covers(rate, wrong.mean()), covers(cut.errors, errors), covers(cut.left, left))
        )
        model = float((1 - clean)[:place][pool.open[:place]].sum())
        size = max(cut.to_review, 1)
        gaps.append((abs(cut.errors.value - errors) / size, abs(model - errors) / size))
    told = [f"{share:.0%}" for share in np.mean(hits, axis=0)]
    told += [f"{gap:.3f}" for gap in np.mean(gaps, axis=0)] if cut.to_review else ["", ""]
    print(f"| {reviews} | {cut.to_review} | {' | '.join(told)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--draws", type=int, default=40)
    parser.add_argument("--features", type=Path, help=".npy of the 10,000 features, if at hand")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "turn-bench")
    args = parser.parse_args()
    if not (root := os.environ.get("TURN_REAL_DATA")):
        sys.exit("set TURN_REAL_DATA to the folder with cifar100/ and weights/")
    torch.set_num_threads(1)
    args.weights = Path(root) / "weights" / "deit-tiny-patch16-224"
    pixels, true, human = detection.load(Path(root))
    images = detection.Images(pixels, detection.load_spec(args.weights))
    features = np.load(args.features) if args.features else detection.cached_features(images, args)
    setting = detection.settings(true, human, 0)[0]
    config = preset_for("local", backbone=str(args.weights), seed=0)
    found, loss = detection.step1(features[setting.rows], setting.labels, config)
    order = scoring.rank_order(found.clean_probability, loss)
    wrong = (setting.labels != setting.true)[order]
    print(f"{len(wrong)} labels, {wrong.mean():.1%} wrong; {args.draws} audits; {machine()}\n")
    print("| reviews | to review | audit | to find | left | gap | model's own gap |")
    print("|---|---|---|---|---|---|---|")
    believed = np.isin(found.fallback[order], (NONE, POOLED))
    for reviews in REVIEWS:
        row(found.clean_probability[order], believed, wrong, (reviews, args.draws))


if __name__ == "__main__":
    main()
