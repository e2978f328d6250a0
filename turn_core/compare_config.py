"""Settings of a comparison, and the methods that can be compared, by the names of commands."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from turn_core.errors import ConfigError
from turn_core.ranges import check_choice, check_range

Budget = Literal["short", "own"]
Group = Literal["probe", "fft", "turn", "tuner"]
MIN_CLASS_SIZE = 10
"""A class with fewer usable samples takes no part."""
MAX_SEEDS = 20


class MethodInfo(NamedTuple):
    """How a method is told to people, and what it needs."""

    title: str
    group: Group
    explanation: str
    weak_views: bool = False
    """It learns on features of weakly changed copies of every image, where there are images."""
    strong_views: bool = False
    """On strongly changed copies too."""

    @property
    def needs_images(self) -> bool:
        """It cannot run on features alone."""
        return self.group in ("fft", "turn") or (self.group == "probe" and self.weak_views)


GROUPS: Mapping[Group, str] = {
    "turn": "TURN",
    "probe": "Linear probe",
    "fft": "Full fine-tuning",
    "tuner": "Tuned features",
}
"""What each group of methods is called."""

METHODS: Mapping[str, MethodInfo] = {
    "turn": MethodInfo(
        "TURN", "turn", "A linear probe, then cleansing and full fine-tuning in turns, as a run."
    ),
    "turn-plus": MethodInfo(
        "TURN-plus", "turn", "TURN that learns which classes are given in place of which."
    ),
    "ce": MethodInfo(
        "CE", "probe", "Cross entropy: nothing is done about wrong labels. The control."
    ),
    "gce": MethodInfo("GCE", "probe", "Generalized cross entropy: trusts improbable labels less."),
    "elr": MethodInfo("ELR", "probe", "Holds the model to its early predictions."),
    "dividemix": MethodInfo(
        "DivideMix", "probe", "Two heads split clean from noisy labels for each other.", True
    ),
    "unicon": MethodInfo(
        "UNICON", "probe", "The same number of believed labels per class.", True, True
    ),
    "ce-fft": MethodInfo("CE", "fft", "All weights by cross entropy, on all labels."),
    "gce-fft": MethodInfo("GCE", "fft", "All weights by generalized cross entropy."),
    "elr-fft": MethodInfo("ELR", "fft", "All weights, held to their early predictions."),
    "lp": MethodInfo("LP", "tuner", "A linear head as NMTune's paper trains it. Its control."),
    "mlp": MethodInfo(
        "MLP", "tuner", "NMTune's network without its terms. Its other control.", True
    ),
    "nmtune": MethodInfo(
        "NMTune", "tuner", "Reshapes the features of a backbone that is itself noisy.", True
    ),
}
"""Every method by name, in the order of the forms; `experiments.compare_methods` runs them."""
TUNERS = tuple(name for name, info in METHODS.items() if info.group == "tuner")


@dataclass(frozen=True, kw_only=True, slots=True)
class CompareConfig:
    """Which methods, how many seeds, on which samples."""

    backbone: str = "turn-mini"
    """A name of the registry, or the path of a local Hugging Face folder."""
    methods: tuple[str, ...] = ("turn", "ce", "gce", "elr")
    """Names of `METHODS`."""
    seeds: int = 3
    """How many seeds each method is run with: `seed`, `seed` + 1 and so on."""
    budget: Budget = "short"
    """Settings of linear probes: the TURN paper's 20 epochs, or each method's own paper's."""
    finetune_epochs: int = 5
    """Epochs of full fine-tuning by CE, GCE and ELR; TURN has those of the backbone's preset."""
    batch_size: int = 16
    """Samples per step of theirs: small, so that few samples make as many steps as large sets."""
    max_samples: int = 2000
    """At most so many samples, trained on and held out, equally many per class."""
    holdout_fraction: float = 0.2
    """Share of each class that is held out where the data have no test or val split, 0.05..0.8."""
    outside: tuple[str, ...] = ()
    """Splits of the data that are another domain: never trained on, measured apart."""
    seed: int = 0
    """The first seed; every random choice follows from it."""
    device: str = "auto"
    """`auto` (CUDA where there is one), `cpu`, `cuda` or `cuda:N`."""
    allow_hub: bool = True
    """Whether weights may be fetched from the Hugging Face hub."""

    def __post_init__(self) -> None:
        for name in ("methods", "outside"):
            object.__setattr__(self, name, tuple(dict.fromkeys(getattr(self, name))))
        if not self.backbone:
            raise ConfigError("compare.backbone must be a name or a folder, got an empty text")
        if not self.methods:
            raise ConfigError(f"compare.methods must name one or more of {', '.join(METHODS)}")
        for method in self.methods:
            check_choice("compare.methods", method, tuple(METHODS))
        check_range("compare.seeds", self.seeds, 1, MAX_SEEDS)
        check_choice("compare.budget", self.budget, ("short", "own"))
        check_range("compare.finetune_epochs", self.finetune_epochs, 1, 1000)
        check_range("compare.batch_size", self.batch_size, 2, 65536)
        check_range("compare.max_samples", self.max_samples, 20, 1_000_000)
        check_range("compare.holdout_fraction", self.holdout_fraction, 0.05, 0.8)
        check_range("compare.seed", self.seed, 0, 2**31 - 1 - MAX_SEEDS)

    def cells(self) -> list[tuple[str, int]]:
        """Return every (method, seed), in the order of work: seed by seed."""
        return [(name, self.seed + n) for n in range(self.seeds) for name in self.methods]


def method_title(name: str) -> str:
    """Return a method with how it is trained: `GCE, linear probe`."""
    info = METHODS[name]
    if info.group in ("turn", "tuner"):
        return info.title
    return f"{info.title}, {GROUPS[info.group].lower()}"
