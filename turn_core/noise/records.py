"""What putting noise into labels gives. N samples, K classes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from turn_core.noise.transition import measured_transition


@dataclass(frozen=True, slots=True, eq=False)
class NoisyLabels:
    """Labels after noise, and how much of it there truly is."""

    labels: NDArray[np.int64]
    """(N,) labels after noise, 0..K-1."""
    flipped: NDArray[np.bool_]
    """(N,) whose label changed; a trusted one never does."""
    rate: float
    """Share of all labels that changed, 0..1: the true rate, whatever the level promised."""
    transition: NDArray[np.float64]
    """(K, K) as measured: share of class i (before) that has label j (after); rows sum to 1."""
    expected_transition: NDArray[np.float64]
    """(K, K) as drawn from: the model's matrix (instance models: mean over a class's samples)."""
    counts: NDArray[np.int64]
    """(K,) labels of each class (before) that changed."""
    class_sizes: NDArray[np.int64]
    """(K,) samples of each class after noise: instance noise can make them very unequal."""

    @property
    def entropy(self) -> float:
        """Mean entropy of the rows of `transition`, in nats: 0 is fixed, ln K wholly random."""
        logs = np.log(
            self.transition, out=np.zeros_like(self.transition), where=self.transition > 0
        )
        return float(-(self.transition * logs).sum(axis=1).mean())


def noisy_labels(
    before: NDArray[np.int64], after: NDArray[np.int64], expected_transition: NDArray[np.float64]
) -> NoisyLabels:
    """State what became of labels `before` (N,) when noise made them `after` (N,)."""
    num_classes = len(expected_transition)
    flipped = after != before
    return NoisyLabels(
        labels=after,
        flipped=flipped,
        rate=float(flipped.mean()) if len(flipped) else 0.0,
        transition=measured_transition(before, after, num_classes),
        expected_transition=expected_transition,
        counts=np.bincount(before[flipped], minlength=num_classes),
        class_sizes=np.bincount(after, minlength=num_classes),
    )
