"""The search for a linear probe's settings (TURN paper, Table 7), on cached features.

N samples, D feature dimensions, K classes. Every setting is tried from the same start and in the
same order of samples, on the same held-out samples, whose labels may be wrong like all others: of
many settings the best on wrong labels is the best on right ones where the noise does not
favour a class. `try_config` is a plain function of plain values, so that a cluster can run it.
"""

import functools
import itertools
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from turn_core import losses
from turn_core.config import Optimizer, ProbeConfig
from turn_core.errors import ConfigError, DataError, JobError
from turn_core.holdout import stratified_holdout
from turn_core.linear_probe import Features, fit_linear_probe, take_rows
from turn_core.search_config import BATCH_SIZES, LEARNING_RATES, OPTIMIZERS, WEIGHT_DECAYS
from turn_core.seeds import derive

WORST_LOSS = 1 / 0.7
"""Mean GCE (q = 0.7) where every given label has probability 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchData:
    """What settings are tried on."""

    features: Features
    """(N, D), cached; may be memory-mapped."""
    labels: NDArray[np.int64]
    """(N,) in 0..K-1, possibly wrong."""
    num_classes: int
    held_out: NDArray[np.bool_]
    """(N,) True for the samples that settings are compared on and none is trained on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSpace:
    """The values that are combined, each with each; the defaults are 150."""

    optimizers: tuple[Optimizer, ...] = OPTIMIZERS
    learning_rates: tuple[float, ...] = LEARNING_RATES
    weight_decays: tuple[float, ...] = WEIGHT_DECAYS
    batch_sizes: tuple[int, ...] = BATCH_SIZES

    def configs(self, base: ProbeConfig) -> tuple[ProbeConfig, ...]:
        """Return `base` with every combination, in a fixed order.

        Raises:
            ConfigError: a list of values is empty, or a value out of range.
        """
        lists = (self.optimizers, self.learning_rates, self.weight_decays, self.batch_sizes)
        if not all(lists):
            raise ConfigError("the search space has a setting without values; give at least one")
        return tuple(
            replace(
                base, optimizer=optimizer, learning_rate=rate, weight_decay=decay, batch_size=size
            )
            for optimizer, rate, decay, size in itertools.product(*lists)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How one setting did on the held-out samples."""

    index: int
    """Place in the order of the space."""
    config: ProbeConfig
    accuracy: float
    """Share of held-out labels that are predicted, 0..1; 0 where training failed."""
    loss: float
    """Mean GCE (q = 0.7) of the held-out samples, 0 to `WORST_LOSS`: bounded, so that wrong labels
    cannot rule it."""
    seconds: float
    """CPU seconds of this process."""
    problem: str = ""
    """Why training failed; empty if it did not."""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """All trials in the order of the space, and the best."""

    trials: tuple[Trial, ...]
    best: Trial


TryConfig = Callable[[int, ProbeConfig], Trial]
Numbered = Sequence[tuple[int, ProbeConfig]]
"""Settings with their places in the order of the space."""
RunAll = Callable[[TryConfig, Numbered], Iterable[Trial]]
"""Runs the trials in any order, here or in other processes (what it gets can be pickled)."""


def hold_out(
    features: Features,
    labels: NDArray[np.int64],
    num_classes: int,
    *,
    seed: int,
    fraction: float = 0.2,
    image_keys: Sequence[str] | None = None,
) -> SearchData:
    """Return data for a search, `fraction` of every class held out.

    A fifth, not the paper's twentieth: of 10,000 samples the latter is 500, whose accuracy
    wavers by two points, more than good settings differ. Copies of an image, known by equal
    `image_keys`, are never on both sides.

    Raises:
        DataError: the shapes disagree, or the classes are too small to hold any sample out.
    """
    if features.ndim != 2 or labels.shape != (len(features),):
        raise DataError(
            f"features has shape {tuple(features.shape)}, labels {labels.shape}; "
            "give (N, D) features and one label for each of the N"
        )
    keys = [str(row) for row in range(len(labels))] if image_keys is None else image_keys
    everything = np.ones(len(labels), dtype=bool)
    seed = derive(seed, "search", "hold out")
    held = stratified_holdout(labels, keys, everything, fraction=fraction, seed=seed)
    if not held.any():
        raise DataError(
            f"none of {len(labels)} samples can be held out to compare settings on; "
            "give more samples of each class"
        )
    return SearchData(features=features, labels=labels, num_classes=num_classes, held_out=held)


def search(
    data: SearchData,
    configs: Sequence[ProbeConfig],
    *,
    seed: int,
    device: torch.device | str = "cpu",
    run_all: RunAll | None = None,
    done: Sequence[Trial] = (),
    on_trial: Callable[[Trial], None] | None = None,
) -> SearchResult:
    """Try every setting and return all trials with the best.

    The result follows from data, settings and seed alone, whatever order `run_all` takes; every
    trial has one thread, so that its sums are the same everywhere. `done` are trials of an earlier
    attempt at the same search: they are taken as they are. `on_trial` hears of each other one as it
    ends, and may raise to stop.

    Raises:
        ConfigError: there is no setting.
        JobError: training failed with every setting.
    """
    if not configs:
        raise ConfigError("there is no setting to try; give at least one")

    attempt = functools.partial(_attempt, data, seed, device)
    known = {t.index for t in done}
    left = [pair for pair in enumerate(configs) if pair[0] not in known]
    trials = list(done)
    running = (run_all or _one_by_one)(attempt, left)
    try:
        for trial in running:
            trials.append(trial)
            if on_trial is not None:
                on_trial(trial)
    finally:
        if isinstance(running, Generator):
            running.close()  # trials in other processes stop now, not when memory is tidied
    trials.sort(key=lambda trial: trial.index)
    return SearchResult(tuple(trials), best_of(trials))


def try_config(
    data: SearchData,
    config: ProbeConfig,
    *,
    index: int,
    seed: int,
    device: torch.device | str = "cpu",
) -> Trial:
    """Train a probe on all but the held-out samples and measure it on those."""
    started = time.process_time()
    rows = np.flatnonzero(data.held_out)
    seed = derive(seed, "search", "probe")
    try:
        probe = fit_linear_probe(
            data.features,
            data.labels,
            data.num_classes,
            config,
            seed=seed,
            mask=~data.held_out,
            device=device,
        )
    except JobError as error:  # this setting diverges; the others are tried all the same
        spent = time.process_time() - started
        return Trial(
            index=index,
            config=config,
            accuracy=0,
            loss=WORST_LOSS,
            seconds=spent,
            problem=str(error),
        )
    logits = probe.logits(take_rows(data.features, rows)).cpu()
    labels = torch.from_numpy(data.labels[rows])
    return Trial(
        index=index,
        config=config,
        accuracy=float((logits.argmax(dim=1) == labels).double().mean()),
        loss=float(losses.gce_loss(logits, labels).double().mean()),
        seconds=time.process_time() - started,
    )


def best_of(trials: Sequence[Trial]) -> Trial:
    """Return the most accurate trial; of equal ones that of the smaller loss, then the first.

    Raises:
        JobError: training failed in all of them; the message has the reason of the first.
    """
    sound = [trial for trial in trials if not trial.problem]
    if not sound:
        raise JobError(f"no setting could be trained; the first: {trials[0].problem}")
    return min(sound, key=lambda trial: (-trial.accuracy, trial.loss, trial.index))


def _attempt(
    data: SearchData, seed: int, device: torch.device | str, index: int, config: ProbeConfig
) -> Trial:
    """Be a plain function, so that `run_all` can send its trials to other processes."""
    with _one_thread():
        return try_config(data, config, index=index, seed=seed, device=device)


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _one_by_one(attempt: TryConfig, numbered: Numbered) -> Iterable[Trial]:
    return itertools.starmap(attempt, numbered)
