"""What every table of the TURN paper consists of: rows of noise, method and variant.

A cell is a row on one backbone with one seed; it is run once and kept. Imports nothing heavy.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from turn_core.errors import ConfigError
from turn_core.experiments.reproduce import paper
from turn_core.noise_config import NoiseKind

Scale = Literal["small", "full"]
HUMAN: Final = "human"
GIVEN: Final = "given"
EVERY, ONCE, NEVER = CLEANSINGS = ("every", "once", "none")
"""When TURN cleanses: before every epoch, before the first one, or not at all."""


@dataclass(frozen=True, slots=True)
class Noise:
    """Wrong labels: put in (`NoiseKind`), people's (`human`), or as delivered (`given`)."""

    title: str
    kind: NoiseKind | Literal["human", "given"]
    level: float = 0.0


NOISES = {
    "symmetric-0.6": Noise("symmetric 0.6", "symmetric", 0.6),
    "symmetric-0.9": Noise("symmetric 0.9", "symmetric", 0.9),
    "asymmetric-block-0.4": Noise("asymmetric 0.4, blocks of five", "asymmetric_block", 0.4),
    "asymmetric-superclass-0.4": Noise(
        "asymmetric 0.4, superclasses", "asymmetric_superclass", 0.4
    ),
    "instance-cheng-0.4": Noise("instance 0.4, Cheng", "instance_cheng", 0.4),
    "instance-xia-0.4": Noise("instance 0.4, Xia", "instance_xia", 0.4),
    "human": Noise("human labels (CIFAR-100N)", HUMAN),
    "clothing1m": Noise("Clothing1M, its own labels", GIVEN),
    "webvision": Noise("WebVision, its own labels", GIVEN),
}
"""By the name that commands use. The paper's four are in `paper.NOISES`."""
CIFAR_NOISES = tuple(name for name, noise in NOISES.items() if noise.kind != GIVEN)

TITLES = {
    "fft-ce": "FFT, CE",
    "fft-gce": "FFT, GCE",
    "fft-elr": "FFT, ELR",
    "lp-ce": "LP, CE",
    "lp-gce": "LP, GCE",
    "lp-elr": "LP, ELR",
    "lp-dividemix": "LP, DivideMix",
    "lp-unicon": "LP, UNICON",
    "turn": "LP-FFT, TURN",
}
"""Of `paper.METHODS`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """How TURN is run; the defaults are the paper's."""

    probe: bool = True
    """Whether there is a step 1; without it the head starts at zero."""
    cleansing: str = EVERY
    """One of CLEANSINGS."""
    threshold: float = 0.6
    """tau."""
    probe_epochs: int = 20
    finetune_epochs: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of a table."""

    noise: str
    """One of NOISES."""
    method: str
    """One of `paper.METHODS`."""
    title: str
    variant: Variant = Variant()
    panel: str = ""
    """Of a figure: which part of it."""

    @property
    def name(self) -> str:
        """What files call it."""
        own, default = self.variant, Variant()
        parts = [self.method]
        parts += [] if own.probe else ["no-probe"]
        parts += [] if own.cleansing == default.cleansing else [f"cleansing-{own.cleansing}"]
        parts += [] if own.threshold == default.threshold else [f"tau-{own.threshold:g}"]
        if own.probe_epochs != default.probe_epochs:
            parts.append(f"probe-{own.probe_epochs}")
        if own.finetune_epochs != default.finetune_epochs:
            parts.append(f"epochs-{own.finetune_epochs}")
        return "-".join(parts)


@dataclass(frozen=True, slots=True)
class Table:
    """A table or figure of the paper."""

    title: str
    backbones: tuple[str, ...]
    """The paper's own."""
    rows: tuple[Row, ...]


def _methods(noise: str, methods: Iterable[str] = paper.METHODS, panel: str = "") -> list[Row]:
    return [Row(noise=noise, method=m, title=TITLES[m], panel=panel) for m in methods]


def _turn(noise: str, title: str, variant: Variant, panel: str = "") -> Row:
    return Row(noise=noise, method="turn", title=title, variant=variant, panel=panel)


