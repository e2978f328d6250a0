"""`audit` on all 50,000 images of CIFAR-100N with turn-mini: time per stage, memory, figures.

The human labels are audited (40 % of them are wrong), the clean ones measure. The images go into
one Parquet file with both labels first; that is not part of the times. Memory is the resident size
of the process and all its children, sampled ten times a second.

    TURN_REAL_DATA=DIR make bench NAME=audit_scale [ARGS="--images 2000 --out DIR"]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import harness
import pandas as pd
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

GB = 10**9
MEMORY_GOAL = 3 * GB


class MemoryWatch(threading.Thread):
    """The highest resident size of a process tree, and of its largest process."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.tree, self.largest = 0, 0
        self._root = psutil.Process(pid)

    def run(self) -> None:
        """Sample until the process is gone."""
        while self._root.is_running():
            try:
                processes = [self._root, *self._root.children(recursive=True)]
                sizes = [process.memory_info().rss for process in processes]
            except psutil.Error:
                continue
            self.tree = max(self.tree, sum(sizes))
            self.largest = max(self.largest, *sizes)
            time.sleep(0.1)


def write_source(data: Path, target: Path, num_images: int) -> None:
    """Write the first images with their human and clean labels, by name, as one Parquet file."""
    labels = (
        pd.read_csv(data / "cifar100/human_labels.csv", dtype={"index": int})
        .set_index("index")
        .sort_index()
    )
    written, writer = 0, None
    for path in sorted((data / "cifar100").glob("train-*.parquet")):
        table = pq.read_table(path, columns=["image", "index"]).slice(0, num_images - written)
        index = table.column("index").to_numpy()
        found = labels.loc[index]
        table = pa.table(
            {
                "image": table.column("image"),
                "human_label": pa.array(found["human_label"]),
                "clean_label": pa.array(found["clean_label"]),
            }
        )
        writer = writer or pq.ParquetWriter(target, table.schema)
        writer.write_table(table)
        written += len(table)
        if written == num_images:
            break
    if writer is not None:
        writer.close()


def run_audit(source: Path, out: Path, args: argparse.Namespace) -> tuple[float, MemoryWatch]:
    """Run the command as a person would; (seconds, memory)."""
    command = [
        *(sys.executable, "-m", "turn_core", "audit", str(source), "--out", str(out)),
        *("--label-column", "human_label", "--true-label-column", "clean_label"),
        *("--backbone", args.backbone, "--finetune-epochs", str(args.finetune_epochs)),
    ]
    began = time.monotonic()
    process = subprocess.Popen(command, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    watch = MemoryWatch(process.pid)
    watch.start()
    if process.wait() != 0:
        raise SystemExit(f"audit ended with {process.returncode}")
    return time.monotonic() - began, watch


def show(report: dict[str, Any], seconds: float, watch: MemoryWatch) -> None:
    """Print the tables."""
    print("\n| stage | seconds | items | per second |\n|---|---|---|---|")
    for stage in report["stages"]:
        rate = f"{stage['per_second']:,.0f}" if stage["per_second"] else "-"
        print(f"| {stage['stage']} | {stage['seconds']:.1f} | {stage['items']:,} | {rate} |")
    print(f"| all, as the clock saw it | {seconds:.1f} | {report['num_samples']:,} | |")
    noise, found = report["noise_rate"], report["detection"]
    wrong = report["metrics"]["num_errors"] / report["num_samples"]
    print(f"\nestimated noise rate {noise}")
    print(f"true noise rate {wrong:.3f}")
    print(found)
    for number, figures in enumerate(report["metrics"]["passes"]):
        name = "step 1" if number == 0 else f"after epoch {number}"
        print(f"{name}: {figures}")
    print(f"accuracy on the hold-out {report['metrics']['holdout_accuracy']}")
    print(
        f"peak memory {watch.tree / GB:.2f} GB in all, {watch.largest / GB:.2f} GB in one process"
    )


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--backbone", default="turn-mini")
    parser.add_argument("--finetune-epochs", type=int, default=4)
    parser.add_argument("--out", type=Path, help="keep the results here (resumes)")
    args = parser.parse_args()
    folder = os.environ.get("TURN_REAL_DATA", "")
    if not folder:
        raise SystemExit("set TURN_REAL_DATA to a folder with cifar100/ in it")
    print(f"machine: {harness.machine()}; {args.images:,} images", flush=True)
    with tempfile.TemporaryDirectory(prefix="turn-scale-") as temporary:
        out = args.out or Path(temporary) / "out"
        out.mkdir(parents=True, exist_ok=True)
        source = out / "cifar100n.parquet"
        if not source.exists():
            write_source(Path(folder), source, args.images)
        seconds, watch = run_audit(source, out, args)
        show(json.loads((out / "report.json").read_text()), seconds, watch)
    if watch.tree > MEMORY_GOAL:
        raise SystemExit(f"more than {MEMORY_GOAL / GB:.0f} GB")


if __name__ == "__main__":
    main()
