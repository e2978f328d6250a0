"""Do the intervals hold what they promise? Simulated projects, reviewed worst first with an audit.

Each project draws its size (1,000 to 20,000), classes (2 to 20), noise rate (2 to 40 %), how far
the losses of wrong labels lie above those of right ones, a share of wrong labels that look right
(0 to 30 %) and of right ones that look wrong (0 to 8 %), how much was reviewed, and how much of
that was audit (the product's default is 5 %; here 5 to 20 %, at least 1 to 40). The losses go
through the product's own cleansing and estimates. Reviewers make no mistakes.

    make bench NAME=estimate_coverage ARGS="--projects 500"
"""

import argparse
import time
from collections import Counter
from dataclasses import dataclass

import numpy as np
from harness import machine

from turn_core import estimates, scoring
from turn_core.cleansing import NONE, POOLED, clean_probability
from turn_core.config import CleansingConfig
from turn_core.estimates import Outlook, Pool
from turn_core.types import Interval

TAUS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
TAU = CleansingConfig().threshold


@dataclass(frozen=True)
class Simulated:
    """A partly reviewed project: `wrong` (n,) is the truth in the order of the queue."""

    pool: Pool
    wrong: np.ndarray
    num_classes: int


def simulate(rng: np.random.Generator) -> Simulated:
    """Draw a project."""
    n, k = int(np.exp(rng.uniform(np.log(1000), np.log(20000)))), int(rng.integers(2, 21))
    labels, wrong = rng.integers(0, k, n), rng.random(n) < rng.uniform(0.02, 0.4)
    looks_right = rng.random(n) < rng.uniform(0, 0.3)
    looks_wrong = rng.random(n) < rng.uniform(0, 0.08)
    low = rng.gamma(rng.uniform(0.4, 1.2), rng.uniform(0.2, 0.8), n)
    high = np.abs(rng.normal(1 + rng.uniform(1.5, 6.0), rng.uniform(0.6, 1.5), n))
    loss = np.where(np.where(wrong, ~looks_right, looks_wrong), high, low)
    loss *= np.exp(rng.normal(0, 0.2, k))[labels]  # some classes are harder
    found = clean_probability(loss, labels, k, CleansingConfig())
    order = scoring.rank_order(found.clean_probability, loss)
    believed = np.isin(found.fallback[order], (NONE, POOLED))
    clean = found.clean_probability[order]
    return Simulated(_review(rng, clean, believed, wrong[order], labels[order]), wrong[order], k)


def _review(
    rng: np.random.Generator,
    clean: np.ndarray,
    believed: np.ndarray,
    wrong: np.ndarray,
    given: np.ndarray,
) -> Pool:
    n = len(wrong)
    reviews = int(np.exp(rng.uniform(np.log(10), np.log(0.4 * n))))
    num_audited = max(int(rng.uniform(0.05, 0.2) * reviews), int(rng.integers(1, 41)))
    audited = np.zeros(n, bool)
    audited[rng.permutation(n)[:num_audited]] = True
    decided = audited.copy()
    decided[np.flatnonzero(~audited)[: max(reviews - num_audited, 0)]] = True
    return Pool(clean, believed, decided, wrong & decided, ~decided, audited, given)


def covers(interval: Interval, truth: float) -> bool:
    return interval.low <= truth <= interval.high


class Tally:
    """Hits and widths, by name."""

    def __init__(self) -> None:
        self.hits: dict[str, list[bool]] = {}
        self.widths: dict[str, list[float]] = {}

    def add(self, name: str, interval: Interval | None, truth: float, size: float) -> None:
        """Count an interval; `size` is what its width is a share of."""
        if interval is not None and size > 0:
            self.hits.setdefault(name, []).append(covers(interval, truth))
            self.widths.setdefault(name, []).append((interval.high - interval.low) / size)

    def table(self) -> None:
        """Print a row per name."""
        print("| interval | projects | covers the truth | median width |\n|---|---|---|---|")
        for name, hits in self.hits.items():
            width = np.median(self.widths[name])
            print(f"| {name} | {len(hits)} | {np.mean(hits):.1%} | {width:.3f} |")


def measure(project: Simulated, found: Outlook, tally: Tally, gaps: dict[float, list]) -> None:
    """Compare what the estimates say of a project with its truth."""
    pool, wrong = project.pool, project.wrong
    audited = int(pool.audited.sum())
    rate = estimates.wilson_interval(int(wrong[pool.audited].sum()), audited)
    tally.add("noise rate by the audit", rate, float(wrong.mean()), 1)
    for cut in found.cuts:
        place = int(pool.places([cut.tau])[0])
        left, size = int((wrong & pool.open)[place:].sum()), int(pool.open[place:].sum())
        errors = int((wrong & pool.open)[:place].sum())
        if cut.tau == TAU:
            tally.add("errors left below the cut", cut.left, left, size)
            tally.add(f"errors left, by the {cut.left_source}", cut.left, left, size)
        if cut.errors is not None and cut.to_review > 0 and pool.believed.mean() > 0.5:
            if cut.tau == TAU:
                tally.add("errors to find at tau", cut.errors, errors, cut.to_review)
                tally.add(f"errors to find, by {found.source}", cut.errors, errors, cut.to_review)
            flagged = (1 - pool.clean_probability)[:place][pool.open[:place]].sum()
            gaps[cut.tau].append(
                (
                    covers(cut.errors, errors),
                    abs(cut.errors.value - errors) / cut.to_review,
                    (cut.errors.value - errors) / cut.to_review,
                    abs(flagged - errors) / cut.to_review,
                )
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--projects", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    print(f"{args.projects} projects, seed {args.seed}; {machine()}\n")
    tally, gaps, sources = Tally(), {tau: [] for tau in TAUS}, Counter()
    start, spent = time.perf_counter(), 0.0
    for number in range(args.projects):
        project = simulate(np.random.default_rng([args.seed, number]))
        begun = time.perf_counter()
        found = estimates.outlook(project.pool, TAUS, seed=number)
        spent += time.perf_counter() - begun
        sources[str(found.source)] += 1
        measure(project, found, tally, gaps)
    tally.table()
    print(f"\nexpected errors rest on: {dict(sources)}\n")
    print(
        "| tau | projects | interval covers | calibration error | bias | error of the model's own |"
    )
    print("|---|---|---|---|---|---|")
    for tau, rows in gaps.items():
        hit, gap, bias, own = np.mean(rows, axis=0)
        print(f"| {tau} | {len(rows)} | {hit:.1%} | {gap:.3f} | {bias:+.3f} | {own:.3f} |")
    per = 1000 * spent / args.projects
    print(
        f"\n{per:.0f} ms per project for the estimates, {time.perf_counter() - start:.0f} s in all"
    )


if __name__ == "__main__":
    main()
