import io

from turn_core.jobs import console
from turn_core.types import Progress


def test_line_says_place_step_rate_and_time_left():
    progress = Progress(
        stage="features", step=300, total=1000, rate=25.0, seconds_left=28.0, stage_index=2,
        num_stages=5,
    )  # fmt: skip
    assert console.line(progress) == "[2/5] features  300/1,000  25/s  28 s left"


def test_durations():
    told = [console.duration(seconds) for seconds in (0.4, 59, 125, 3780)]
    assert told == ["0 s", "59 s", "2 min 5 s", "1 h 3 min"]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_terminal_gets_one_line_that_is_rewritten_and_wiped():
    out = Terminal()
    shown = console.ProgressLine(out)
    shown.show(Progress(stage="features", step=1, total=2))
    shown.show(Progress(stage="features", step=2, total=2))
    shown.close()
    assert "\n" not in out.getvalue()
    assert out.getvalue().count("\r\x1b[2K") == 3
    assert out.getvalue().endswith("\r\x1b[2K")


def test_log_gets_a_line_per_stage_and_one_now_and_then():
    out, now = io.StringIO(), [0.0]
    shown = console.ProgressLine(out, clock=lambda: now[0])
    for second, stage, step in [(0, "features", 1), (5, "features", 2), (11, "features", 3),
                                (12, "probe", 1)]:  # fmt: skip
        now[0] = second
        shown.show(Progress(stage=stage, step=step, total=9))
    assert out.getvalue().splitlines() == ["features  1/9", "features  3/9", "probe  1/9"]
