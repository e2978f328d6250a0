"""Photographs with flipped labels, from the upload to the corrected file: the whole audit."""

import csv
import random
import zipfile
from pathlib import Path

import pytest
from e2e_helpers import READY, download, go_to, wait_saved
from playwright.sync_api import Page, expect

from turn_core.services import projects, review, runs

pytestmark = [
    pytest.mark.browser,
    pytest.mark.worker,
    pytest.mark.real_data,
    pytest.mark.slow,
    pytest.mark.timeout(3600),
]
FLIPPED = 0.15
TRAINING_MS = 1_500_000


def flipped_zip(photos: Path, target: Path) -> dict[str, str]:
    """A ZIP of class folders, 15 % of the photographs in a wrong one; returns name -> truth."""
    rng = random.Random(0)
    kinds = sorted(folder.name for folder in photos.iterdir() if folder.is_dir())
    truth: dict[str, str] = {}
    with zipfile.ZipFile(target, "w") as archive:
        for kind in kinds:
            for file in sorted((photos / kind).iterdir()):
                wrong = rng.random() < FLIPPED
                given = rng.choice([other for other in kinds if other != kind]) if wrong else kind
                name = f"{given}/{kind}-{file.name}"
                archive.write(file, name)
                truth[name] = kind
    return truth


def train(page: Page, number: int, look) -> None:
    go_to(page, "Runs")
    expect(page.get_by_text(f"Train round {number}", exact=True)).to_be_visible()
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible(timeout=60_000)
    page.wait_for_timeout(20_000)
    look(page, f"photos_runs_live_{number}")
    expect(page.get_by_text(f"Round {number} in detail")).to_be_visible(timeout=TRAINING_MS)
    look(page, f"photos_runs_done_{number}")


def test_photos_uploaded_trained_reviewed_retrained_exported(
    real_data: Path, fresh_server, worker, page: Page, tmp_path: Path, look
):
    truth = flipped_zip(real_data / "pacs" / "photo", tmp_path / "photo.zip")
    workspace = fresh_server.workspace
    page.goto(f"{fresh_server.url}/data")
    page.wait_for_selector(READY)
    page.locator(".zone input").set_input_files(str(tmp_path / "photo.zip"))
    expect(page.get_by_text("One folder per class")).to_be_visible(timeout=120_000)
    look(page, "photos_confirm")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_role("heading", name="Data", exact=True)).to_be_visible(timeout=300_000)
    page.wait_for_timeout(1500)
    look(page, "photos_data")
    (project,) = projects.list_projects(workspace)
    assert project.num_samples == len(truth)

    train(page, 1, look)
    go_to(page, "Review")
    expect(page.locator(".card")).to_have_attribute("data-position", "0")
    page.wait_for_timeout(1500)
    look(page, "photos_review")
    classes = {info.name: info.class_id for info in projects.classes(workspace, project.project_id)}
    for number in range(20):
        name = page.locator(".js-name").inner_text()
        given = name.split("/")[0]
        key = "q" if truth[name] == given else digit_of(page, truth[name])
        page.keyboard.press(key)
        wait_saved(page, number + 1)
    look(page, "photos_review_after_20")
    events = review.ledger(workspace, project.project_id)
    assert len(events) == 20
    for event in events:
        right = classes[truth[event.file_name]]
        assert (event.class_id if event.action == "relabel" else right) == right
    wrong = sum(event.action == "relabel" for event in events)
    assert wrong >= 10, f"only {wrong} of the 20 most suspicious labels were wrong"

    train(page, 2, look)
    expect(page.get_by_text("From round 1 to round 2")).to_be_visible()
    second = runs.latest_complete_run(workspace, project.project_id)
    assert second is not None
    assert second.number == 2
    queue = review.next_candidates(workspace, project.project_id, second.run_id, limit=2000)
    decided = {event.sample_id for event in events}
    assert not decided & {candidate.sample.sample_id for candidate in queue}
    go_to(page, "Overview")
    look(page, "photos_overview")

    go_to(page, "Export")
    file = download(page, "csv", tmp_path)
    look(page, "photos_export")
    with file.open(newline="", encoding="utf-8") as lines:
        rows = {row["file_name"]: row for row in csv.DictReader(lines)}
    assert rows.keys() == truth.keys()
    for event in events:
        assert rows[event.file_name]["label"] == truth[event.file_name]
        assert rows[event.file_name]["given_label"] == event.file_name.split("/")[0]
    archive = download(page, "class_folders", tmp_path)
    with zipfile.ZipFile(archive) as images:
        assert sum(name.endswith(".jpg") for name in images.namelist()) == len(truth)


def digit_of(page: Page, kind: str) -> str:
    """The digit that stands beside a class on the card."""
    row = page.locator(".classes li", has=page.get_by_text(kind, exact=True))
    return row.locator("kbd").inner_text()
