"""Settings of a search for the linear probe's settings (TURN paper, Table 7)."""

import math
from dataclasses import dataclass
from typing import Literal

from turn_core.errors import ConfigError
from turn_core.ranges import check_choice, check_range

ProbeOptimizer = Literal["sgd", "adamw"]

OPTIMIZERS: tuple[ProbeOptimizer, ...] = ("sgd", "adamw")
LEARNING_RATES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5)
WEIGHT_DECAYS = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
BATCH_SIZES = (64, 128, 256)
"""The space: 150 settings of the rates and decays that Table 8 chose from, and three batch sizes
around the 128 of the paper."""
MAX_SETTINGS = 2000


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchConfig:
    """On which features which values are combined, each with each, and how they are compared."""

    backbone: str = "turn-mini"
    """A name of the registry, or the path of a local Hugging Face folder."""
    optimizers: tuple[ProbeOptimizer, ...] = OPTIMIZERS
    """SGD with momentum, AdamW, or both."""
    learning_rates: tuple[float, ...] = LEARNING_RATES
    """Peak learning rates."""
    weight_decays: tuple[float, ...] = WEIGHT_DECAYS
    """L2 penalties (SGD) or decoupled decays (AdamW)."""
    batch_sizes: tuple[int, ...] = BATCH_SIZES
    """Samples per step."""
    holdout_fraction: float = 0.2
    """Share of each class that settings are compared on and none is trained on, 0.05..0.5."""
    max_samples: int = 20_000
    """At most so many samples are used, drawn at random."""
    seed: int = 0
    """Every random choice follows from it."""
    device: str = "auto"
    """`auto` (CUDA where there is one), `cpu`, `cuda` or `cuda:N`."""
    allow_hub: bool = True
    """Whether weights may be fetched from the Hugging Face hub."""
    ray: str = ""
    """Empty: in this process. `local`: by Ray on this machine. Else the address of a cluster."""

    def __post_init__(self) -> None:
        for name in ("optimizers", "learning_rates", "weight_decays", "batch_sizes"):
            given = tuple(dict.fromkeys(getattr(self, name)))  # JSON brings lists
            if not given:
                raise ConfigError(f"search.{name} has no value; give at least one")
            object.__setattr__(self, name, given)
        for optimizer in self.optimizers:
            check_choice("search.optimizers", optimizer, OPTIMIZERS)
        for rate in self.learning_rates:
            check_range("search.learning_rates", rate, 1e-8, 100)
        for decay in self.weight_decays:
            check_range("search.weight_decays", decay, 0, 10)
        for size in self.batch_sizes:
            check_range("search.batch_sizes", size, 1, 65536)
        if self.num_settings > MAX_SETTINGS:
            raise ConfigError(
                f"the search space has {self.num_settings:,} settings; give fewer values, so that "
                f"there are at most {MAX_SETTINGS:,}"
            )
        check_range("search.holdout_fraction", self.holdout_fraction, 0.05, 0.5)
        check_range("search.max_samples", self.max_samples, 100, 1_000_000)
        check_range("search.seed", self.seed, 0, 2**31 - 1)
        if not self.backbone:
            raise ConfigError("search.backbone must be a registry name or a folder, got none")

    @property
    def num_settings(self) -> int:
        """How many settings are tried, beside the preset."""
        lists = (self.optimizers, self.learning_rates, self.weight_decays, self.batch_sizes)
        return math.prod(map(len, lists))
