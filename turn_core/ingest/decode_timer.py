"""A bound on the CPU time of one decode, against decoders that never end."""

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

    A loop in Python code is ended by a signal. One in C never sees it: for that the kernel ends the
    process (SIGVTALRM) after six times as long, and the job fails. Both timers count from now. A
    limit on all the CPU time of the process would not do: the kernel compares it with another
    count than processes can read, which on a busy machine is seconds ahead. Signals need the
    main thread; in another one the block runs without a bound.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_signal: int, _frame: FrameType | None) -> NoReturn:
        raise UnreadableImage(f"it took over {seconds:g} s to decode")

    before = signal.signal(signal.SIGPROF, stop)
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds * _KILL_FACTOR)
        # It fires again: a decoder may swallow the first exception and go on.
        signal.setitimer(signal.ITIMER_PROF, seconds, _AGAIN_SECONDS)
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGPROF, before)
