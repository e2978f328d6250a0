"""Settings as frozen dataclasses; every range is checked where the field stands.

`to_dict` and `from_dict` turn a config into plain JSON values and back; unknown keys are refused.
"""

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar, get_type_hints

from turn_core.errors import ConfigError
from turn_core.explore_config import ExploreConfig as ExploreConfig
from turn_core.noise_config import NoiseConfig as NoiseConfig
from turn_core.ranges import check_choice as _check_choice
from turn_core.ranges import check_range as _check
from turn_core.search_config import SearchConfig as SearchConfig
from turn_core.what_if_config import WhatIfConfig as WhatIfConfig

T = TypeVar("T")
Optimizer = Literal["sgd", "adamw"]
Augmentation = Literal["affine", "crop", "none"]
Method = Literal["turn", "turn-plus"]
METHOD_TITLES: Mapping[str, str] = {"turn": "TURN", "turn-plus": "TURN-plus"}
"""What people are shown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeConfig:
    """Linear probe on frozen features (TURN step 1; paper section 4.1, appendix B.2)."""

    loss: Literal["gce", "ce"] = "gce"
    """Generalized cross entropy, or plain cross entropy as the control."""
    q: float = 0.7
    """GCE exponent in (0, 1]; 0 is cross entropy, 1 is the mean absolute error."""
    epochs: int = 20
    """Passes over all features."""
    min_steps: int = 50
    """At least so many steps in all: more epochs than `epochs` where samples are few."""
    batch_size: int = 128
    """Samples per step."""
    optimizer: Optimizer = "sgd"
    """SGD with momentum, or AdamW."""
    learning_rate: float = 0.05
    """Peak learning rate, cosine to zero, for features standardised per dimension."""
    momentum: float = 0.9
    """SGD momentum."""
    weight_decay: float = 1e-4
    """L2 penalty (SGD) or decoupled decay (AdamW)."""
    standardize: bool = True
    """Give every feature dimension mean 0 and variance 1 first; folded into the head afterwards."""
    class_balanced: bool = False
    """Draw samples with probability 1 / (size of their class): for skewed label noise."""

    def __post_init__(self) -> None:
        _check_choice("probe.loss", self.loss, ("gce", "ce"))
        _check("probe.q", self.q, 1e-6, 1)
        _check("probe.epochs", self.epochs, 1, 1000)
        _check("probe.min_steps", self.min_steps, 0, 1_000_000)
        _check("probe.batch_size", self.batch_size, 1, 65536)
        _check_choice("probe.optimizer", self.optimizer, ("sgd", "adamw"))
        _check("probe.learning_rate", self.learning_rate, 1e-8, 100)
        _check("probe.momentum", self.momentum, 0, 0.9999)
        _check("probe.weight_decay", self.weight_decay, 0, 10)


@dataclass(frozen=True, kw_only=True, slots=True)
class CleansingConfig:
    """Which samples count as clean (TURN step 2; paper section 4.2)."""

    threshold: float = 0.6
    """tau: keep a sample when its clean probability exceeds this, in (0, 1)."""
    max_iter: int = 100
    """EM iterations of the mixture, at most."""
    tol: float = 1e-3
    """EM stops for a class when its mean log-likelihood rises by less than this."""
    reg_covar: float = 5e-4
    """Added to each variance, on losses scaled to 0..1."""
    clip_quantile: float = 0.001
    """Losses are clipped to the quantiles (this, 1 - this) of their class before scaling."""
    min_class_size: int = 20
    """A smaller class is scored by the mixture of all classes (fallback `pooled`)."""
    min_samples: int = 50
    """With fewer scored samples in all nothing is cut (fallback `ranking_only`)."""
    separation_small: float = 2.5
    """Ashman's D that a class of fewer than 1,000 samples must exceed for a mixture of its own."""
    separation_large: float = 2.0
    """The same from 1,000 samples on."""
    evidence: float = 0.125
    """Loss of the upper group beyond chance, nats per sample of all, that proves wrong labels."""
    subset_floor: int = 4
    """Every class gives at least this many samples (its most probable ones), or all it has."""

    def __post_init__(self) -> None:
        _check("cleansing.threshold", self.threshold, 0.001, 0.999)
        _check("cleansing.max_iter", self.max_iter, 1, 10_000)
        _check("cleansing.tol", self.tol, 0, 1)
        _check("cleansing.reg_covar", self.reg_covar, 1e-12, 1)
        _check("cleansing.clip_quantile", self.clip_quantile, 0, 0.25)
        _check("cleansing.min_class_size", self.min_class_size, 2, 1_000_000)
        _check("cleansing.min_samples", self.min_samples, 2, 1_000_000)
        _check("cleansing.separation_small", self.separation_small, 0, 100)
        _check("cleansing.separation_large", self.separation_large, 0, 100)
        _check("cleansing.evidence", self.evidence, 0, 10)
        _check("cleansing.subset_floor", self.subset_floor, 1, 1_000_000)


