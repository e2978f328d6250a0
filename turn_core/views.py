"""Features of randomly changed copies of every image, extracted once and kept: cached views.

Methods that compare an image with changed copies of itself (DivideMix, UNICON) then train a head
without a forward pass. N images, D feature dimensions.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from turn_core import augment
from turn_core.backbones.loading import Backbone
from turn_core.backbones.precision import PrecisionChoice
from turn_core.config import Augmentation
from turn_core.features import extract_features, features_key
from turn_core.linear_probe import Features
from turn_core.predictions import OnProgress, PixelSource
from turn_core.ranges import check_choice, check_range
from turn_core.seeds import derive


@dataclass(frozen=True, kw_only=True, slots=True)
class ViewPlan:
    """Which copies to make of every image."""

    augmentation: Augmentation = "affine"
    """What a weak view is: `affine` for small images, `crop` for photographs."""
    num_weak: int = 4
    """Weak views."""
    num_strong: int = 2
    """Strong views: a weak one, then two operations of `augment.strengthen`."""
    seed: int = 0
    """Every view follows from it."""

    def __post_init__(self) -> None:
        check_choice("views.augmentation", self.augmentation, ("affine", "crop"))
        check_range("views.num_weak", self.num_weak, 0, 100)
        check_range("views.num_strong", self.num_strong, 0, 100)
        check_range("views.seed", self.seed, 0, 2**31 - 1)

    def names(self) -> list[str]:
        """Return the name of every view, the weak ones first."""
        weak = [f"weak-{number}" for number in range(self.num_weak)]
        return weak + [f"strong-{number}" for number in range(self.num_strong)]


@dataclass(frozen=True, slots=True)
class FeatureViews:
    """Cached features of the views."""

    weak: tuple[Features, ...]
    """Each (N, D)."""
    strong: tuple[Features, ...] = ()
    """Each (N, D)."""


@dataclass(frozen=True, slots=True)
class ChangedPixels:
    """One view of every image of a source: the same changes whenever the same batch is read."""

    source: PixelSource
    augmentation: Augmentation
    strong: bool
    seed: int

    def __len__(self) -> int:
        return len(self.source)

    def batch(self, rows: NDArray[np.int64]) -> Tensor:
        """Return the changed images `rows` as uint8 (B, 3, S, S)."""
        seed = derive(self.seed, int(rows[0]), len(rows))
        images = augment.augment(self.source.batch(rows).float(), self.augmentation, seed=seed)
        if self.strong:
            images = augment.strengthen(images, seed=derive(seed, "strong"))
        return images.round().to(torch.uint8)


def extract_views(  # noqa: PLR0913 - what to extract, then how
    backbone: Backbone,
    pixels: PixelSource,
    plan: ViewPlan,
    *,
    pixels_key: str,
    folder: Path,
    batch_size: int,
    precision: PrecisionChoice,
    on_progress: OnProgress = lambda done, total: None,
) -> FeatureViews:
    """Return the features of every view of `plan`, each memory-mapped from a file in `folder`.

    What is there is not computed again; an interrupted extraction goes on. The changes follow from
    the plan's seed and `batch_size`. `pixels_key` names the images; `on_progress` counts images
    of all views.

    Raises:
        ResourceError: the disk has no room for the features.
    """
    names, found = plan.names(), []
    total = len(names) * len(pixels)

    def counted(before: int) -> OnProgress:
        return lambda done, _: on_progress(before + done, total)

    for number, name in enumerate(names):
        view = f"{pixels_key}/view-1/{plan.augmentation}/{plan.seed}/{name}/{batch_size}"
        changed = ChangedPixels(
            pixels,
            plan.augmentation,
            strong=name.startswith("strong"),
            seed=derive(plan.seed, "view", name),
        )
        found.append(
            extract_features(
                backbone,
                changed,
                path=folder / f"{features_key(backbone, view, precision)}.npy",
                batch_size=batch_size,
                precision=precision,
                on_progress=counted(number * len(pixels)),
            )
        )
    return FeatureViews(tuple(found[: plan.num_weak]), tuple(found[plan.num_weak :]))
