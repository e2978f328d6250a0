"""Settings of injected label noise. K classes; docs/noise.md has the formula of every kind."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from turn_core.errors import ConfigError
from turn_core.ranges import check_choice, check_range

NoiseKind = Literal[
    "symmetric",
    "symmetric_excluding",
    "asymmetric_block",
    "asymmetric_superclass",
    "asymmetric_next",
    "asymmetric_map",
    "instance_cheng",
    "instance_xia",
]
NOISE_KINDS: tuple[NoiseKind, ...] = get_args(NoiseKind)
INSTANCE_KINDS: frozenset[NoiseKind] = frozenset({"instance_cheng", "instance_xia"})
"""Kinds whose flips depend on the image: they need inputs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NoiseConfig:
    """Label noise to put into the labels of a data set."""

    kind: NoiseKind = "symmetric"
    """Which labels flip, and to what: see `NOISE_KINDS`."""
    level: float = 0.4
    """The papers' noise level, 0..1; how large a share of labels changes depends on the kind."""
    block_size: int = 5
    """asymmetric_block: so many consecutive classes form a block."""
    superclasses: tuple[int, ...] | None = None
    """asymmetric_superclass: the superclass of each class, (K,)."""
    mapping: tuple[int, ...] | None = None
    """asymmetric_map: the class to which each class flips, (K,); itself where it never does."""

    def __post_init__(self) -> None:
        for name in ("superclasses", "mapping"):
            if (given := getattr(self, name)) is not None:  # a list where it comes from JSON
                object.__setattr__(self, name, _class_numbers(f"noise.{name}", given))
        check_choice("noise.kind", self.kind, NOISE_KINDS)
        check_range("noise.level", self.level, 0, 1)
        check_range("noise.block_size", self.block_size, 2, 1_000_000)
        needed = {"asymmetric_superclass": "superclasses", "asymmetric_map": "mapping"}
        if (name := needed.get(self.kind, "")) and getattr(self, name) is None:
            raise ConfigError(f"noise.{name} must name a number per class for {self.kind} noise")


def _class_numbers(name: str, given: Sequence[object]) -> tuple[int, ...]:
    numbers = tuple(value for value in given if isinstance(value, int) and value >= 0)
    if not numbers or len(numbers) < len(given):
        raise ConfigError(f"{name} must be whole numbers from 0, one per class, got {given!r}")
    return numbers
