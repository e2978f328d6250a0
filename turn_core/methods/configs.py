"""Settings of the methods that TURN is compared with; docs/methods.md says why each default."""

from dataclasses import asdict, dataclass, field

from turn_core.config import Optimizer, ProbeConfig
from turn_core.errors import ConfigError
from turn_core.ranges import check_choice, check_range


@dataclass(frozen=True, kw_only=True, slots=True)
class HeadTraining:
    """How CE, GCE and ELR train a linear head on frozen features."""

    epochs: int = 20
    """Passes over all features."""
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
    """Give every feature dimension mean 0 and variance 1 first."""
    class_balanced: bool = False
    """Draw samples with probability 1 / (size of their class): for skewed label noise."""

    def __post_init__(self) -> None:
        check_range("head.epochs", self.epochs, 1, 1000)
        check_range("head.batch_size", self.batch_size, 1, 65536)
        check_choice("head.optimizer", self.optimizer, ("sgd", "adamw"))
        check_range("head.learning_rate", self.learning_rate, 1e-8, 100)
        check_range("head.momentum", self.momentum, 0, 0.9999)
        check_range("head.weight_decay", self.weight_decay, 0, 10)

    def as_probe(self) -> ProbeConfig:
        """Return the same settings for `fit_linear_probe`, whose loss is given separately."""
        return ProbeConfig(**asdict(self))


@dataclass(frozen=True, kw_only=True, slots=True)
class CeConfig:
    """Cross entropy: nothing but the training of the head."""

    head: HeadTraining = field(default_factory=HeadTraining)


@dataclass(frozen=True, kw_only=True, slots=True)
class GceConfig:
    """Generalized cross entropy (Zhang & Sabuncu, 2018), plain or truncated."""

    q: float = 0.7
    """Exponent in (0, 1]: cross entropy as it goes to 0, mean absolute error at 1."""
    truncation: float = 0.0
    """k: labels of a lower probability are given up; 0 is plain GCE, as TURN compares with."""
    plain_epochs: int = 10
    """Epochs of plain GCE before truncation starts."""
    head: HeadTraining = field(default_factory=HeadTraining)

    def __post_init__(self) -> None:
        check_range("gce.q", self.q, 1e-6, 1)
        check_range("gce.truncation", self.truncation, 0, 0.999)
        check_range("gce.plain_epochs", self.plain_epochs, 0, 1000)


@dataclass(frozen=True, kw_only=True, slots=True)
class ElrConfig:
    """Early-learning regularization (Liu et al., 2020)."""

    beta: float = 0.9
    """Decay of the running targets at each visit of a sample."""
    weight: float = 7.0
    """lambda: weight of the regularizer."""
    head: HeadTraining = field(default_factory=HeadTraining)

    def __post_init__(self) -> None:
        check_range("elr.beta", self.beta, 0, 0.9999)
        check_range("elr.weight", self.weight, 0, 1000)


MethodConfig = CeConfig | GceConfig | ElrConfig
"""The settings of any of them."""


def own_settings(name: str) -> MethodConfig:
    """Return the settings of the method's own paper.

    Raises:
        ConfigError: there is no such method; the message lists those that are.
    """
    return _of(name, {"ce": CeConfig(), "gce": GceConfig(), "elr": ElrConfig()})


def short_budget(name: str) -> MethodConfig:
    """Return settings for a linear probe of 20 epochs, the budget of the TURN paper.

    Raises:
        ConfigError: there is no such method; the message lists those that are.
    """
    return _of(name, {"ce": CeConfig(), "gce": GceConfig(), "elr": ElrConfig(beta=0.7, weight=3.0)})


def _of(name: str, settings: dict[str, MethodConfig]) -> MethodConfig:
    if name not in settings:
        raise ConfigError(f"no method {name!r}; there are {', '.join(settings)}")
    return settings[name]
