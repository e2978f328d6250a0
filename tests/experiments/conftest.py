"""What the tests of experiments share."""

import pytest
import torch


@pytest.fixture
def one_thread():
    """Sums in the order of one thread: results repeat bit for bit."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
