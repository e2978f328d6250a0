"""Small tasks that stand in for the real ones; `params["do"]` names the function."""

import os
import signal
import time
from pathlib import Path

from turn_core.errors import DataError
from turn_core.types import JobKind

TASKS = dict.fromkeys(JobKind, "job_tasks_for_tests:run")


def run(context):
    return globals()[context.params["do"]](context)


def tell(context):
    return {"nice": os.nice(0), "gpu": os.environ.get("CUDA_VISIBLE_DEVICES"), "pid": os.getpid()}


def wait_for(context, path):
    """Hold the job until the test makes this file."""
    while not Path(path).exists():
        context.check()
        time.sleep(0.02)


def count(context):
    """Count to `to`, from where the file stands, writing each number to the file.

    Once `hold_at` is written, wait for the file `go_on`.
    """
    path = Path(context.params["path"])
    start = len(path.read_text().split()) if path.exists() else 0
    for number in range(start, context.params["to"]):
        context.check()
        context.progress(stage="counting", step=number + 1, total=context.params["to"])
        context.curve("count", number, number * 2.0)
        with path.open("a") as file:
            file.write(f"{number}\n")
        time.sleep(context.params.get("pause", 0.01))
        if number == context.params.get("hold_at"):
            wait_for(context, context.params["go_on"])
    return {"first": start}


def stage_a_file(context):
    folder = context.workspace.files.staging(context.job.job_id)
    folder.mkdir(parents=True)
    (folder / "half").write_text("half")
    while True:
        context.check()
        time.sleep(0.02)


def be_deaf(context):
    Path(context.params["path"]).write_text(str(os.getpid()))
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(0.1)


def refuse(context):
    raise DataError("give at least two classes, there is one")


def fail(context):
    raise ValueError("shape (3, 4)")


def crash(context):
    with Path(context.params["path"]).open("a") as file:
        file.write("x")
    os.kill(os.getpid(), signal.SIGKILL)


def hold(context):
    """Say by a file that it runs, and run until there is another."""
    Path(context.params["here"]).touch()
    wait_for(context, context.params["until"])