SEVERE = "symmetric-0.9"
COMPONENTS = {
    "no-probe": ("no LP, cleansing before every epoch", Variant(probe=False)),
    "none": ("LP, no cleansing", Variant(cleansing=NEVER)),
    "once": ("LP, cleansing once", Variant(cleansing=ONCE)),
    "every": ("LP, cleansing before every epoch", Variant()),
}
PROBE_EPOCHS, FINETUNE_EPOCHS = (5, 10, 20, 30), (1, 2, 3, 4, 5)
"""Of Figure 3, whose axes the paper's text does not give."""
PANELS = {
    "time": "(a) accuracy and cost",
    "probe": "(b) epochs of linear probing",
    "finetune": "(c) epochs of fine-tuning",
    "tau": "(d) threshold of the mixture",
}


def _table_9(noise: str, panel: str = "") -> list[Row]:
    return [
        _turn(noise, f"tau = {tau:g}", Variant(threshold=tau), panel) for tau in paper.THRESHOLDS
    ]


def _figure_3() -> list[Row]:
    probe = [_turn(SEVERE, f"{n} epochs", Variant(probe_epochs=n), "probe") for n in PROBE_EPOCHS]
    tuned = [
        _turn(SEVERE, f"{n} epoch{'s' * (n > 1)}", Variant(finetune_epochs=n), "finetune")
        for n in FINETUNE_EPOCHS
    ]
    return [*_methods(SEVERE, panel="time"), *probe, *tuned, *_table_9(SEVERE, "tau")]


_SIX = ("vit-b16", "convnext-t", "mae-b", "msn-b", "clip-b16", "resnet-50")
TABLES = {
    "table1": Table(
        "Training time, symmetric noise of 0.6",
        ("vit-b16",),
        tuple(_methods("symmetric-0.6", (*paper.METHODS[3:8], "turn"))),
    ),
    "table2": Table(
        "CIFAR-100 with put-in noise",
        _SIX,
        tuple(row for noise in CIFAR_NOISES for row in _methods(noise)),
    ),
    "table3": Table(
        "Clothing1M and WebVision",
        ("vit-b16", "convnext-t", "mae-b", "msn-b", "resnet-50"),
        (*_methods("clothing1m"), *_methods("webvision")),
    ),
    "table4": Table(
        "Component analysis, symmetric noise of 0.9",
        ("vit-b16", "clip-b16"),
        tuple(_turn(SEVERE, title, variant) for title, variant in COMPONENTS.values()),
    ),
    "table5": Table("Larger backbones", ("vit-l16", "clip-l14"), tuple(_methods(SEVERE))),
    "table9": Table(
        "Cleansing by threshold",
        ("vit-b16",),
        (*_table_9("symmetric-0.9"), *_table_9("symmetric-0.6")),
    ),
    "figure3": Table("Time and sensitivity", ("vit-b16",), tuple(_figure_3())),
}
"""By the name that commands use."""


def table_of(name: str) -> Table:
    """Return a table.

    Raises:
        ConfigError: there is no such table; the message lists those that are.
    """
    if name not in TABLES:
        raise ConfigError(f"no table {name!r}; there are {', '.join(TABLES)}")
    return TABLES[name]


def select(table: Table, noises: Sequence[str], methods: Sequence[str]) -> tuple[Row, ...]:
    """Return the rows of these noises and methods; of all where none is named.

    A method may be named by its beginning: `lp`, `fft`.

    Raises:
        ConfigError: a name fits no row of the table.
    """
    for given, there in (
        (noises, {row.noise for row in table.rows}),
        (methods, {row.method for row in table.rows}),
    ):
        for name in given:
            if not any(fits(name, one) for one in there):
                raise ConfigError(f"this table has no {name!r}; it has {', '.join(sorted(there))}")
    return tuple(
        row
        for row in table.rows
        if (not noises or any(fits(name, row.noise) for name in noises))
        and (not methods or any(fits(name, row.method) for name in methods))
    )


def fits(name: str, whole: str) -> bool:
    """Whether `name` is `whole`, or the part of it before a dash."""
    return whole == name or whole.startswith(f"{name}-")


def default_backbones(table: Table, scale: Scale) -> tuple[str, ...]:
    """Return the paper's at full scale, and where size is the point; else the embedded one."""
    return table.backbones if scale == "full" or table is TABLES["table5"] else ("turn-mini",)
