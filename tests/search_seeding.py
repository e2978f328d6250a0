"""A finished search, without computing one."""

from turn_core.config import ProbeConfig, SearchConfig, to_dict
from turn_core.services import jobs, searches
from turn_core.types import JobKind, JobState

WINNER = ProbeConfig(optimizer="adamw", learning_rate=0.01, weight_decay=1e-5, batch_size=64)


def finish_search(workspace, project_id, *, backbone="turn-mini", accuracy=0.7):
    searches.start_search(workspace, project_id, SearchConfig(backbone=backbone), actor="tester")
    claimed = jobs.claim(workspace, "test-worker", [JobKind.SEARCH])
    result = {
        "backbone": backbone,
        "probe": to_dict(WINNER),
        "accuracy": accuracy,
        "preset_accuracy": 0.6,
        "num_samples": 12,
        "num_held_out": 3,
        "seconds": 2.5,
        "trials": {
            "optimizer": ["sgd", "adamw", "sgd"],
            "learning_rate": [0.05, 0.01, 0.1],
            "weight_decay": [1e-4, 1e-5, 1e-4],
            "batch_size": [128, 64, 64],
            "accuracy": [0.6, accuracy, 0.0],
            "loss": [0.5, 0.4, 1.4],
            "seconds": [1.0, 1.0, 0.5],
            "problem": ["", "", "diverged"],
        },
    }
    done = {"state": JobState.DONE, "result": result}
    jobs.finish(workspace, claimed.job.job_id, claimed.fence, **done)
    return claimed.job.job_id
