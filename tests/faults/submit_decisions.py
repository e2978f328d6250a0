"""A process that submits decisions until it is killed; it prints each one that was acknowledged.

Arguments: home, database URL (or -), project id, number of decisions, seed, hot samples, start
with a replay of each (1) or not (0). Lines: `READY`, then `ACK key outcome`.
"""

import random
import sys
from pathlib import Path

from turn_core.config import Settings
from turn_core.services import projects, review, samples
from turn_core.services.workspace import Workspace, open_workspace
from turn_core.types import Action, DecisionRequest

ACTIONS = (Action.RELABEL, Action.KEEP, Action.SKIP, Action.EXCLUDE)


def decide(workspace: Workspace, project_id: int, request: DecisionRequest) -> None:
    """Submit and say what became of it, unbuffered: what was printed was acknowledged."""
    (result,) = review.record(workspace, project_id, [request], actor="fault")
    sys.stdout.write(f"ACK {request.idem_key} {result.outcome.value}\n")
    sys.stdout.flush()


def main() -> None:
    """Decide on random samples among the first `hot` ones."""
    home, url, project_text, count, seed, hot, replay = sys.argv[1:]
    settings = Settings(home=Path(home), database_url="" if url == "-" else url)
    workspace, project_id = open_workspace(settings), int(project_text)
    classes = [c.class_id for c in projects.classes(workspace, project_id)]
    ids = samples.label_snapshot(workspace, project_id).sample_ids[: int(hot)].tolist()
    draw = random.Random(int(seed))
    sys.stdout.write("READY\n")
    sys.stdout.flush()
    for number in range(int(count)):
        seen = samples.get_sample(workspace, project_id, draw.choice(ids))
        request = DecisionRequest(
            sample_id=seen.sample_id,
            version=seen.version,
            action=draw.choice(ACTIONS),
            idem_key=f"{seed}-{number}",
            class_id=draw.choice(classes),
        )
        decide(workspace, project_id, request)
        if replay == "1":
            decide(workspace, project_id, request)


if __name__ == "__main__":
    main()
