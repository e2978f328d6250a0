"""Do the intervals hold on real errors? CIFAR-100N's human labels, reviewed in several orders.

Each simulated reviewer has a project of their own: at least half of the classes and of the images
of --superclasses, ranked by step 1 on DeiT-Tiny's features. They give the true label, decide in one
of three orders (worst first; class by class; near tau first), and 5 % of their cards are drawn at
random. After each of --reviews decisions the estimates are compared with the truth. --kind puts
simulated noise into the true labels instead.

    TURN_REAL_DATA=DIR make bench NAME=estimate_cifar100n
"""

import argparse
import os
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import detection_cifar100n as detection
import numpy as np
import torch
from harness import machine

from turn_core import estimates, losses, scoring
from turn_core.cleansing import NONE, POOLED, clean_probability
from turn_core.config import NoiseConfig
from turn_core.estimates import Pool
from turn_core.linear_probe import fit_linear_probe
from turn_core.noise import apply_noise
from turn_core.noise_config import NOISE_KINDS
from turn_core.presets import preset_for
from turn_core.types import Interval

TAU, AUDIT = 0.6, 0.05
ORDERS = ("worst first", "class by class", "near tau first")


@dataclass(frozen=True)
class Project:
    """A ranked project: arrays (n,) in the order of its queue."""

    clean: np.ndarray
    believed: np.ndarray
    wrong: np.ndarray
    given: np.ndarray


def project(
    features: np.ndarray, labels: np.ndarray, true: np.ndarray, backbone: str, seed: int
) -> Project:
    """Some classes and images of all, ranked by step 1."""
    rng = np.random.default_rng([seed, 0])
    classes = rng.permutation(20)[: rng.integers(10, 21)]
    number = np.full(20, -1)
    number[classes] = np.arange(len(classes))
    inside = (labels >= 0) & (number[labels] >= 0) & (number[true] >= 0)
    rows = rng.permutation(np.flatnonzero(inside))
    rows = rows[: int(len(rows) * rng.uniform(0.5, 1))]
    given, k = number[labels[rows]], len(classes)
    config = preset_for("local", backbone=backbone, seed=seed)
    probe = fit_linear_probe(features[rows], given, k, config.probe, seed=seed)
    loss = losses.ce_loss(probe.logits(features[rows]), torch.from_numpy(given)).numpy()
    found = clean_probability(loss, given, k, config.cleansing)
    order = scoring.rank_order(found.clean_probability, loss)
    wrong = given != number[true[rows]]
    believed = np.isin(found.fallback[order], (NONE, POOLED))
    return Project(found.clean_probability[order], believed, wrong[order], given[order])


def reviewed(found: Project, order: str, reviews: int, seed: int) -> Pool:
    """The pool after so many reviews, 5 % of them on samples drawn at random."""
    rng, n = np.random.default_rng([seed, reviews]), len(found.wrong)
    audited = np.zeros(n, bool)
    audited[rng.permutation(n)[: rng.binomial(reviews, AUDIT)]] = True
    chosen, flagged = np.flatnonzero(~audited), found.clean <= TAU
    if order == "near tau first":
        chosen = chosen[np.argsort(np.abs(found.clean[chosen] - TAU), kind="stable")]
    elif order == "class by class":  # its label issues, then those of the next
        turn = rng.permutation(found.given.max() + 1)[found.given]
        chosen = chosen[np.argsort(np.where(flagged, turn, len(turn))[chosen], kind="stable")]
    decided = audited.copy()
    decided[chosen[: reviews - audited.sum()]] = True
    wrong = found.wrong & decided
    return Pool(found.clean, found.believed, decided, wrong, ~decided, audited, found.given)


