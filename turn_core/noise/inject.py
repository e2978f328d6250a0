"""Draw wrong labels from a transition matrix (K, K): T[i, j] = P(given = j | true = i)."""

import numpy as np
from numpy.typing import NDArray

from turn_core.errors import ConfigError, DataError
from turn_core.seeds import derive

Floats = NDArray[np.float64]


def symmetric_transition(num_classes: int, rate: float, *, include_true: bool = False) -> Floats:
    """Return the matrix (K, K) of symmetric noise: with probability `rate` a uniform label.

    Without the true class among the uniform labels the share of wrong labels is `rate`; with it
    (TURN, ELR, DivideMix, UNICON), rate (1 - 1 / K).

    Raises:
        ConfigError: the rate is outside 0..1, or there are fewer than two classes.
    """
    if not 0 <= rate <= 1:
        raise ConfigError(f"the noise rate must be from 0 to 1, got {rate}")
    if num_classes < 2:
        raise ConfigError(f"label noise needs at least 2 classes, got {num_classes}")
    if include_true:
        return rate / num_classes + (1 - rate) * np.eye(num_classes)
    off_diagonal = rate / (num_classes - 1)
    return off_diagonal + (1 - rate - off_diagonal) * np.eye(num_classes)


def inject(labels: NDArray[np.integer], transition: Floats, *, seed: int) -> NDArray[np.int64]:
    """Return labels (N,) drawn from the row of `transition` (K, K) that each true label names.

    One uniform draw per sample, in order: the same seed gives the same labels. The stream is
    noise's own: with the seed of a run, a draw of that run never repeats these numbers.

    Raises:
        DataError: the matrix is not square with rows of probabilities, or a label is not 0..K-1.
    """
    num_classes = len(transition)
    if transition.shape != (num_classes, num_classes) or (transition < 0).any():
        raise DataError(
            f"a transition matrix is square and not negative, got shape {transition.shape} "
            f"with minimum {transition.min(initial=0)}"
        )
    sums = transition.sum(axis=1)
    if not np.allclose(sums, 1):
        raise DataError(f"rows of a transition matrix sum to 1, got {sums.min()} to {sums.max()}")
    if len(labels) and not 0 <= labels.min() <= labels.max() < num_classes:
        raise DataError(
            f"labels must be from 0 to {num_classes - 1}, got {labels.min()} to {labels.max()}"
        )
    draw = np.random.default_rng(derive(seed, "noise")).random(len(labels))
    edges = np.cumsum(transition, axis=1)[:, :-1]  # the last edge is 1: no draw reaches it
    drawn: NDArray[np.int64] = (draw[:, None] >= edges[labels]).sum(axis=1)
    return drawn
