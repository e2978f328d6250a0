"""Progress for a person at a terminal: one line that is rewritten, or a line now and then."""

import shutil
import time
from collections.abc import Callable
from typing import TextIO

from turn_core.types import Progress

QUIET_SECONDS = 10.0
"""Where the output is no terminal, the same stage is told at most this often."""


class ProgressLine:
    """Shows progress on `stream`; call `close` before anything else is printed there."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._is_terminal = stream.isatty()
        self._shown = ""
        self._stage = ""
        self._told_at = float("-inf")

    def show(self, progress: Progress) -> None:
        """Show where the job is."""
        text = line(progress)
        if not text or text == self._shown:
            return
        if self._is_terminal:
            width = shutil.get_terminal_size().columns - 1
            self._stream.write(f"\r\x1b[2K{text[:width]}")
        elif progress.stage != self._stage or self._clock() - self._told_at >= QUIET_SECONDS:
            self._stream.write(f"{text}\n")
            self._told_at = self._clock()
        self._stream.flush()
        self._stage, self._shown = progress.stage, text

    def close(self) -> None:
        """End the line, if there is one, so that the next output starts on its own."""
        if self._is_terminal and self._shown:
            self._stream.write("\r\x1b[2K")
            self._stream.flush()
        self._shown = ""


def line(progress: Progress) -> str:
    """Return progress as one line, such as `[2/5] features  300/1,000  25/s  28 s left`."""
    if not progress.stage:
        return progress.message
    place = f"[{progress.stage_index}/{progress.num_stages}] " if progress.num_stages else ""
    parts = [f"{place}{progress.stage.replace('_', ' ')}"]
    if progress.total:
        parts.append(f"{progress.step:,}/{progress.total:,}")
    if progress.rate is not None:
        parts.append(f"{progress.rate:,.{0 if progress.rate >= 10 else 1}f}/s")
    if progress.seconds_left is not None:
        parts.append(f"{duration(progress.seconds_left)} left")
    if progress.message:
        parts.append(progress.message)
    return "  ".join(parts)


def duration(seconds: float) -> str:
    """Return seconds as people say them: `8 s`, `2 min 5 s`, `1 h 3 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
