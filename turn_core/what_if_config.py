"""Settings of a what-if: noise put into labels that are believed right, to see what is found."""

from dataclasses import dataclass, field

from turn_core.noise_config import NoiseConfig
from turn_core.ranges import check_range


@dataclass(frozen=True, kw_only=True, slots=True)
class WhatIfConfig:
    """Which noise, how often, on how many samples."""

    noise: NoiseConfig = field(default_factory=NoiseConfig)
    """Kind and level of the noise."""
    repeats: int = 3
    """Draws of the noise, each with a seed of its own; the spread over them is shown."""
    min_trusted: int = 300
    """With fewer trusted samples the part that the round believes clean is used, and said so."""
    max_samples: int = 20_000
    """At most so many samples are used, drawn at random."""
    seed: int = 0
    """Every random choice follows from it."""

    def __post_init__(self) -> None:
        check_range("what_if.repeats", self.repeats, 1, 50)
        check_range("what_if.min_trusted", self.min_trusted, 20, 1_000_000)
        check_range("what_if.max_samples", self.max_samples, 100, 1_000_000)
        check_range("what_if.seed", self.seed, 0, 2**31 - 1)
