from turn_core.config import ProbeConfig
from turn_core.experiments.search import Trial
from turn_core.experiments.search_records import TrialFile, columns


def trial(index, **changes):
    config = ProbeConfig(optimizer="adamw", learning_rate=0.01 * (index + 1), batch_size=64)
    values = {"accuracy": 0.5, "loss": 0.25, "seconds": 1.5, "problem": ""} | changes
    return Trial(index=index, config=config, **values)


def test_trials_come_back_as_they_were_and_a_line_that_was_cut_off_is_passed_over(tmp_path):
    file = TrialFile(tmp_path / "search/trials.jsonl")
    assert file.load() == []
    file.add(trial(1, problem="diverged: é"))
    whole = file.path.read_text()
    file.add(trial(0))
    file.path.write_text(file.path.read_text()[:-20])  # killed while it wrote
    assert file.load() == [trial(1, problem="diverged: é")]
    file.add(trial(2))
    assert [found.index for found in file.load()] == [1, 2]
    assert file.path.read_text().startswith(whole)


def test_columns_hold_what_a_search_varies_and_what_came_out():
    found = columns([trial(0), trial(1, accuracy=0.75)])
    assert found == {
        "optimizer": ["adamw", "adamw"],
        "learning_rate": [0.01, 0.02],
        "weight_decay": [1e-4, 1e-4],
        "batch_size": [64, 64],
        "accuracy": [0.5, 0.75],
        "loss": [0.25, 0.25],
        "seconds": [1.5, 1.5],
        "problem": ["", ""],
    }