@dataclass(frozen=True, kw_only=True, slots=True)
class FinetuneConfig:
    """Full fine-tuning on the balanced clean subset (TURN step 2)."""

    epochs: int = 4
    """Rounds of cleansing and one epoch of FFT; 0 stops after step 1."""
    batch_size: int = 128
    """Samples per optimiser step; held even where it is computed in smaller pieces."""
    micro_batch_size: int = 32
    """Samples per forward pass: gradients are accumulated up to `batch_size`."""
    optimizer: Optimizer = "adamw"
    """SGD with momentum, or AdamW."""
    learning_rate: float = 1e-4
    """Peak learning rate, cosine to zero over all epochs."""
    lr_warmup: float = 0.2
    """Share of all steps over which the learning rate rises to its peak, 0..0.5."""
    momentum: float = 0.9
    """SGD momentum."""
    weight_decay: float = 1e-4
    """L2 penalty (SGD) or decoupled decay (AdamW)."""
    augmentation: Augmentation = "affine"
    """Flip and affine (small images), crop, flip and colour (photographs), or none."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """`auto` measures once which is faster here; the choice is stored with the run."""

    def __post_init__(self) -> None:
        _check("finetune.epochs", self.epochs, 0, 1000)
        _check("finetune.batch_size", self.batch_size, 1, 65536)
        _check("finetune.micro_batch_size", self.micro_batch_size, 1, 65536)
        _check_choice("finetune.optimizer", self.optimizer, ("sgd", "adamw"))
        _check("finetune.learning_rate", self.learning_rate, 1e-9, 10)
        _check("finetune.lr_warmup", self.lr_warmup, 0, 0.5)
        _check("finetune.momentum", self.momentum, 0, 0.9999)
        _check("finetune.weight_decay", self.weight_decay, 0, 10)
        _check_choice("finetune.augmentation", self.augmentation, ("affine", "crop", "none"))
        _check_choice("finetune.precision", self.precision, ("auto", "fp32", "bf16"))


@dataclass(frozen=True, kw_only=True, slots=True)
class TurnConfig:
    """A complete TURN run. `presets.preset_for` returns one that suits a backbone."""

    method: Method = "turn"
    """TURN, or turn-plus, which learns which classes are given in place of which."""
    backbone: str = "turn-mini"
    """A name of the registry, or the path of a local Hugging Face folder."""
    seed: int = 0
    """Every random choice of the run follows from it."""
    device: str = "auto"
    """`auto` (CUDA where there is one), `cpu`, `cuda` or `cuda:N`."""
    allow_hub: bool = True
    """Whether weights may be fetched from the Hugging Face hub."""
    holdout_fraction: float = 0.05
    """Share of each class that is never trained on and measures accuracy, 0..0.5."""
    num_neighbours: int = 10
    """Nearest neighbours kept per sample."""
    probe: ProbeConfig = field(default_factory=ProbeConfig)
    cleansing: CleansingConfig = field(default_factory=CleansingConfig)
    finetune: FinetuneConfig = field(default_factory=FinetuneConfig)

    def __post_init__(self) -> None:
        _check_choice("method", self.method, tuple(METHOD_TITLES))
        _check("seed", self.seed, 0, 2**31 - 1)
        _check("holdout_fraction", self.holdout_fraction, 0, 0.5)
        _check("num_neighbours", self.num_neighbours, 1, 100)
        if not self.backbone:
            raise ConfigError("backbone must be a registry name or a folder, got an empty text")


@dataclass(frozen=True, kw_only=True, slots=True)
class IngestLimits:
    """What one import may hold; the refusal names the limit."""

    archive_bytes: int = 2 * 2**30
    entries: int = 200_000
    directory_bytes: int = 64 * 2**20
    entry_bytes: int = 64 * 2**20
    total_bytes: int = 20 * 2**30
    ratio: float = 20.0
    """Unpacked to packed size, once more than `ratio_from_bytes` came out."""
    ratio_from_bytes: int = 100 * 2**20
    path_bytes: int = 1024
    component_bytes: int = 255
    depth: int = 16
    pixels: int = 50_000_000
    side: int = 16_384
    table_bytes: int = 200 * 2**20
    table_rows: int = 5_000_000
    pickle_bytes: int = 512 * 2**20
    cell_chars: int = 32_000
    class_name_chars: int = 200
    classes: int = 10_000
    free_disk_share: float = 0.1
    """This share of the disk stays free."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What the environment says: where data live, which database, what is allowed."""

    home: Path
    """Folder of the store, images and runs."""
    database_url: str
    """SQLAlchemy URL; empty means SQLite in `home`."""
    data_roots: tuple[Path, ...] = ()
    """Folders on the server from which people may import."""
    host: str = "127.0.0.1"
    port: int = 8501
    allow_hub: bool = True
    limits: IngestLimits = field(default_factory=IngestLimits)

    @staticmethod
    def from_env(environ: Mapping[str, str] | None = None) -> "Settings":
        """Read the TURN_* variables (docs/operations.md lists them) and HF_HUB_OFFLINE."""
        env = os.environ if environ is None else environ
        home = Path(env.get("TURN_HOME") or Path.home() / ".turn-audit").expanduser().absolute()
        roots = tuple(
            Path(p).expanduser().absolute()
            for p in env.get("TURN_DATA_ROOTS", "").split(os.pathsep)
            if p
        )
        port = env.get("TURN_PORT", "8501")
        if not port.isdigit() or not 0 < int(port) < 65536:
            raise ConfigError(f"TURN_PORT must be a port number from 1 to 65535, got {port!r}")
        return Settings(
            home=home,
            database_url=env.get("TURN_DATABASE_URL", ""),
            data_roots=roots,
            host=env.get("TURN_HOST", "127.0.0.1"),
            port=int(port),
            allow_hub=env.get("HF_HUB_OFFLINE", "0") in ("", "0"),
        )


def to_dict(config: Any) -> dict[str, Any]:
    """Turn a config into plain JSON values."""
    return dataclasses.asdict(config)


def from_dict(kind: type[T], values: Mapping[str, Any]) -> T:
    """Build the config `kind` from plain values.

    Raises:
        ConfigError: a key is unknown, or a value is out of range or of the wrong type.
    """
    hints = get_type_hints(kind)
    unknown = set(values) - set(hints)
    if unknown:
        known = ", ".join(sorted(hints))
        raise ConfigError(f"unknown setting {', '.join(sorted(unknown))}; known are {known}")
    nested = {
        name: from_dict(hints[name], value) if dataclasses.is_dataclass(hints[name]) else value
        for name, value in values.items()
    }
    try:
        return kind(**nested)
    except TypeError as error:
        raise ConfigError(f"a setting of {kind.__name__} has the wrong type: {error}") from error
