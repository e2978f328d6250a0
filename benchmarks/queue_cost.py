"""What a page and the counts of each queue cost at 100,000 samples, in processor time.

    make bench NAME=queue_cost ARGS="[--samples 100000] [--home DIR] [--database URL] [--times 5]"

3,000 samples are decided, 3,000 votes wait for a second one. Two readers: one who has not voted,
and one who has. Processor time is that of this process, with PostgreSQL that of its server
processes too; the least of some times, since other programs make it longer. `--home` and
`--database` keep the seeded store for the next time.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import harness
import large_project
import psutil
from large_project import Large

from turn_core.config import Settings
from turn_core.services import claims, projects, queues, runs, tags
from turn_core.services.workspace import Workspace, open_workspace
from turn_core.types import QueueFilter, QueueKind, ReviewStatus
from turn_core.types.reviewing import Claimant

GOAL_MS = 50
READERS = ("somebody", "ben")


class Meter:
    """Measures processor time of this process and of what serves it in PostgreSQL."""

    def __init__(self, workspace: Workspace) -> None:
        self.servers: list[int] = []
        url = workspace.engine.url
        if url.get_backend_name() == "postgresql":
            workspace.close()  # one connection from now on, and one server process
            projects.list_projects(workspace)
            named = f" {url.database} "
            self.servers = [
                process.pid
                for process in psutil.process_iter()
                if process.name() == "postgres" and named in " ".join(process.cmdline())
            ]

    def least_ms(self, call: Callable[[], object], times: int) -> float:
        """Return the least milliseconds that the call took."""
        spent = []
        for _ in range(times):
            before = self._seconds()
            call()
            spent.append(self._seconds() - before)
        return round(1000 * min(spent), 1)

    def _seconds(self) -> float:
        told = [Path(f"/proc/{pid}/schedstat").read_text() for pid in self.servers]
        return time.process_time() + sum(int(text.split()[0]) for text in told) / 1e9


def main() -> None:
    """Print milliseconds by reader and queue, and what is slower than the goal."""
    arguments = parse()
    print(f"machine: {harness.machine()}", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="turn-queues-") as folder:
        home = arguments.home or Path(folder) / "home"
        workspace = open_workspace(Settings(home=home, database_url=arguments.database))
        large = prepare(workspace, arguments.samples)
        meter = Meter(workspace)
        found = {name: measure(workspace, large, meter, name, arguments.times) for name in READERS}
        workspace.close()
    print(json.dumps(found, indent=2))
    for name, costs in found.items():
        for queue, (*pages, _) in costs["pages of 50, count"].items():
            if max(pages) > GOAL_MS:
                print(f"{name}, {queue}: {max(pages)} ms a page, more than {GOAL_MS}")


def prepare(workspace: Workspace, num_samples: int) -> Large:
    """Seed the store, or find what was seeded."""
    known = projects.list_projects(workspace)
    if not known:
        return large_project.seed(workspace, num_samples)
    project_id = known[0].project_id
    run = runs.latest_complete_run(workspace, project_id)
    if run is None:
        raise SystemExit("the store holds a project without a round: choose another folder")
    tag = tags.list_tags(workspace, project_id)[0]
    classes = tuple(info.class_id for info in projects.classes(workspace, project_id))
    return Large(project_id, run.run_id, tag.tag_id, classes)


def asked(large: Large) -> Iterator[tuple[str, QueueFilter]]:
    """Every kind of queue, and filters alone and together."""
    first, second = large.class_ids[5:7]
    pair = {"kind": QueueKind.PAIR, "given_class_id": first, "suggested_class_id": second}
    tag = {"kind": QueueKind.TAG, "tag_id": large.tag_id}
    some = {"high": 0.3, "confidence": 0.5}
    yield "worst first", QueueFilter()
    yield "pair", QueueFilter(**pair)
    yield "near tau", QueueFilter(kind=QueueKind.NEAR_TAU)
    yield "0 to 0.2, near tau first", QueueFilter(kind=QueueKind.NEAR_TAU, low=0.0, high=0.2)
    yield "duplicates", QueueFilter(kind=QueueKind.DUPLICATES)
    yield "tag", QueueFilter(**tag)
    yield "audit", QueueFilter(kind=QueueKind.AUDIT)
    yield "disagreement", QueueFilter(kind=QueueKind.DISAGREEMENT)
    yield "class", QueueFilter(class_id=first)
    yield "given class", QueueFilter(given_class_id=first)
    yield "suggested class", QueueFilter(suggested_class_id=second)
    yield "0.01 to 0.3", QueueFilter(low=0.01, high=0.3)
    yield "above 0.5", QueueFilter(low=0.5)
    yield "confidence, none has it", QueueFilter(confidence=0.9)
    yield "decided", QueueFilter(statuses=(ReviewStatus.KEPT, ReviewStatus.RELABELED))
    yield "class, to 0.3, confidence", QueueFilter(class_id=first, **some)
    yield "pair, to 0.3, confidence", QueueFilter(**pair, **some)
    yield "tag, given class, to 0.3", QueueFilter(**tag, given_class_id=first, **some)
    yield "duplicates, to 0.3", QueueFilter(kind=QueueKind.DUPLICATES, **some)


def measure(
    workspace: Workspace, large: Large, meter: Meter, reader: str, times: int
) -> dict[str, dict[str, list[float]]]:
    """Return milliseconds: first and second page, a page only looked at, count; by queue."""
    where = (workspace, large.project_id, large.run_id)
    claimant, pages = Claimant(reader, "browser"), {}
    for name, queue in asked(large):
        cards = queues.next_candidates(*where, queue, limit=50, claimant=claimant)
        after = cards[-1].sample.sample_id if cards else None
        calls: tuple[Callable[[QueueFilter], object], ...] = (
            lambda queue: queues.next_candidates(*where, queue, claimant=claimant),
            lambda queue, after=after: queues.next_candidates(
                *where, queue, after=after, claimant=claimant
            ),
            lambda queue: queues.next_candidates(*where, queue),
            lambda queue: queues.count(*where, queue, reader=reader),
        )
        pages[name] = [
            meter.least_ms(lambda call=call, queue=queue: call(queue), times) for call in calls
        ]
    claims.release(workspace, large.project_id, claimant)
    every, batch = (
        meter.least_ms(lambda: queues.queue_counts(*where, reader=reader), times),
        meter.least_ms(lambda: queues.selection(*where, QueueFilter()), times),
    )
    return {"pages of 50, count": pages, "all": {"counts": [every], "selection": [batch]}}


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=100_000)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--database", default="", help="a PostgreSQL; without it SQLite")
    parser.add_argument("--times", type=int, default=5)
    return parser.parse_args()


if __name__ == "__main__":
    main()
