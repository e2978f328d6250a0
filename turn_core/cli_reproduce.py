"""The command `reproduce`: its options, its request, and what it tells at the end."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from turn_core.experiments.reproduce.run import Report, ReproduceRequest
    from turn_core.jobs.console import ProgressLine
    from turn_core.methods.progress import OnEvent

TABLES = ("table1", "table2", "table3", "table4", "table5", "table9", "figure3")
HELP = """\
Runs a table of the TURN paper and writes its numbers beside ours. Into OUT come TABLE.md and
TABLE.parquet; what was run is kept in OUT/cells, one file for each method, noise and seed, so that
the same command goes on where it was stopped, and tables share what they have in common. Data and
weights that are not there are named, and everything else is run.
"""


def add_options(command: argparse.ArgumentParser) -> None:
    """Add the options; names are checked when the command runs."""
    add = command.add_argument
    add("table", metavar="TABLE", choices=TABLES, help=", ".join(TABLES))
    add("--out", metavar="DIR", required=True, type=Path, help="result folder")
    add("--data", metavar="DIR", type=Path,
        help="folder of CIFAR-100 (for table3 of Clothing1M or WebVision), or one that holds it "
        "as cifar100, clothing1m or webvision")  # fmt: skip
    add("--backbone", metavar="NAME|PATH", action="append", default=[],
        help="again for more (default: turn-mini, at full scale the paper's)")  # fmt: skip
    add("--scale", choices=("small", "full"), default="small",
        help="small: 20 classes of CIFAR-100 (default); full: the paper's, for a GPU")  # fmt: skip
    add("--seeds", metavar="N", type=int, default=3, help="seeds 0 to N - 1 (default: 3)")
    add("--noise", metavar="NAME", action="append", default=[],
        help="only this noise, such as symmetric-0.6 or asymmetric; again")  # fmt: skip
    add("--method", metavar="NAME", action="append", default=[],
        help="only this method, such as turn, lp-gce or lp; again")  # fmt: skip
    add("--per-class", metavar="N", type=int, default=0,
        help="train on the first N images of every class (default: all)")  # fmt: skip
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: auto)")


def request_of(args: argparse.Namespace, *, allow_hub: bool) -> "ReproduceRequest":
    """Return what the arguments ask for.

    Raises:
        ConfigError: a number is out of range.
    """
    from turn_core.experiments.reproduce.run import ReproduceRequest

    return ReproduceRequest(
        table=args.table,
        out=args.out,
        data=args.data,
        backbones=tuple(args.backbone),
        scale=args.scale,
        seeds=args.seeds,
        noises=tuple(args.noise),
        methods=tuple(args.method),
        per_class=args.per_class,
        device=args.device,
        allow_hub=allow_hub,
    )


def run(args: argparse.Namespace) -> int:
    """Run what is missing of the table; 1 where not a single cell could be run."""
    from turn_core import cli_local
    from turn_core.config import Settings
    from turn_core.experiments.reproduce.run import reproduce
    from turn_core.jobs.console import ProgressLine

    request = request_of(args, allow_hub=Settings.from_env().allow_hub)
    line = ProgressLine(sys.stderr)
    with cli_local.alone(args.out / "work"):
        try:
            report = reproduce(request, on_event=told_to(line))
        except KeyboardInterrupt:
            line.close()
            sys.stderr.write("The same command again goes on from here.\n")
            raise
        finally:
            line.close()
    sys.stdout.write(f"{summary(report, args.out)}\n")
    return 0 if report.num_finished else 1


def told_to(line: "ProgressLine") -> "OnEvent":
    """Return what shows the events of a table on `line`."""
    from turn_core.methods.progress import CurvePoint, StageProgress
    from turn_core.types import Progress

    def on_event(event: StageProgress | CurvePoint) -> None:
        if isinstance(event, StageProgress):
            line.show(Progress(stage=event.stage, step=event.step, total=event.total))

    return on_event


def summary(report: "Report", out: Path) -> str:
    """Return the report as a few lines for a person."""
    lines = [f"Not run: {sentence}" for sentence in report.missing]
    lines.append(f"{report.num_finished} of {report.num_wanted} cells are finished.")
    lines.append(f"Written to {out}: {', '.join(report.files)}.")
    return "\n".join(lines)
