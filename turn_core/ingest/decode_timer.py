"""A bound on the CPU time of one decode, against decoders that never end."""

import resource
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from turn_core.images import UnreadableImage

_AGAIN_SECONDS = 1.0
_KILL_FACTOR = 6


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise UnreadableImage when the block burns more than `seconds` of CPU time.

    A loop in Python code is ended by a signal. One in C never sees it: for that, where the
    process has no CPU limit of its own, the kernel ends the process after six times as long, and
    the job fails. Signals need the main thread; in another one the block runs without a bound.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_signal: int, _frame: FrameType | None) -> NoReturn:
        raise UnreadableImage(f"it took over {seconds:g} s to decode")

    before = signal.signal(signal.SIGPROF, stop)
    soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    try:
        _limit_cpu(seconds * _KILL_FACTOR, soft, hard)
        # It fires again: a decoder may swallow the first exception and go on.
        signal.setitimer(signal.ITIMER_PROF, seconds, _AGAIN_SECONDS)
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))
        signal.signal(signal.SIGPROF, before)


def _limit_cpu(seconds: float, soft: int, hard: int) -> None:
    if soft == resource.RLIM_INFINITY:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        end = int(usage.ru_utime + usage.ru_stime + seconds) + 1
        end = end if hard == resource.RLIM_INFINITY else min(end, hard)
        resource.setrlimit(resource.RLIMIT_CPU, (end, hard))
