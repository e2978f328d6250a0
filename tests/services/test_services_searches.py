"""Settings of a search, and what the services make of a finished one."""

import json

import pytest
from search_seeding import WINNER, finish_search

from turn_core.config import ProbeConfig, SearchConfig, TurnConfig, from_dict, to_dict
from turn_core.errors import ConfigError, DataError
from turn_core.services import search_source, searches


def test_newest_search_of_a_backbone_is_its_preset(workspace, make_project):
    project_id, other = make_project(), make_project("others")
    finish_search(workspace, project_id)
    newest = finish_search(workspace, project_id, accuracy=0.5)
    finish_search(workspace, project_id, backbone="vit-b16")
    finish_search(workspace, other)
    found = searches.found_settings(workspace, project_id, "turn-mini")
    assert (found.job_id, found.probe, found.num_failed) == (newest, WINNER, 1)
    assert not found.is_ahead
    assert len(searches.list_searches(workspace, project_id)) == 3


def test_found_settings_replace_what_a_search_varies_and_nothing_else():
    config = TurnConfig(seed=4, probe=ProbeConfig(epochs=7, class_balanced=True))
    probe = searches.applied(config, WINNER).probe
    assert (probe.optimizer, probe.learning_rate, probe.batch_size) == ("adamw", 0.01, 64)
    assert (probe.epochs, probe.class_balanced) == (7, True)


def test_settings_come_back_from_the_file_of_a_search(tmp_path):
    path = tmp_path / "search.json"
    path.write_text(json.dumps({"probe": to_dict(WINNER), "accuracy": 0.7}))
    assert search_source.with_settings_of(TurnConfig(), path).probe == WINNER
    for text in ("not json", "[]", "{}", '{"probe": {"learning_rate": -1}}', '{"probe": 3}'):
        path.write_text(text)
        with pytest.raises(DataError, match=r"give the search\.json"):
            search_source.with_settings_of(TurnConfig(), path)
    with pytest.raises(DataError, match="holds no settings"):
        search_source.with_settings_of(TurnConfig(), tmp_path / "missing.json")


def test_search_config_survives_json_and_has_the_paper_s_space():
    config = SearchConfig(learning_rates=(0.1, 0.1, 0.01), backbone="vit-b16")
    assert config.learning_rates == (0.1, 0.01)
    assert from_dict(SearchConfig, json.loads(json.dumps(to_dict(config)))) == config
    assert SearchConfig().num_settings == 150


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"optimizers": ()}, "search.optimizers has no value"),
        ({"optimizers": ("adam",)}, "must be one of sgd, adamw"),
        ({"learning_rates": (0.0,)}, "search.learning_rates must be from"),
        ({"weight_decays": tuple(i / 100 for i in range(100))}, "3,000 settings"),
        ({"holdout_fraction": 0.9}, "search.holdout_fraction"),
        ({"backbone": ""}, "search.backbone"),
    ],
)
def test_wrong_settings_are_refused(changes, told):
    with pytest.raises(ConfigError, match=told):
        SearchConfig(**changes)
