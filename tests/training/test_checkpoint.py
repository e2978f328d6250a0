import shutil

import pytest
import torch

from turn_core import checkpoint, durable
from turn_core.checkpoint import CheckpointFolder, pack_optimizer, unpack_optimizer
from turn_core.errors import ResourceError


def _save(folder, step, *, anchor=False):
    folder.save({"step": step}, {"model": {"w": torch.full((3,), float(step))}}, anchor=anchor)


def _names(path):
    return sorted(p.name for p in path.iterdir())


def test_newest_comes_back_as_it_was_saved(tmp_path):
    folder = CheckpointFolder(tmp_path / "c")
    assert folder.newest() is None
    _save(folder, 1)
    _save(folder, 2)
    found = CheckpointFolder(tmp_path / "c").newest()
    assert found.state == {"step": 2}
    assert found.groups["model"]["w"].tolist() == [2, 2, 2]


def test_two_newest_and_the_newest_anchor_stay(tmp_path):
    folder = CheckpointFolder(tmp_path)
    for step, anchor in enumerate([True, False, True, False, False, False]):
        _save(folder, step, anchor=anchor)
    assert _names(tmp_path) == ["000003-anchor", "000005", "000006"]
    assert folder.newest_anchor().state == {"step": 2}


@pytest.mark.parametrize("harm", ["flip", "truncate", "no manifest", "torn manifest"])
def test_damaged_checkpoint_is_passed_over_and_named(tmp_path, harm):
    folder = CheckpointFolder(tmp_path)
    _save(folder, 1)
    _save(folder, 2)
    weights, manifest = (tmp_path / "000002" / n for n in ("model.safetensors", "manifest.json"))
    data = weights.read_bytes()
    if harm == "flip":
        weights.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    elif harm == "truncate":
        weights.write_bytes(data[:-4])
    elif harm == "no manifest":
        manifest.unlink()
    else:
        manifest.write_bytes(manifest.read_bytes()[:20])
    assert folder.newest().state == {"step": 1}
    assert folder.damaged == ["000002"]


def test_half_written_folder_is_swept_at_the_start(tmp_path):
    _save(CheckpointFolder(tmp_path), 1)
    shutil.copytree(tmp_path / "000001", tmp_path / "000002.tmp")
    assert CheckpointFolder(tmp_path).newest().name == "000001"
    assert _names(tmp_path) == ["000001"]


@pytest.mark.parametrize("failing", ["sync_file", "publish", "save_file"])
def test_full_disk_leaves_the_earlier_checkpoint_whole(tmp_path, monkeypatch, failing):
    folder = CheckpointFolder(tmp_path)
    _save(folder, 1)

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, failing, full)
    with pytest.raises(ResourceError, match=r"disk of .* is full"):
        _save(folder, 2)
    assert _names(tmp_path) == ["000001"]
    assert folder.newest().state == {"step": 1}


def test_too_little_room_is_said_before_anything_is_written(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=10)
    monkeypatch.setattr(durable.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(ResourceError, match=r"a checkpoint needs .* MB"):
        _save(CheckpointFolder(tmp_path), 1)
    assert _names(tmp_path) == []


@pytest.mark.parametrize("kind", ["sgd", "adamw"])
def test_optimizer_goes_on_bit_for_bit(kind):
    def make():
        model = torch.nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
        with torch.no_grad():
            for p in model.parameters():
                p.copy_(torch.linspace(-1, 1, p.numel()).view(p.shape))
        if kind == "sgd":
            return model, torch.optim.SGD(model.parameters(), 0.1, momentum=0.9, fused=True)
        return model, torch.optim.AdamW(model.parameters(), 0.1, fused=True)

    def step(model, optimizer):
        model(torch.ones(1, 3, 5, 5)).square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()

    model, optimizer = make()
    for _ in range(3):
        step(model, optimizer)
    other, fresh = make()
    other.load_state_dict(model.state_dict())
    unpack_optimizer(fresh, {k: v.clone() for k, v in pack_optimizer(optimizer).items()})
    for _ in range(2):
        step(model, optimizer)
        step(other, fresh)
    assert torch.equal(model.weight, other.weight)
