"""Speed of step 1 on features: the probe against a DataLoader loop, the mixture against a loop.

    make bench NAME=step1_speed ARGS="[--samples 50000] [--features 768] [--classes 100]"

Both ratios come from one run, in CPU seconds of this process on one thread (wall clock beside
them), the shortest of --repeats. Goals: the probe at most 1/3 of the DataLoader loop, the
mixture at most 1/20 of a loop over sklearn.mixture.GaussianMixture.
"""

import argparse
import time
import warnings
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import torch
from scipy.special import expit
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import roc_auc_score
from sklearn.mixture import GaussianMixture
from torch.utils.data import DataLoader, TensorDataset

from turn_core import losses, mixture
from turn_core.cleansing import clean_probability
from turn_core.config import CleansingConfig, NoiseConfig, ProbeConfig
from turn_core.linear_probe import fit_linear_probe
from turn_core.noise import apply_noise

T = TypeVar("T")
CLEANSING = CleansingConfig()


def timed(work: Callable[[], T], repeats: int) -> tuple[T, float, float]:
    """Return the result, and the least CPU and wall seconds of the repeats."""
    cpu, wall = [], []
    for _ in range(repeats):
        start = time.process_time(), time.perf_counter()
        result = work()
        cpu.append(time.process_time() - start[0])
        wall.append(time.perf_counter() - start[1])
    return result, min(cpu), min(wall)


