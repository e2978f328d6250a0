"""Settings of an exploration: what fine-tuning at several noise levels does to the features."""

from dataclasses import dataclass
from typing import Literal, get_args

from turn_core.errors import ConfigError
from turn_core.noise_config import NOISE_KINDS, NoiseConfig, NoiseKind
from turn_core.ranges import check_choice, check_range

ProjectionMethod = Literal["pca", "tsne", "umap"]
PROJECTIONS: tuple[ProjectionMethod, ...] = get_args(ProjectionMethod)
MIN_CLASS_SIZE = 10
"""A class with fewer usable samples is not explored: five to train on, five to look at."""
MAX_LEVELS = 20
MAX_BACKBONES = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class ExploreConfig:
    """Which backbones, how much noise, which samples. Classes are numbered 0..K-1 as in arrays."""

    backbones: tuple[str, ...] = ("turn-mini",)
    """Names of the registry, or paths of local Hugging Face folders."""
    noise: NoiseKind = "symmetric"
    """Kind of the noise that is put on top of the labels as they are now."""
    levels: tuple[float, ...] = (0.1, 0.9)
    """Noise levels, each 0..1; 0 is fine-tuning on the labels as they are."""
    classes: tuple[int, ...] | None = None
    """The classes to look at; None draws `max_classes` of them at random."""
    max_classes: int = 10
    """How many classes are drawn where `classes` is None."""
    max_samples: int = 2000
    """At most so many samples are trained on, equally many per class."""
    max_points: int = 2000
    """At most so many held-out samples are on a map, equally many per class."""
    holdout_fraction: float = 0.5
    """Share of each class that is held out where the data have no test or val split, 0.05..0.95."""
    epochs: int = 5
    """Epochs of full fine-tuning per level."""
    batch_size: int = 16
    """Samples per step: small, so that few samples still make as many steps as whole data sets."""
    with_turn: bool = False
    """Whether TURN is run on the same labels too."""
    projections: tuple[ProjectionMethod, ...] = ("pca", "tsne")
    """Maps of every panel; `pca` is always among them, because it is there at once."""
    block_size: int = 5
    """asymmetric_block noise: so many consecutive classes form a block."""
    superclasses: tuple[int, ...] | None = None
    """asymmetric_superclass noise: the superclass of each class of the project, (K,)."""
    mapping: tuple[int, ...] | None = None
    """asymmetric_map noise: the class to which each class of the project flips, (K,)."""
    seed: int = 0
    """Every random choice follows from it."""
    device: str = "auto"
    """`auto` (CUDA where there is one), `cpu`, `cuda` or `cuda:N`."""
    allow_hub: bool = True
    """Whether weights may be fetched from the Hugging Face hub."""

    def __post_init__(self) -> None:
        self._make_tuples()
        _check_list("backbones", self.backbones, MAX_BACKBONES)
        _check_list("levels", self.levels, MAX_LEVELS)
        for level in self.levels:
            check_range("explore.levels", level, 0, 1)
        for projection in self.projections:
            check_choice("explore.projections", projection, PROJECTIONS)
        check_choice("explore.noise", self.noise, NOISE_KINDS)
        if self.classes is not None and (len(self.classes) < 2 or min(self.classes) < 0):
            raise ConfigError(
                f"explore.classes must name at least two classes by number, got {self.classes}"
            )
        check_range("explore.max_classes", self.max_classes, 2, 10_000)
        check_range("explore.max_samples", self.max_samples, 20, 1_000_000)
        check_range("explore.max_points", self.max_points, 20, 100_000)
        check_range("explore.holdout_fraction", self.holdout_fraction, 0.05, 0.95)
        check_range("explore.epochs", self.epochs, 1, 1000)
        check_range("explore.batch_size", self.batch_size, 2, 65536)
        check_range("explore.seed", self.seed, 0, 2**31 - 1)
        self.noise_at(self.levels[0])

    def noise_at(self, level: float) -> NoiseConfig:
        """Return the noise of one level, with classes numbered as in the project."""
        return NoiseConfig(
            kind=self.noise,
            level=level,
            block_size=self.block_size,
            superclasses=self.superclasses,
            mapping=self.mapping,
        )

    def _make_tuples(self) -> None:
        """Turn the lists that JSON brings into tuples; put `pca` first; drop repeated entries."""
        for name in ("backbones", "levels", "classes", "projections", "superclasses", "mapping"):
            given = getattr(self, name)
            if given is not None:
                object.__setattr__(self, name, tuple(given))
        for name in ("backbones", "levels", "classes"):
            given = getattr(self, name)
            if given is not None:
                object.__setattr__(self, name, tuple(dict.fromkeys(given)))
        object.__setattr__(self, "projections", tuple(dict.fromkeys(("pca", *self.projections))))


def _check_list(name: str, given: tuple[object, ...], limit: int) -> None:
    if not 1 <= len(given) <= limit or "" in given:
        raise ConfigError(f"explore.{name} must have 1 to {limit} entries, got {given}")
