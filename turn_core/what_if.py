"""What TURN's step 1 would find if some of these right labels were wrong. N samples, K classes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from turn_core import estimates, losses, metrics, scoring
from turn_core.cleansing import balanced_clean_subset, clean_probability
from turn_core.config import CleansingConfig, NoiseConfig, TurnConfig
from turn_core.errors import ConfigError, DataError
from turn_core.linear_probe import Features, fit_linear_probe
from turn_core.noise import NoisyLabels, apply_noise
from turn_core.noise_aware_probe import fit_noise_aware_probe
from turn_core.seeds import derive

MIN_CLASS = 10
"""A class with fewer samples is left out: neither it nor its errors could be learnt."""

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class WhatIfMeasures:
    """How well the injected errors were found; None where the draw leaves a measure undefined."""

    noise_rate: float
    """True share of labels that changed."""
    estimated_rate: float | None
    """What the mixture says; None where it found no clear group."""
    auroc: float | None
    average_precision: float | None
    lift_100: float | None
    lift_errors: float | None
    purity: float | None
    """Share of right labels in the balanced clean subset."""
    effort_saved: float | None
    """Reviews saved against random order until 80 % of the errors are found."""
    found_10: float | None
    """Share of errors found after reviewing 10 % of the samples."""
    found_20: float | None
    found_30: float | None


def usable_classes(labels: Ints, eligible: NDArray[np.bool_]) -> tuple[Ints, Ints]:
    """Return the rows (N,) of eligible samples in classes of MIN_CLASS or more, and these classes.

    Raises:
        DataError: fewer than two classes are left.
    """
    counts = np.bincount(labels[eligible & (labels >= 0)])
    kept = np.flatnonzero(counts >= MIN_CLASS)
    if len(kept) < 2:
        raise DataError(
            f"a what-if needs two classes with {MIN_CLASS} samples each whose labels are believed "
            f"right; there are {len(kept)}: review some more, or train another round"
        )
    return np.flatnonzero(eligible & np.isin(labels, kept)), kept


def noise_among(noise: NoiseConfig, classes: Ints) -> NoiseConfig:
    """Return the noise for some classes (K,) of a project, numbered 0..K-1 in their order.

    Blocks and groups stay those of the project, without the classes that are left out; a class
    whose target is left out never flips.

    Raises:
        ConfigError: the noise names a number per class, and not for all of these.
    """
    own = [int(index) for index in classes]
    if noise.kind == "asymmetric_block":
        groups = tuple(index // noise.block_size for index in own)
        return replace(noise, kind="asymmetric_superclass", superclasses=groups)
    if noise.kind == "asymmetric_superclass":
        given = _for_all(noise.superclasses, own)
        return replace(noise, superclasses=tuple(given[index] for index in own))
    if noise.kind == "asymmetric_map":
        given, place = _for_all(noise.mapping, own), {index: i for i, index in enumerate(own)}
        mapping = tuple(place.get(given[index], i) for i, index in enumerate(own))
        return replace(noise, mapping=mapping)
    return noise


def _for_all(given: tuple[int, ...] | None, classes: list[int]) -> tuple[int, ...]:
    if given is None or len(given) <= max(classes):
        named = 0 if given is None else len(given)
        raise ConfigError(
            f"the noise was described for {named} classes, and the project has more by now: "
            "start the what-if again"
        )
    return given


def measure(  # noqa: PLR0913 - the inputs of the paper, then keywords
    features: Features,
    labels: Ints,
    num_classes: int,
    noise: NoiseConfig,
    config: TurnConfig,
    *,
    seed: int,
    device: torch.device,
    on_epoch: Callable[[int, float], None],
) -> WhatIfMeasures:
    """Put noise into labels (N,) 0..K-1 that count as right, run step 1, compare.

    Probe and cleansing are those of `config`. `on_epoch` may raise to stop.

    Raises:
        ConfigError: the noise does not fit the number of classes.
        DataError: the noise needs what is not given.
    """
    inputs = np.asarray(features, np.float32)
    noisy = apply_noise(
        labels, num_classes, noise, seed=derive(seed, "what if noise"), inputs=inputs
    )
    probe = derive(seed, "probe")
    loss = _step_one(
        features, noisy.labels, num_classes, config, seed=probe, device=device, on_epoch=on_epoch
    )
    return _compare(noisy, loss, num_classes, config.cleansing, seed=derive(seed, "subset"))


def _step_one(
    features: Features,
    labels: Ints,
    num_classes: int,
    config: TurnConfig,
    *,
    seed: int,
    device: torch.device,
    on_epoch: Callable[[int, float], None],
) -> NDArray[np.float32]:
    """Return what step 1 of the config's method judges each label by (N,)."""
    given = torch.from_numpy(labels).to(device)
    if config.method == "turn-plus":
        found = fit_noise_aware_probe(
            features, labels, num_classes, config.probe, seed=seed, device=device, on_epoch=on_epoch
        )
        loss = losses.weighted_ce_loss(found.head.logits(features), given, found.alternatives)
    else:
        probe = fit_linear_probe(
            features, labels, num_classes, config.probe, seed=seed, device=device, on_epoch=on_epoch
        )
        loss = losses.ce_loss(probe.logits(features), given)
    values: NDArray[np.float32] = loss.cpu().numpy()
    return values


def _compare(
    noisy: NoisyLabels,
    loss: NDArray[np.float32],
    num_classes: int,
    config: CleansingConfig,
    *,
    seed: int,
) -> WhatIfMeasures:
    """Cleanse, and hold what it finds against what was injected."""
    found = clean_probability(loss, noisy.labels, num_classes, config)
    subset = balanced_clean_subset(found, noisy.labels, config, seed=seed).indices
    report = metrics.detection_report(
        found.clean_probability, noisy.flipped, threshold=config.threshold, losses=loss
    )
    in_order = noisy.flipped[scoring.rank_order(found.clean_probability, loss)]
    shares = estimates.share_found(in_order, (0.1, 0.2, 0.3))
    return WhatIfMeasures(
        noise_rate=noisy.rate,
        estimated_rate=None if found.noise_rate is None else found.noise_rate.value,
        auroc=report.auroc,
        average_precision=report.average_precision,
        lift_100=report.lift_100,
        lift_errors=report.lift_errors,
        purity=float(1 - noisy.flipped[subset].mean()) if len(subset) else None,
        effort_saved=estimates.effort_saved(in_order),
        found_10=shares[0],
        found_20=shares[1],
        found_30=shares[2],
    )


def spread(values: list[float | None]) -> Mapping[str, float] | None:
    """Return mean and standard deviation of what is defined; None where nothing is."""
    known = np.array([value for value in values if value is not None], np.float64)
    if not len(known):
        return None
    deviation = float(known.std(ddof=1)) if len(known) > 1 else 0.0
    return {"mean": float(known.mean()), "deviation": deviation}
