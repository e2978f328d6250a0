import pytest
from worker_bench import Bench

from turn_core.types import JobState

pytestmark = [pytest.mark.worker, pytest.mark.postgres]


def test_killed_worker_is_replaced_on_postgresql_too(tmp_path, postgres_url):
    bench = Bench(tmp_path / "home", tasks_module="job_tasks_for_tests", database_url=postgres_url)
    path, go_on = tmp_path / "n", tmp_path / "go on"
    try:
        first = bench.start_worker()
        job_id = bench.submit("count", path=str(path), to=20, hold_at=4, go_on=str(go_on))
        bench.wait(lambda: path.exists() and len(path.read_text().split()) == 5, "some counting")
        first.kill()
        first.wait()
        bench.start_worker()
        done = bench.ended(job_id)
    finally:
        bench.close()
    assert (done.state, done.attempt) == (JobState.DONE, 2)
    assert path.read_text().split() == [str(n) for n in range(20)]
