"""One entry for all noise models: labels and a config in, noisy labels with their facts out."""

import numpy as np
from numpy.typing import NDArray

from turn_core.config import NoiseConfig
from turn_core.errors import ConfigError, DataError
from turn_core.noise import asymmetric, instance
from turn_core.noise.records import NoisyLabels, noisy_labels
from turn_core.noise.symmetric import symmetric_transition
from turn_core.noise.transition import check_labels, inject
from turn_core.noise_config import INSTANCE_KINDS


def apply_noise(
    labels: NDArray[np.integer],
    num_classes: int,
    config: NoiseConfig,
    *,
    seed: int,
    trusted: NDArray[np.bool_] | None = None,
    inputs: NDArray[np.generic] | None = None,
) -> NoisyLabels:
    """Put noise of `config` into `labels` (N,), 0..K-1; nothing changes at level 0.

    Samples in `trusted` (N,) keep their labels, and trusting one never changes what happens to
    another. The instance kinds need `inputs` (N, ...): raw pixels, or features.

    Raises:
        ConfigError: the config does not fit the number of classes.
        DataError: a label is not 0..K-1, shapes disagree, or inputs are needed and missing.
    """
    before = np.asarray(labels).astype(np.int64)
    check_labels(before, num_classes)
    if config.kind in INSTANCE_KINDS:
        drawn = _instance_draw(before, num_classes, config, seed=seed, inputs=inputs)
        after, transition = drawn.labels, drawn.transition
    else:
        transition = class_transition(num_classes, config)
        after = inject(before, transition, seed=seed)
    if trusted is not None:
        if trusted.shape != before.shape:
            raise DataError(f"trusted has shape {trusted.shape}, labels {before.shape}")
        after = np.where(trusted, before, after)
    return noisy_labels(before, after, transition)


def class_transition(num_classes: int, config: NoiseConfig) -> NDArray[np.float64]:
    """Return the matrix (K, K) of a class-conditional kind.

    Raises:
        ConfigError: the config does not fit the number of classes, or the kind has no matrix.
    """
    match config.kind:
        case "symmetric" | "symmetric_excluding":
            include_true = config.kind == "symmetric"
            return symmetric_transition(num_classes, config.level, include_true=include_true)
        case "asymmetric_block":
            size = config.block_size
            return asymmetric.block_transition(num_classes, config.level, block_size=size)
        case "asymmetric_superclass":
            superclasses = _per_class("superclasses", config.superclasses, num_classes)
            return asymmetric.superclass_transition(superclasses, config.level)
        case "asymmetric_next":
            return asymmetric.next_transition(num_classes, config.level)
        case "asymmetric_map":
            mapping = _per_class("mapping", config.mapping, num_classes)
            return asymmetric.map_transition(mapping, config.level)
        case _:
            raise ConfigError(f"{config.kind} noise depends on the image and has no one matrix")


def _instance_draw(
    labels: NDArray[np.int64],
    num_classes: int,
    config: NoiseConfig,
    *,
    seed: int,
    inputs: NDArray[np.generic] | None,
) -> instance.InstanceDraw:
    if inputs is None:
        raise DataError(
            f"{config.kind} noise depends on the image: give its pixels or features per sample"
        )
    draw = instance.cheng_noise if config.kind == "instance_cheng" else instance.xia_noise
    return draw(labels, inputs, num_classes, config.level, seed=seed)


def _per_class(name: str, given: tuple[int, ...] | None, num_classes: int) -> tuple[int, ...]:
    if given is None or len(given) != num_classes:
        got = "none" if given is None else len(given)
        raise ConfigError(f"noise.{name} must have {num_classes} numbers, one per class, got {got}")
    return given
