"""Settings of the methods that TURN is compared with; docs/methods.md says why each default."""

from dataclasses import asdict, dataclass, field
from typing import Literal

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


@dataclass(frozen=True, kw_only=True, slots=True)
class TwoHeads:
    """How DivideMix and UNICON train two heads on cached views, by SGD."""

    epochs: int
    """Epochs in all."""
    warmup_epochs: int
    """Epochs of plain cross entropy before the first split."""
    batch_size: int
    """Clean samples per step."""
    learning_rate: float
    """Learning rate at the start."""
    momentum: float = 0.9
    """SGD momentum."""
    weight_decay: float = 5e-4
    """L2 penalty."""
    temperature: float = 0.5
    """T of sharpening, above 0; 1 leaves guesses as they are."""
    alpha: float = 4.0
    """MixUp draws its share from Beta(alpha, alpha)."""
    guess_weight: float
    """Weight of the guessed labels' loss once it has risen."""
    ramp_epochs: int = 16
    """Epochs over which that weight rises, from the first split on."""
    confidence_penalty: bool = False
    """Penalise confidence in warm-up: for asymmetric noise, as both methods do."""

    def __post_init__(self) -> None:
        name = type(self).__name__.removesuffix("Config").lower()
        check_range(f"{name}.epochs", self.epochs, 1, 10_000)
        check_range(f"{name}.warmup_epochs", self.warmup_epochs, 1, 10_000)
        check_range(f"{name}.batch_size", self.batch_size, 2, 65536)
        check_range(f"{name}.learning_rate", self.learning_rate, 1e-8, 100)
        check_range(f"{name}.momentum", self.momentum, 0, 0.9999)
        check_range(f"{name}.weight_decay", self.weight_decay, 0, 10)
        check_range(f"{name}.temperature", self.temperature, 0.01, 1)
        check_range(f"{name}.alpha", self.alpha, 0.01, 1000)
        check_range(f"{name}.guess_weight", self.guess_weight, 0, 10_000)
        check_range(f"{name}.ramp_epochs", self.ramp_epochs, 0, 10_000)


@dataclass(frozen=True, kw_only=True, slots=True)
class DivideMixConfig(TwoHeads):
    """DivideMix (Li et al., 2020), as its code runs CIFAR-100."""

    epochs: int = 300
    """Epochs in all."""
    warmup_epochs: int = 30
    """Epochs of plain cross entropy before the first split."""
    batch_size: int = 64
    """Clean samples per step, and as many noisy ones; warm-up takes twice as many."""
    learning_rate: float = 0.02
    """Learning rate, a tenth of it from half of the epochs on."""
    guess_weight: float = 25.0
    """lambda_u: weight of the guessed labels' loss once it has risen."""
    threshold: float = 0.5
    """A label counts as clean when its clean probability exceeds this, in (0, 1)."""
    loss_history: int = 1
    """The mixture sees the mean of a sample's losses of so many epochs."""

    def __post_init__(self) -> None:
        TwoHeads.__post_init__(self)
        check_range("dividemix.threshold", self.threshold, 0.001, 0.999)
        check_range("dividemix.loss_history", self.loss_history, 1, 1000)


@dataclass(frozen=True, kw_only=True, slots=True)
class UniconConfig(TwoHeads):
    """UNICON (Karim et al., 2022), as its code runs CIFAR-100."""

    epochs: int = 350
    """Epochs in all."""
    warmup_epochs: int = 30
    """Epochs of plain cross entropy before the first split."""
    batch_size: int = 64
    """Clean samples per step; so many / 2R noisy ones, R being the share of clean samples."""
    learning_rate: float = 0.02
    """Learning rate at the start, on a cosine that ends at a hundredth of it."""
    guess_weight: float = 30.0
    """lambda_u: weight of the guessed labels' loss once it has risen."""
    divergence_unit: Literal["nats", "bits"] = "nats"
    """Of the Jensen-Shannon divergence: as the code has it, or as `cutoff_ceiling` wants it."""
    cutoff_ceiling: float = 0.7
    """d_mu: a mean divergence above this lowers the cut-off; in nats none can be."""
    cutoff_divisor: float = 5.0
    """tau: the cut-off is lowered by (mean - minimum) / this."""
    contrastive_weight: float = 0.025
    """lambda_c of SimCLR's loss on a projection; on frozen features it moves that one alone."""
    contrastive_temperature: float = 0.05
    """Temperature of SimCLR's loss."""

    def __post_init__(self) -> None:
        TwoHeads.__post_init__(self)
        check_choice("unicon.divergence_unit", self.divergence_unit, ("nats", "bits"))
        check_range("unicon.cutoff_ceiling", self.cutoff_ceiling, 0, 1)
        check_range("unicon.cutoff_divisor", self.cutoff_divisor, 1, 1e6)
        check_range("unicon.contrastive_weight", self.contrastive_weight, 0, 1000)
        check_range("unicon.contrastive_temperature", self.contrastive_temperature, 1e-3, 100)