@dataclass
class Tally:
    """Hits, widths and misses of the value, each as a share of what the number is about."""

    hits: list[bool] = field(default_factory=list)
    widths: list[float] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)

    def add(self, found: Interval | None, truth: float, size: float) -> None:
        """Count an interval, where there is one, of a number between 0 and `size`."""
        if found is not None and size > 0:
            self.hits.append(found.low <= truth <= found.high)
            self.widths.append((found.high - found.low) / size)
            self.gaps.append(abs(found.value - truth) / size)

    def cells(self) -> str:
        """Projects, coverage, mean width and mean gap."""
        if not self.hits:
            return "0 | | |"
        width, gap = np.mean(self.widths), np.mean(self.gaps)
        return f"{len(self.hits)} | {np.mean(self.hits):.1%} | {width:.3f} | {gap:.3f}"


def row(projects: list[Project], order: str, reviews: int) -> str:
    """One line of the table."""
    to_find, left, in_all = Tally(), Tally(), Tally()
    for number, found in enumerate(projects):
        pool = reviewed(found, order, reviews, number)
        told = estimates.outlook(pool, [TAU], seed=number)
        (cut,) = told.cuts
        place, still = int(pool.places([TAU])[0]), found.wrong & pool.open
        if found.believed.mean() > 0.5:
            to_find.add(cut.errors, int(still[:place].sum()), cut.to_review)
        left.add(cut.left, int(still[place:].sum()), int(pool.open[place:].sum()))
        in_all.add(told.remaining, int(still.sum()), int(pool.open.sum()))
    cells = " | ".join(tally.cells() for tally in (to_find, left, in_all))
    return f"| {order} | {reviews} | {cells} |"


def main() -> None:
    args = options()
    if not (root := os.environ.get("TURN_REAL_DATA")):
        sys.exit("set TURN_REAL_DATA to the folder with cifar100/ and weights/")
    torch.set_num_threads(1)
    if (chosen := tuple(args.superclasses)) != detection.SUPERCLASSES:
        detection.SUPERCLASSES = chosen
        args.cache /= "-".join(map(str, chosen))
    args.weights = Path(root) / "weights" / "deit-tiny-patch16-224"
    pixels, true, human = detection.load(Path(root))
    images = detection.Images(pixels, detection.load_spec(args.weights))
    features = np.load(args.features) if args.features else detection.cached_features(images, args)
    found = []
    for seed in range(args.reviewers):
        labels = human
        if args.kind != "human":
            level = float(np.random.default_rng([seed, 1]).uniform(0.05, 0.4))
            config = NoiseConfig(kind=args.kind, level=level)
            labels = apply_noise(true, 20, config, seed=seed, inputs=features).labels
        found.append(project(features, labels, true, str(args.weights), seed))
    rates, sizes = ([f(p.wrong) for p in found] for f in (np.mean, len))
    print(f"{args.kind}: {len(found)} reviewers, superclasses {args.superclasses}; {machine()}")
    print(
        f"{min(sizes):,} to {max(sizes):,} labels, {min(rates):.0%} to {max(rates):.0%} wrong; "
        f"{sum(p.believed.mean() > 0.5 for p in found)} rounds give probabilities\n"
    )
    numbers = [f"projects | {name} | width | gap" for name in ("to find", "left", "in all")]
    print(f"| order | reviews | {' | '.join(numbers)} |\n" + "|---" * 14 + "|")
    for order in args.orders:
        for reviews in args.reviews:
            print(row(found, order, reviews), flush=True)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--reviewers", type=int, default=200)
    parser.add_argument("--reviews", type=int, nargs="+", default=[20, 100, 300, 1000])
    parser.add_argument("--orders", nargs="+", choices=ORDERS, default=ORDERS)
    kinds = [k for k in NOISE_KINDS if k not in ("asymmetric_superclass", "asymmetric_map")]
    parser.add_argument("--kind", choices=("human", *kinds), default="human")
    parser.add_argument("--superclasses", type=int, nargs=4, default=[0, 4, 7, 11])
    parser.add_argument("--features", type=Path, help=".npy of the 10,000 features, if at hand")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "turn-bench")
    return parser.parse_args()


if __name__ == "__main__":
    main()
