"""turn-mini's training script on eight random images and a tiny teacher."""

import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from families_zoo import _ENCODER
from PIL import Image
from torch.testing import assert_close
from transformers import ConvNextModel, ViTConfig, ViTForImageClassification

from turn_core.backbones.pretrain import __main__ as script
from turn_core.backbones.pretrain import data as tiny
from turn_core.backbones.pretrain import loop
from turn_core.backbones.pretrain.augment import augment, jitter_boxes
from turn_core.backbones.pretrain.teacher import load_teacher
from turn_core.errors import DataError


def write_images(path, count):
    rng = np.random.default_rng(0)
    rows = []
    for label in range(count):
        buffer = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(buffer, "PNG")
        rows.append({"image": {"bytes": buffer.getvalue(), "path": None}, "label": label % 2})
    pq.write_table(pa.Table.from_pylist(rows), path)


@pytest.fixture
def folders(tmp_path):
    write_images(tmp_path / "train-0.parquet", 8)
    write_images(tmp_path / "validation-0.parquet", 4)
    torch.manual_seed(0)
    config = ViTConfig(**{**_ENCODER, "image_size": 224, "patch_size": 56}, num_labels=5)
    ViTForImageClassification(config).save_pretrained(tmp_path / "teacher")
    return tmp_path


def test_script__writes_a_folder_that_transformers_opens(folders):
    threads = str(torch.get_num_threads())
    arguments = ["--data", folders, "--teacher", folders / "teacher", "--out", folders / "out"]
    script.main([*map(str, arguments), "--epochs", "1", "--threads", threads])
    assert ConvNextModel.from_pretrained(folders / "out").config.hidden_sizes[-1] == 256
    record = json.loads((folders / "out" / "training.json").read_text())
    assert record["steps"] == 1
    script.main([*map(str, arguments), "--epochs", "3", "--threads", threads])
    assert json.loads((folders / "out" / "training.json").read_text())["steps"] == 3


def test_checkpoint__a_resumed_run_equals_an_undisturbed_one(folders):
    config = loop.PretrainConfig(epochs=4, batch=4)
    cache = folders / "work"
    split = tiny.load_split(folders, "train", cache)
    teacher = load_teacher(folders / "teacher", split, cache, views=2, seed=0, log=str)

    def steps(run, until):
        boxes = [tiny.crop_boxes(8, seed=0, view=view) for view in range(2)]
        while run.step < until:
            rows, view = loop._batch_rows(8, *divmod(run.step, 2), config, 2)
            loop._step(run, split, rows, (boxes[view], view), teacher, config, run.step / 8)
            run.step += 1

    whole, first, second = (loop.start(config, classes=2, teacher_dim=16) for _ in range(3))
    steps(whole, 4)
    steps(first, 2)
    first.save(cache / "checkpoint.pt")
    second.load(cache / "checkpoint.pt")
    steps(second, 4)
    assert_close(second.student.state_dict(), whole.student.state_dict(), rtol=0, atol=0)
    assert_close(second.average.state_dict(), whole.average.state_dict(), rtol=0, atol=0)


def test_progress__ends_by_steps_or_by_time():
    run = loop.Run(None, None, None, step=5, seconds=1800)
    assert loop.progress(run, loop.PretrainConfig(epochs=2), steps_per_epoch=10) == 0.25
    assert loop.progress(run, loop.PretrainConfig(epochs=2, hours=1), steps_per_epoch=10) == 0.5


def test_learning_rate__rises_then_falls_to_a_hundredth():
    config = loop.PretrainConfig(learning_rate=1.0, lr_warmup=0.1)
    assert loop.learning_rate(0.05, config) == pytest.approx(0.5)
    assert loop.learning_rate(0.1, config) == pytest.approx(1.0)
    assert loop.learning_rate(0.55, config) == pytest.approx(0.505)
    assert loop.learning_rate(1.0, config) == pytest.approx(0.01)


def test_crop__whole_image_is_the_image_and_flip_mirrors_it():
    image = torch.arange(12, dtype=torch.uint8).view(1, 3, 2, 2)
    box = torch.tensor([[0.5, 0.5, 1.0, 1.0]])
    assert_close(tiny.crop(image, box, 2) * 255, image.float())
    assert_close(tiny.crop(image, box, 2, torch.tensor([True])) * 255, image.float().flip(3))
    corner = torch.tensor([[0.25, 0.25, 0.5, 0.5]])  # the top left pixel
    assert_close(tiny.crop(image, corner, 1).flatten() * 255, torch.tensor([0.0, 4.0, 8.0]))


def test_boxes__inside_the_image_and_fixed_by_seed_and_view():
    boxes = tiny.crop_boxes(100, seed=3, view=1)
    assert ((boxes[:, :2] - boxes[:, 2:] / 2) >= -1e-6).all()
    assert ((boxes[:, :2] + boxes[:, 2:] / 2) <= 1 + 1e-6).all()
    assert torch.equal(boxes, tiny.crop_boxes(100, seed=3, view=1))
    assert not torch.equal(boxes, tiny.crop_boxes(100, seed=3, view=0))


def test_jitter__boxes_stay_inside_and_near():
    boxes = tiny.crop_boxes(200, seed=0, view=0)
    moved = jitter_boxes(boxes, torch.Generator().manual_seed(0), strength=0.1)
    assert ((moved[:, :2] - moved[:, 2:] / 2) >= -1e-6).all()
    assert ((moved[:, :2] + moved[:, 2:] / 2) <= 1 + 1e-6).all()
    assert 0.01 < (moved - boxes).abs().max() <= 0.15


def test_augment__same_seed_same_pixels_within_range():
    pixels = torch.rand(16, 3, 64, 64, generator=torch.manual_seed(0))
    before = pixels.clone()
    first = augment(pixels, torch.Generator().manual_seed(1))
    assert torch.equal(first, augment(pixels, torch.Generator().manual_seed(1)))
    assert torch.equal(pixels, before)
    assert first.min() >= 0
    assert first.max() <= 1


def test_data__a_folder_without_parquet_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"has no train-\*\.parquet"):
        tiny.load_split(tmp_path, "train", tmp_path / "work")
