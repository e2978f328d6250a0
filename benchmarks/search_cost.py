"""Cost of the search for a probe's settings: the 150 of Table 7 on cached features.

    make bench NAME=search_cost ARGS="[--samples 10000] [--features 192] [--quick] [--ray 2]"

Goal: 3 CPU-minutes for 150 settings on 10,000 x 192 features, 20 epochs each. Features are drawn
from Gaussians, 40 % of the labels are wrong by symmetric noise. Beside the cost: how well the
best setting by held-out wrong labels does on a test set with right ones, against the default.
--quick tries one rate and decay for every optimiser and batch size, which alone decide the cost,
twice, and counts the cheaper of the two 25 times. --ray runs all again by that many processes of
Ray: whether trials and winner are the same, seconds until Ray is up, until its first trial, in all.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from turn_core.config import NoiseConfig, ProbeConfig
from turn_core.experiments import ray_link, ray_search
from turn_core.experiments import search as searching
from turn_core.experiments.search import SearchData, SearchResult, SearchSpace
from turn_core.linear_probe import fit_linear_probe
from turn_core.noise import apply_noise


def made_up(num: int, dim: int, num_classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Features (N, D) around a centre per class, and true labels (N,)."""
    centers = np.random.default_rng(0).standard_normal((num_classes, dim))
    centers *= 0.9 / np.sqrt(1 + np.arange(dim) / 8)
    rng = np.random.default_rng(seed)
    true = rng.integers(0, num_classes, num)
    return (centers[true] + rng.standard_normal((num, dim))).astype(np.float32), true


def estimate(data: SearchData, base: ProbeConfig) -> float:
    """Return the CPU seconds of the whole space, from one setting per optimiser and batch size."""
    space, total = SearchSpace(), 0.0
    one = replace(space, learning_rates=(1e-2,), weight_decays=(1e-4,))
    for config in one.configs(base):
        trials = [searching.try_config(data, config, index=0, seed=0) for _ in range(2)]
        spent = min(trial.seconds for trial in trials)
        print(f"{config.optimizer:6}{config.batch_size:4}{spent:7.2f} s {trials[0].accuracy:.4f}")
        total += spent
    return total * len(space.learning_rates) * len(space.weight_decays)


def by_ray(data: SearchData, configs: Sequence[ProbeConfig], here: SearchResult, size: int) -> None:
    """Search again by Ray and print what it costs, and whether it comes to the same."""
    start = time.perf_counter()
    times: list[float] = []
    with ray_link.connected(num_cpus=size):
        up = time.perf_counter() - start
        there = searching.search(
            data,
            configs,
            seed=0,
            run_all=ray_search.runner(),
            on_trial=lambda _: times.append(time.perf_counter() - start),
        )
        wall = time.perf_counter() - start
    figures = [(t.accuracy, t.loss, t.problem) for t in there.trials]
    same = figures == [(t.accuracy, t.loss, t.problem) for t in here.trials]
    cpu = sum(trial.seconds for trial in there.trials)
    print(
        f"Ray, {size} processes: up in {up:.1f} s, first trial after {times[0]:.1f} s, all "
        f"{len(times)} in {wall:.0f} s, trials {cpu:.0f} CPU seconds; winner "
        f"{'the same' if there.best.config == here.best.config else 'ANOTHER'}, all figures "
        f"{'the same' if same else 'NOT the same'}"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--features", type=int, default=192)
    parser.add_argument("--classes", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--quick", action="store_true", help="cost alone, from six settings")
    parser.add_argument("--ray", type=int, default=0, metavar="N", help="processes of Ray")
    options = parser.parse_args()
    torch.set_num_threads(1)
    features, true = made_up(options.samples, options.features, options.classes, seed=1)
    test = made_up(5000, options.features, options.classes, seed=2)
    noise = NoiseConfig(kind="symmetric", level=0.4)
    labels = apply_noise(true, options.classes, noise, seed=0).labels
    base = ProbeConfig(epochs=options.epochs)
    configs = SearchSpace().configs(base)
    data = searching.hold_out(features, labels, options.classes, seed=0)
    if options.quick:
        print(f"{len(configs)} settings: {estimate(data, base):.0f} CPU seconds, from six of them")
        return
    start = time.process_time(), time.perf_counter()
    result = searching.search(data, configs, seed=0)
    cpu, wall = time.process_time() - start[0], time.perf_counter() - start[1]
    print(f"{len(configs)} settings: {cpu:.0f} CPU seconds, {wall:.0f} s", flush=True)

    if options.ray:
        by_ray(data, configs, result, options.ray)

    def test_accuracy(config: ProbeConfig) -> float:
        probe = fit_linear_probe(features, labels, options.classes, config, seed=0)
        return float((probe.logits(test[0]).argmax(1).numpy() == test[1]).mean())

    best = result.best
    print(f"best: {best.config}, held-out accuracy {best.accuracy:.4f} (wrong labels)")
    print(f"accuracy on right labels: best {test_accuracy(best.config):.4f}", end="")
    print(f", default {test_accuracy(base):.4f}")


if __name__ == "__main__":
    main()
