import pytest

from turn_core import presets
from turn_core.errors import ConfigError


@pytest.mark.parametrize(("name", "row"), presets.PRESETS.items())
def test_preset_is_its_row_and_the_papers_schedule(name, row):
    config = presets.preset_for(name, backbone="b", seed=4)
    probe, finetune = config.probe, config.finetune
    assert row == (
        probe.optimizer,
        probe.learning_rate,
        probe.weight_decay,
        finetune.optimizer,
        finetune.learning_rate,
        finetune.weight_decay,
    )
    assert (config.backbone, config.seed, probe.epochs, finetune.epochs) == ("b", 4, 20, 4)
    assert (probe.q, config.cleansing.threshold, finetune.batch_size) == (0.7, 0.6, 128)


def test_batch_norm_sees_whole_batches():
    assert presets.preset_for("resnet", backbone="b").finetune.micro_batch_size == 128
    assert presets.preset_for("vit", backbone="b").finetune.micro_batch_size == 32


def test_unknown_preset_lists_those_there_are():
    with pytest.raises(ConfigError, match=r"no preset 'vgg'; there are clip, convnext"):
        presets.preset_for("vgg", backbone="b")
