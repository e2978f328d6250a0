import errno
import signal

import pytest

from turn_core.errors import DataError, JobError, ResourceError
from turn_core.jobs import faults


def test_sentence_of_a_turn_error_stays():
    error = DataError("one class only")
    assert faults.as_turn_error(error, 3) is error


def test_fault_names_the_error_in_one_line_and_the_log():
    error = faults.as_turn_error(ValueError("bad\nshape"), 12)
    assert type(error) is JobError
    assert str(error) == (
        "The job stopped because of a fault in TURN Audit (ValueError: bad shape);"
        " the log is job-12.log"
    )


def test_full_disk_and_spent_memory_say_so():
    full = faults.as_turn_error(OSError(errno.ENOSPC, "No space left on device"), 1)
    assert isinstance(full, ResourceError)
    assert "disk is full" in str(full)
    assert "Memory ran out" in str(faults.as_turn_error(MemoryError(), 1))

    class OutOfMemoryError(RuntimeError):
        """Named like torch's, which cannot be imported here."""

    assert "Memory ran out" in str(faults.as_turn_error(OutOfMemoryError("CUDA"), 1))


def test_lost_gpu_offers_the_processor():
    error = RuntimeError("CUDA error: device unavailable\nCUDA kernel errors might be ...")
    told = faults.as_turn_error(error, 1)
    assert isinstance(told, ResourceError)
    assert "device cpu" in str(told)
    assert "\n" not in str(told)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-signal.SIGKILL, "memory ran out"),
        (-signal.SIGBUS, "/dev/shm"),
        (-signal.SIGSEGV, "native library"),
        (-signal.SIGXCPU, "processor time"),
        (-signal.SIGVTALRM, "far too long"),
        (-signal.SIGUSR1, "SIGUSR1"),
        (-200, "signal 200"),
        (3, "exit code 3"),
    ],
)
def test_every_ending_has_a_sentence(code, words):
    sentence = faults.exit_sentence(code, 7)
    assert words in sentence
    assert sentence.endswith("the log is job-7.log")