@dataclass(frozen=True, kw_only=True, slots=True)
class NmTuneConfig:
    """NMTune (Chen et al., 2024): a network on top of frozen features, by AdamW."""

    epochs: int = 30
    """Passes over all features."""
    batch_size: int = 64
    """Samples per step, each in two views."""
    learning_rate: float = 1e-3
    """Peak learning rate, cosine to zero."""
    weight_decay: float = 1e-4
    """Decoupled decay."""
    hidden_ratio: int = 4
    """Width of the hidden layer in feature dimensions."""
    consistency_weight: float = 1.0
    """Weight of the distance from the features as they were."""
    covariance_weight: float = 0.04
    """Weight of the covariance between dimensions."""
    singular_weight: float = 0.001
    """Weight of the share of the largest singular values, which is made to rise."""
    top_singular: int = 5
    """How many of them: 5 in the authors' code, 1 in the paper."""

    def __post_init__(self) -> None:
        check_range("nmtune.epochs", self.epochs, 1, 10_000)
        check_range("nmtune.batch_size", self.batch_size, 1, 65536)
        check_range("nmtune.learning_rate", self.learning_rate, 1e-8, 100)
        check_range("nmtune.weight_decay", self.weight_decay, 0, 10)
        check_range("nmtune.hidden_ratio", self.hidden_ratio, 1, 64)
        check_range("nmtune.consistency_weight", self.consistency_weight, 0, 1000)
        check_range("nmtune.covariance_weight", self.covariance_weight, 0, 1000)
        check_range("nmtune.singular_weight", self.singular_weight, 0, 1000)
        check_range("nmtune.top_singular", self.top_singular, 1, 10_000)


def tuner_settings() -> dict[str, CeConfig | NmTuneConfig]:
    """Return the settings of NMTune and of its paper's controls, by the names of `methods.tuners`.

    `mlp` is the network without its terms, `lp` no network at all.
    """
    mlp = NmTuneConfig(consistency_weight=0.0, covariance_weight=0.0, singular_weight=0.0)
    head = HeadTraining(
        epochs=30, batch_size=64, optimizer="adamw", learning_rate=1e-2, standardize=False
    )
    return {"lp": CeConfig(head=head), "mlp": mlp, "nmtune": NmTuneConfig()}


MethodConfig = CeConfig | GceConfig | ElrConfig | DivideMixConfig | UniconConfig
"""The settings of any of them."""


def own_settings(name: str) -> MethodConfig:
    """Return the settings of the method's own paper and code.

    Raises:
        ConfigError: there is no such method; the message lists those that are.
    """
    return _of(
        name,
        {
            "ce": CeConfig(),
            "gce": GceConfig(),
            "elr": ElrConfig(),
            "dividemix": DivideMixConfig(),
            "unicon": UniconConfig(),
        },
    )


def short_budget(name: str) -> MethodConfig:
    """Return settings for a linear probe of 20 epochs, the budget of the TURN paper.

    Raises:
        ConfigError: there is no such method; the message lists those that are.
    """
    return _of(
        name,
        {
            "ce": CeConfig(),
            "gce": GceConfig(),
            "elr": ElrConfig(beta=0.7),
            "dividemix": DivideMixConfig(epochs=20, warmup_epochs=5, ramp_epochs=5),
            "unicon": UniconConfig(
                epochs=20, warmup_epochs=5, ramp_epochs=5, contrastive_weight=0.0
            ),
        },
    )


def _of(name: str, settings: dict[str, MethodConfig]) -> MethodConfig:
    if name not in settings:
        raise ConfigError(f"no method {name!r}; there are {', '.join(settings)}")
    return settings[name]
