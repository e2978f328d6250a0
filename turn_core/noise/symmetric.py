"""Symmetric noise: a wrong label is any label. K classes."""

import numpy as np
from numpy.typing import NDArray

from turn_core.errors import ConfigError


def symmetric_transition(
    num_classes: int, rate: float, *, include_true: bool = False
) -> NDArray[np.float64]:
    """Return the matrix (K, K) of symmetric noise: with probability `rate` a uniform label.

    Without the true class among the uniform labels the share of wrong labels is `rate`; with it
    (TURN, ELR, DivideMix, UNICON), rate (1 - 1 / K).

    Raises:
        ConfigError: the rate is outside 0..1, or there are fewer than two classes.
    """
    check_noise(num_classes, rate)
    if include_true:
        return rate / num_classes + (1 - rate) * np.eye(num_classes)
    off_diagonal = rate / (num_classes - 1)
    return off_diagonal + (1 - rate - off_diagonal) * np.eye(num_classes)


def check_noise(num_classes: int, rate: float) -> None:
    """Raise ConfigError unless the rate is from 0 to 1 and there are two classes or more."""
    if not 0 <= rate <= 1:
        raise ConfigError(f"the noise rate must be from 0 to 1, got {rate}")
    if num_classes < 2:
        raise ConfigError(f"label noise needs at least 2 classes, got {num_classes}")
