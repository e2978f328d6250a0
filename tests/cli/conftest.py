import pytest
import small_data
import torch

from turn_core import cli


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """The runs are tiny: a second thread only waits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def backbone(tmp_path_factory):
    return small_data.save_backbone(tmp_path_factory.mktemp("backbone") / "tiny")


@pytest.fixture
def turn(capsys, monkeypatch, tmp_path):
    """Run a command line in this process: (exit code, stdout, stderr)."""
    monkeypatch.setenv("TURN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TURN_DATABASE_URL", "")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    def run(*arguments):
        code = cli.main([str(argument) for argument in arguments])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run
