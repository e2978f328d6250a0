"""The command `search`: its options, its request, and what it tells at the end."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from turn_core import cli_local

if TYPE_CHECKING:
    from turn_core.services.search_source import SearchRequest

HELP = """\
Tries settings of the linear probe on cached features (by default the 150 of the paper's Table 7,
and the preset of the backbone) and compares them on held-out labels. SOURCE is what `audit` takes.
Into DIR come search.json, which `audit --settings` reads, and trials.parquet and trials.csv, one
row per setting. The same command again goes on where it was stopped.
"""
SETTINGS = {
    "backbone": "backbone",
    "optimizer": "optimizers",
    "learning_rate": "learning_rates",
    "weight_decay": "weight_decays",
    "batch_size": "batch_sizes",
    "max_samples": "max_samples",
    "seed": "seed",
    "device": "device",
    "ray": "ray",
}
"""Options and the settings of `SearchConfig` that they give."""


def add_options(command: argparse.ArgumentParser) -> None:
    """Add the options; one that is left out leaves its setting to `SearchConfig`."""
    add = command.add_argument
    add("source", metavar="SOURCE", help="folder, ZIP or Parquet file whose labels to search on")
    add("--out", metavar="DIR", required=True, type=Path, help="result folder")
    add("--backbone", metavar="NAME|PATH", help="a backbone's name or a local Hugging Face folder")
    add("--optimizer", metavar="NAME", action="append", help="sgd or adamw; again (default: both)")
    add("--learning-rate", metavar="RATE", type=float, action="append", help="a rate to try; again")
    add("--weight-decay", metavar="DECAY", type=float, action="append", help="a decay; again")
    add("--batch-size", metavar="N", type=int, action="append", help="a batch size to try; again")
    add("--max-samples", metavar="N", type=int, help="use at most so many (default: 20000)")
    add("--seed", type=int, help="of every random choice (default: 0)")
    add("--device", help="auto, cpu, cuda or cuda:N (default: auto)")
    add("--ray", metavar="ADDRESS", nargs="?", const="local",
        help="let Ray run the trials: on this machine, or on the cluster at ADDRESS")  # fmt: skip


def request_of(args: argparse.Namespace) -> "SearchRequest":
    """Return what the arguments ask for."""
    from turn_core.ingest.source import SourceRef
    from turn_core.services.search_source import SearchRequest

    given = {setting: getattr(args, option) for option, setting in SETTINGS.items()}
    return SearchRequest(
        source=SourceRef.at_path(args.source),
        out=args.out,
        settings={name: value for name, value in given.items() if value is not None},
        image_column=args.image_column,
        label_column=args.label_column,
        true_label_column=args.true_label_column,
    )


def run(args: argparse.Namespace) -> int:
    """Search and say what was found."""
    from turn_core.services import search_source

    request = request_of(args)
    settings = cli_local.settings_for(args.out)
    search_source.configuration(request, allow_hub=settings.allow_hub)  # before any work
    with cli_local.opened(settings) as (workspace, execute):
        report = search_source.search(workspace, request, execute)
    sys.stdout.write(f"{summary(report, args.out)}\n")
    return 0


def summary(report: Mapping[str, Any], out: Path) -> str:
    """Return the report as a few lines for a person."""
    probe = report["probe"]
    failed = f", {report['num_failed']} of them diverged" if report["num_failed"] else ""
    best = (
        f"Best: {probe['optimizer']}, learning rate {probe['learning_rate']:g}, weight decay "
        f"{probe['weight_decay']:g}, batches of {probe['batch_size']}"
    )
    own = f"{report['preset_accuracy']:.1%}"
    ahead = report["accuracy"] > report["preset_accuracy"]
    return "\n".join(
        [
            f"{report['num_settings']} settings on {report['num_used']:,} samples in "
            f"{report['seconds']:.0f} CPU seconds{failed}.",
            f"{best}: {report['accuracy']:.1%} of {report['num_held_out']:,} held-out labels."
            if ahead
            else "No setting predicts more held-out labels than the preset.",
            f"The preset predicts {own}.",
            f"Written to {out}: {', '.join(report['files'])}, search.json.",
        ]
    )
