"""What went wrong, as one sentence: from an exception in a job, or from how its process ended."""

import errno
import signal

from turn_core.errors import JobError, ResourceError, TurnError

INTERRUPTED = 75
"""Exit code of a job that stopped because its worker stops; it goes back to the queue."""

FENCED = 76
"""Exit code of a job that another worker has taken over; nothing of it counts any more."""

_SIGNALS = {
    signal.SIGKILL: (
        "its process was killed, probably because memory ran out;"
        " close other programs, or choose a smaller backbone or micro batch"
    ),
    signal.SIGBUS: (
        "its process ran out of shared memory (/dev/shm); give the machine or container more"
    ),
    signal.SIGSEGV: "its process crashed in a native library",
    signal.SIGABRT: "its process was aborted by a native library",
    signal.SIGILL: "this processor lacks an instruction that a library needs",
    signal.SIGXCPU: "it used more processor time than its limit allows",
    signal.SIGVTALRM: "reading one of the files took its decoder far too long",
    signal.SIGXFSZ: "it wrote a larger file than its limit allows",
    signal.SIGTERM: "its process was ended from outside",
}


def log_name(job_id: int) -> str:
    """Return the name of the job's log in the logs folder."""
    return f"job-{job_id}.log"


def as_turn_error(error: BaseException, job_id: int) -> TurnError:
    """Return `error` as an error that a person can read; a TurnError stays what it is."""
    if isinstance(error, TurnError):
        return error
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ResourceError(
            "The disk is full, so the job stopped; free some space and start it again"
        )
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return ResourceError(
            "Memory ran out, so the job stopped;"
            " choose a smaller backbone or micro batch and start it again"
        )
    text = " ".join(str(error).split())
    if "CUDA error" in text:
        return ResourceError(
            "The GPU was lost or reports an error, so the job stopped;"
            f" start it again, or with device cpu ({text[:200]})"
        )
    what = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return JobError(
        f"The job stopped because of a fault in TURN Audit ({what[:300]});"
        f" the log is {log_name(job_id)}"
    )


def exit_sentence(code: int, job_id: int) -> str:
    """Say why a job ended whose process left with `code` (negative: minus the signal)."""
    log = f"the log is {log_name(job_id)}"
    if code >= 0:
        return f"The job stopped because its process ended early (exit code {code}); {log}"
    try:
        name = signal.Signals(-code)
    except ValueError:
        return f"The job stopped because its process was ended by signal {-code}; {log}"
    reason = _SIGNALS.get(name, f"its process was ended by {name.name}")
    return f"The job stopped because {reason}; {log}"
