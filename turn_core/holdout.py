"""The held-out split: samples that measure accuracy and are never trained on. N samples."""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from turn_core.seeds import derive

MIN_CLASS = 5
"""A class with fewer samples gives none."""


def stratified_holdout(
    labels: NDArray[np.int64],
    image_keys: Sequence[str],
    candidates: NDArray[np.bool_],
    *,
    fraction: float,
    seed: int,
) -> NDArray[np.bool_]:
    """Return (N,) True for about `fraction` of the candidates of every class.

    Within a class the candidates are ordered by a hash of (seed, image key) and the first are
    taken: a later round with a few other labels holds out nearly the same ones. Copies of an image
    share its key and its fate, whatever their labels, so that no held-out image is trained on. The
    rest of a share that is no whole number is taken by chance, so small classes give a fair share.
    """
    places = np.array([_place(seed, key) for key in image_keys])
    allowed = candidates & (np.bincount(labels)[labels] >= MIN_CLASS)
    allowed &= ~np.isin(places, places[~allowed])  # no copy may be trained on
    held = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels[allowed]):
        members = np.flatnonzero(allowed & (labels == label))
        chance = derive(seed, "holdout", int(label)) / 2**31
        count = int(len(members) * fraction + chance)
        held[members[np.argsort(places[members], kind="stable")[:count]]] = True
    held = np.isin(places, places[held])
    kept = np.unique(labels[~held & candidates])
    emptied = held & ~np.isin(labels, kept)
    return held & ~np.isin(places, places[emptied])


def _place(seed: int, key: str) -> int:
    digest = hashlib.blake2b(f"{seed}/holdout/{key}".encode(), digest_size=7)
    return int.from_bytes(digest.digest(), "big")
