"""The command `explore`: its options, its request, and what it tells at the end."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from turn_core.errors import ConfigError

if TYPE_CHECKING:
    from turn_core.services.explore_source import ExploreRequest

HELP = """\
Fine-tunes backbones on labels with noise put in on purpose, and measures and maps what becomes of
held-out images. SOURCE is what `audit` takes. Into DIR come metrics and coordinates (.parquet and
.csv), figures (.png, .svg, .html) and exploration.json. The same command again goes on where it was
stopped.
"""
SETTINGS = {
    "backbone": "backbones",
    "noise": "noise",
    "level": "levels",
    "max_classes": "max_classes",
    "samples": "max_samples",
    "points": "max_points",
    "epochs": "epochs",
    "turn": "with_turn",
    "projection": "projections",
    "block_size": "block_size",
    "seed": "seed",
    "device": "device",
}
"""Options and the settings of `ExploreConfig` that they give."""
LINES = ("separability", "knn_accuracy", "cka", "silhouette", "accuracy")


def add_options(command: argparse.ArgumentParser) -> None:
    """Add the options; one that is left out leaves its setting to `ExploreConfig`."""
    add = command.add_argument
    add("source", metavar="SOURCE", help="folder, ZIP or Parquet file to explore")
    add("--out", metavar="DIR", required=True, type=Path, help="result folder")
    add("--backbone", metavar="NAME|PATH", action="append", help="may be given several times")
    add("--noise", metavar="KIND", help="kind of noise, such as symmetric or asymmetric_next")
    add("--level", metavar="SHARE", type=float, action="append", help="noise level, 0 to 1; again")
    add("--class", dest="classes", metavar="NAME", action="append", default=[],
        help="a class to look at, several times (default: ten drawn at random)")  # fmt: skip
    add("--max-classes", metavar="N", type=int, help="how many classes are drawn (default: 10)")
    add("--samples", metavar="N", type=int, help="samples to train on (default: 2000)")
    add("--points", metavar="N", type=int, help="held-out samples on a map (default: 2000)")
    add("--epochs", metavar="N", type=int, help="epochs of fine-tuning (default: 5)")
    add("--turn", action="store_true", default=None, help="run TURN on the same labels too")
    add("--projection", metavar="MAP", action="append", help="pca, tsne or umap; again")
    add("--map", dest="flips", metavar="A=B", action="append", default=[],
        help="asymmetric_map noise: class A flips to class B; again")  # fmt: skip
    add("--superclass", dest="groups", metavar="A=G", action="append", default=[],
        help="asymmetric_superclass noise: class A belongs to group G; again")  # fmt: skip
    add("--block-size", metavar="N", type=int, help="asymmetric_block noise (default: 5)")
    add("--seed", type=int, help="of every random choice (default: 0)")
    add("--device", help="auto, cpu, cuda or cuda:N (default: auto)")


def request_of(args: argparse.Namespace) -> "ExploreRequest":
    """Return what the arguments ask for.

    Raises:
        ConfigError: a pair is not written A=B.
    """
    from turn_core.ingest.source import SourceRef
    from turn_core.services.explore_source import ExploreRequest

    given = {setting: getattr(args, option) for option, setting in SETTINGS.items()}
    return ExploreRequest(
        source=SourceRef.at_path(args.source),
        out=args.out,
        settings={name: value for name, value in given.items() if value is not None},
        classes=tuple(args.classes),
        flips=_pairs("--map", args.flips),
        groups=_pairs("--superclass", args.groups),
        image_column=args.image_column,
        label_column=args.label_column,
        true_label_column=args.true_label_column,
    )


def summary(report: Mapping[str, Any], out: Path) -> str:
    """Return the report as a few lines for a person."""
    lines = []
    for panel in report["panels"]:
        level = panel["noise_level"]
        at = "" if level is None else f" at {100 * level:g} % noise"
        figures = [
            f"{name.replace('_', ' ')} {panel['metrics'][name]:.3f}"
            for name in LINES
            if name in panel["metrics"]
        ]
        lines.append(f"{panel['backbone']} {panel['method']}{at}: {', '.join(figures)}")
    lines += report["sentences"]
    lines.append(f"Written to {out}: {', '.join(report['files'])}, exploration.json.")
    return "\n".join(lines)


def _pairs(option: str, texts: Sequence[str]) -> dict[str, str]:
    found = {}
    for text in texts:
        name, equals, other = text.partition("=")
        if not equals or not name or not other:
            raise ConfigError(f"{option} must be written A=B, got {text!r}")
        found[name] = other
    return found
