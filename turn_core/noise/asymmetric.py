"""Asymmetric noise: a class flips to one fixed other class. K classes, rate r.

T[i, i] = 1 - r and T[i, target of i] = r; a class whose target is itself never flips.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from turn_core.errors import ConfigError
from turn_core.noise.symmetric import check_noise

Floats = NDArray[np.float64]


def block_transition(num_classes: int, rate: float, *, block_size: int = 5) -> Floats:
    """Return the matrix (K, K) that shifts each class to the next in its block, last to first.

    Blocks are `block_size` consecutive classes (ELR, UNICON; TURN follows them). With CIFAR-100's
    alphabetical classes that is not the superclasses; the last block is shorter where K leaves a
    rest, and a class alone in it never flips.
    """
    check_noise(num_classes, rate)
    if block_size < 2:
        raise ConfigError(f"a block holds at least 2 classes, got {block_size}")
    return superclass_transition(np.arange(num_classes) // block_size, rate)


def superclass_transition(superclasses: Sequence[int] | NDArray[np.integer], rate: float) -> Floats:
    """Return the matrix (K, K) that shifts each class to the next of its superclass, last to first.

    `superclasses` (K,) names the superclass of each class. A class alone in its superclass never
    flips.

    Raises:
        ConfigError: no superclass has two classes, so that nothing could flip.
    """
    superclass = np.asarray(superclasses)
    target = np.arange(len(superclass))
    for one in np.unique(superclass):
        members = np.flatnonzero(superclass == one)
        target[members] = np.roll(members, -1)
    return map_transition(target, rate)


def next_transition(num_classes: int, rate: float) -> Floats:
    """Return the matrix (K, K) of pair flips: each class to the next one, the last to the first."""
    check_noise(num_classes, rate)
    return map_transition((np.arange(num_classes) + 1) % num_classes, rate)


def map_transition(mapping: Sequence[int] | NDArray[np.integer], rate: float) -> Floats:
    """Return the matrix (K, K) that flips class i to class mapping[i]; itself means never.

    Raises:
        ConfigError: a target is not a class, or every class is mapped to itself.
    """
    target = np.asarray(mapping)
    num_classes = len(target)
    check_noise(num_classes, rate)
    if not 0 <= target.min() <= target.max() < num_classes:
        raise ConfigError(
            f"targets of asymmetric noise must be classes from 0 to {num_classes - 1}, "
            f"got {target.min()} to {target.max()}"
        )
    if (target == np.arange(num_classes)).all():
        raise ConfigError("asymmetric noise needs a class that flips to another; here none does")
    transition = (1 - rate) * np.eye(num_classes)
    transition[np.arange(num_classes), target] += rate
    return transition
