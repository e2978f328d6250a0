import pytest
from worker_bench import Bench


@pytest.fixture
def bench(tmp_path):
    """A worker bench whose jobs run the small tasks of `job_tasks_for_tests`."""
    bench = Bench(tmp_path / "home", tasks_module="job_tasks_for_tests")
    yield bench
    bench.close()
