"""How far a job is: steps in, rate and time left out. Times are seconds."""

import math
import threading
import time
from collections import deque
from collections.abc import Callable

from turn_core.types import Progress

WINDOW_SECONDS = 20.0
"""The rate is the mean over the steps of the last this many seconds."""

MIN_SECONDS = 0.5
"""Over a shorter time there is no rate: the first steps of a stage say little."""

MAX_POINTS = 2000
"""A curve keeps at most this many points; past it every second one is dropped."""


class ProgressTracker:
    """Collects what a task reports; any thread may take a snapshot.

    `version` rises with each report, so that a writer sees whether there is anything new.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, *, earlier: Progress | None = None
    ) -> None:
        """Start empty, or with the curves of an `earlier` attempt at the same job."""
        self.version = 0
        self._clock = clock
        self._lock = threading.Lock()
        self._last = Progress()
        self._marks: deque[tuple[float, int]] = deque()
        curves = earlier.curves if earlier else {}
        self._curves = {name: list(points) for name, points in curves.items()}

    def update(self, progress: Progress) -> None:
        """Take the stage, step, total, message and stage count of `progress`.

        A new stage, or a step below the one before, starts the rate anew.
        """
        now = self._clock()
        with self._lock:
            if progress.stage != self._last.stage or progress.step < self._last.step:
                self._marks.clear()
            self._marks.append((now, progress.step))
            while len(self._marks) > 2 and self._marks[1][0] < now - WINDOW_SECONDS:
                self._marks.popleft()
            self._last = progress
            self.version += 1

    def add_point(self, name: str, x: float, y: float) -> None:
        """Append (x, y) to the curve `name`; points at this x or beyond are replaced.

        A resumed task so goes on where its checkpoint stood. A value that is not finite is
        left out: it could not be drawn or stored as JSON.
        """
        if not (math.isfinite(x) and math.isfinite(y)):
            return
        with self._lock:
            kept = [point for point in self._curves.get(name, ()) if point[0] < x]
            self._curves[name] = [*kept, (x, y)]
            if len(self._curves[name]) > MAX_POINTS:
                self._curves[name] = self._curves[name][::2]
            self.version += 1

    def snapshot(self) -> Progress:
        """Return the progress so far, with the moving rate and the seconds left where known."""
        with self._lock:
            last, curves = self._last, {k: tuple(v) for k, v in self._curves.items()}
            rate = self._rate()
        left = None
        if rate and last.total:
            left = max(0.0, (last.total - last.step) / rate)
        return Progress(
            stage=last.stage,
            step=last.step,
            total=last.total,
            rate=rate,
            seconds_left=left,
            message=last.message,
            stage_index=last.stage_index,
            num_stages=last.num_stages,
            curves=curves,
        )

    def _rate(self) -> float | None:
        if len(self._marks) < 2:
            return None
        (start, first), (end, last) = self._marks[0], self._marks[-1]
        if end - start < MIN_SECONDS or last <= first:
            return None
        return (last - first) / (end - start)
