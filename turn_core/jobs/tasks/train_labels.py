"""The labels that a run trains on, fixed when it starts: a resumed run must see the same ones.

M samples with a readable image, N <= M of them with a class to train on.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from turn_core.services.samples import LabelSnapshot
from turn_core.store.arrays import load_array, save_arrays
from turn_core.types import ReviewStatus, SampleState

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RunLabels:
    """Labels of the M readable samples at the start of a run; classes are project indices."""

    sample_ids: Ints
    current: Ints
    """(M,) -1 where there is no label."""
    trusted: Bools
    excluded: Bools
    pending: Bools
    """(M,) not yet reviewed."""

    @staticmethod
    def of(snapshot: LabelSnapshot) -> "RunLabels":
        """Take the readable samples of a snapshot."""
        kept = snapshot.state != SampleState.UNREADABLE
        return RunLabels(
            sample_ids=snapshot.sample_ids[kept],
            current=snapshot.current[kept],
            trusted=snapshot.trusted[kept],
            excluded=snapshot.excluded[kept],
            pending=(snapshot.status == ReviewStatus.PENDING)[kept].astype(np.bool_),
        )

    def save(self, path: Path) -> None:
        """Write them to a file, atomically."""
        save_arrays(path, {name: getattr(self, name) for name in self.__slots__})

    @staticmethod
    def load(path: Path) -> "RunLabels":
        """Read what `save` wrote."""
        arrays = {name: np.array(load_array(path, name)) for name in RunLabels.__slots__}
        return RunLabels(**arrays)


@dataclass(frozen=True, slots=True)
class Usable:
    """The N samples and K classes of a run among all M samples and all classes of the project."""

    rows: Ints
    """(N,) places among the M."""
    class_index: Ints
    """(K,) project index of each class of the model: those with a sample that is not excluded."""
    labels: Ints
    """(N,) classes of the model, 0..K-1."""

    @staticmethod
    def among(labels: RunLabels, unreadable: Bools) -> "Usable":
        """Leave out what has no label, no image, or a class that nothing is left to train of."""
        usable = (labels.current >= 0) & ~unreadable
        present = np.unique(labels.current[usable & ~labels.excluded])
        rows = np.flatnonzero(usable & np.isin(labels.current, present))
        return Usable(rows, present, np.searchsorted(present, labels.current[rows]))