def made_up(num: int, dim: int, num_classes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features (N, D), labels with 40 % symmetric noise, and which of them are wrong."""
    rng = np.random.default_rng(0)
    true = rng.integers(0, num_classes, num)
    centers = 0.35 * rng.standard_normal((num_classes, dim)) / np.sqrt(1 + np.arange(dim) / 8)
    features = centers[true] + rng.standard_normal((num, dim))
    config = NoiseConfig(kind="symmetric_excluding", level=0.4)
    labels = apply_noise(true, num_classes, config, seed=0).labels
    return features.astype(np.float32), labels, labels != true


def data_loader_loop(
    features: np.ndarray, labels: np.ndarray, num_classes: int, config: ProbeConfig
) -> torch.Tensor:
    """The usual loop: DataLoader, autograd, torch.optim.SGD, cosine schedule. Returns logits."""
    x = torch.from_numpy((features - features.mean(0)) / features.std(0))
    loader = DataLoader(
        TensorDataset(x, torch.from_numpy(labels)), batch_size=config.batch_size, shuffle=True
    )
    head = torch.nn.Linear(x.shape[1], num_classes)
    optimizer = torch.optim.SGD(
        head.parameters(), config.learning_rate, config.momentum, 0, config.weight_decay
    )
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config.epochs * len(loader))
    for _ in range(config.epochs):
        total = 0.0
        for batch, target in loader:
            optimizer.zero_grad()
            loss = losses.gce_loss(head(batch), target, config.q).mean()
            loss.backward()
            optimizer.step()
            scheduler.step()
            total += loss.item() * len(target)
    with torch.no_grad():
        return head(x)


def probe_rows(
    features: np.ndarray, labels: np.ndarray, is_error: np.ndarray, args: argparse.Namespace
) -> np.ndarray:
    """Print the probe's times; return the CE losses (N,) of the fp32 probe."""
    config, target = ProbeConfig(epochs=args.epochs), torch.from_numpy(labels)

    def closed_form(dtype: torch.dtype) -> torch.Tensor:
        probe = fit_linear_probe(features, labels, args.classes, config, seed=0, dtype=dtype)
        return probe.logits(features)

    works: dict[str, Callable[[], torch.Tensor]] = {
        "DataLoader loop, autograd": lambda: data_loader_loop(
            features, labels, args.classes, config
        ),
        "turn_core probe, fp32": lambda: closed_form(torch.float32),
        "turn_core probe, bfloat16 features": lambda: closed_form(torch.bfloat16),
    }
    print("| probe | CPU s | wall s | CPU, share of the loop | CE loss | AUROC of error |")
    print("|---|---|---|---|---|---|")
    base, found = 0.0, {}
    for name, work in works.items():
        logits, cpu, wall = timed(work, args.repeats)
        base = base or cpu
        loss = found[name] = losses.ce_loss(logits, target).numpy()
        auroc = roc_auc_score(is_error, loss)
        print(
            f"| {name} | {cpu:.2f} | {wall:.2f} | 1/{base / cpu:.1f} "
            f"| {loss.mean():.3f} | {auroc:.4f} |"
        )
    return found["turn_core probe, fp32"]


def scaled_groups(loss: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Losses min-max scaled per class, class after class, ascending; and the class sizes."""
    order = np.lexsort((loss, labels))
    counts = np.bincount(labels)
    parts = np.split(loss[order].astype(np.float64), np.cumsum(counts)[:-1])
    return np.concatenate([(part - part[0]) / (part[-1] - part[0]) for part in parts]), counts


def scikit_learn_loop(values: np.ndarray, counts: np.ndarray, *, same_start: bool) -> np.ndarray:
    """Posterior (M,) of the lower component, one GaussianMixture per class."""
    parts = np.split(values, np.cumsum(counts)[:-1])
    out = []
    for part in parts:
        start = best_split(part) if same_start else {"random_state": 0}
        model = GaussianMixture(
            2,
            tol=CLEANSING.tol,
            max_iter=CLEANSING.max_iter,
            reg_covar=CLEANSING.reg_covar,
            **start,
        )
        column = part[:, None]
        out.append(model.fit(column).predict_proba(column)[:, model.means_.argmin()])
    return np.concatenate(out)


def best_split(part: np.ndarray) -> dict[str, list]:
    """scikit-learn's arguments for a start from the exact two-means split."""
    sizes = np.arange(1, len(part))
    left, total = np.cumsum(part)[:-1], part.sum()
    cut = int(np.argmax(left**2 / sizes + (total - left) ** 2 / (len(part) - sizes))) + 1
    sides = part[:cut], part[cut:]
    return {
        "weights_init": [len(side) / len(part) for side in sides],
        "means_init": [[side.mean()] for side in sides],
        "precisions_init": [[[1 / (side.var() + CLEANSING.reg_covar)]] for side in sides],
    }


def our_posterior(values: np.ndarray, counts: np.ndarray, *, monotone: bool) -> np.ndarray:
    """Posterior (M,) by the batched EM; without `monotone` the plain responsibility."""
    found = mixture.fit(
        values,
        counts,
        where=np.ones(len(counts), bool),
        max_iter=CLEANSING.max_iter,
        tol=CLEANSING.tol,
        reg_covar=CLEANSING.reg_covar,
    )
    groups = np.repeat(np.arange(len(counts)), counts)
    if monotone:
        return np.asarray(expit(found.log_odds(values, groups)))
    scaled = (values[:, None] - found.means[groups]) ** 2 / found.variances[groups]
    density = found.weights[groups] / np.sqrt(found.variances[groups]) * np.exp(-scaled / 2)
    return density[:, 0] / density.sum(axis=1)


def mixture_rows(loss: np.ndarray, labels: np.ndarray, args: argparse.Namespace) -> None:
    values, counts = scaled_groups(loss, labels)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        theirs, base, base_wall = timed(
            lambda: scikit_learn_loop(values, counts, same_start=False), args.repeats
        )
        same_start = scikit_learn_loop(values, counts, same_start=True)
    _, cpu, wall = timed(lambda: our_posterior(values, counts, monotone=True), 3 * args.repeats)
    plain = our_posterior(values, counts, monotone=False)
    _, whole, whole_wall = timed(
        lambda: clean_probability(loss, labels, args.classes, CLEANSING), 3 * args.repeats
    )
    print("\n| mixture | CPU ms | wall ms | share of the loop |\n|---|---|---|---|")
    print(f"| sklearn.mixture loop | {1e3 * base:.0f} | {1e3 * base_wall:.0f} | 1 |")
    print(f"| turn_core batched EM | {1e3 * cpu:.1f} | {1e3 * wall:.1f} | 1/{base / cpu:.0f} |")
    print(
        f"| whole cleansing (sort, clip, both mixtures, gate) | {1e3 * whole:.1f} "
        f"| {1e3 * whole_wall:.1f} | 1/{base / whole:.0f} |"
    )
    cut = CLEANSING.threshold
    for name, reference in (("its own start", theirs), ("the same start", same_start)):
        flips = np.mean((plain > cut) != (reference > cut))
        print(
            f"scikit-learn with {name}: largest difference of a posterior "
            f"{np.abs(plain - reference).max():.1e}, flips at {cut}: {flips:.1e}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--samples", type=int, default=50_000)
    parser.add_argument("--features", type=int, default=768)
    parser.add_argument("--classes", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    features, labels, is_error = made_up(args.samples, args.features, args.classes)
    print(
        f"{args.samples} x {args.features}, {args.classes} classes, {args.epochs} epochs, "
        f"batch 128, {args.threads} thread(s), torch {torch.__version__}\n"
    )
    loss = probe_rows(features, labels, is_error, args)
    mixture_rows(loss, labels, args)


if __name__ == "__main__":
    main()
