from turn_core.jobs.progress import ProgressTracker
from turn_core.types import Progress


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def step(tracker: ProgressTracker, clock: Clock, at: float, stage: str, done: int) -> None:
    clock.now = at
    tracker.update(Progress(stage=stage, step=done, total=100))


def test_rate_and_time_left__by_hand():
    clock = Clock()
    tracker = ProgressTracker(clock)
    step(tracker, clock, 0, "features", 0)
    step(tracker, clock, 5, "features", 20)  # 4 a second, 80 to go
    progress = tracker.snapshot()
    assert progress.rate == 4
    assert progress.seconds_left == 20


def test_rate_forgets_what_is_older_than_the_window():
    clock = Clock()
    tracker = ProgressTracker(clock)
    step(tracker, clock, 0, "features", 0)
    for second in range(100, 131, 10):  # 1 a second after a slow start
        step(tracker, clock, second, "features", second - 90)
    assert tracker.snapshot().rate == 1


def test_new_stage_starts_the_rate_anew():
    clock = Clock()
    tracker = ProgressTracker(clock)
    step(tracker, clock, 0, "features", 0)
    step(tracker, clock, 1, "features", 50)
    step(tracker, clock, 2, "probe", 1)
    progress = tracker.snapshot()
    assert (progress.stage, progress.rate, progress.seconds_left) == ("probe", None, None)


def test_no_rate_without_two_moments():
    tracker = ProgressTracker(Clock())
    tracker.update(Progress(stage="features", step=3, total=10))
    tracker.update(Progress(stage="features", step=5, total=10))
    assert tracker.snapshot().rate is None


def test_curves_grow_and_a_resumed_epoch_replaces_its_points():
    tracker = ProgressTracker(Clock())
    for epoch, loss in [(1, 0.9), (2, 0.5), (3, 0.4)]:
        tracker.add_point("probe_loss", epoch, loss)
    again = ProgressTracker(Clock(), earlier=tracker.snapshot())
    again.add_point("probe_loss", 2, 0.6)
    assert again.snapshot().curves == {"probe_loss": ((1, 0.9), (2, 0.6))}


def test_points_that_are_not_numbers_are_left_out():
    tracker = ProgressTracker(Clock())
    tracker.add_point("finetune_loss", 1, float("nan"))
    tracker.add_point("finetune_loss", 1, float("inf"))
    assert tracker.snapshot().curves == {}


def test_long_curve_stays_short_and_keeps_its_newest_point():
    tracker = ProgressTracker(Clock())
    for x in range(5001):
        tracker.add_point("probe_loss", x, 0.0)
    points = tracker.snapshot().curves["probe_loss"]
    assert len(points) <= 2000
    assert points[-1][0] == 5000
