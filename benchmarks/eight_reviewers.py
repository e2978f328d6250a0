"""Eight reviewers in eight browsers on one project, by keyboard, for some minutes.

Each is a Chromium of its own with a name, a pace and opinions of its own; what it shows is noted
in the page, what it was told in the answers of the server. Afterwards no image may have been
before more of them at one time than are to vote on it, every acknowledged decision must be in the
ledger, once, and with two votes on each image the figures of agreement must be those that
scikit-learn makes of the exported votes.

    make bench NAME=eight_reviewers [ARGS="--seconds 300 --reviewers 8 --overlap 1 2"]
"""

import argparse
import asyncio
import io
import json
import random
import re
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import harness
import pyarrow.parquet as pq
from playwright.async_api import Page, Response, async_playwright, expect
from sklearn.metrics import cohen_kappa_score
from sqlalchemy import text

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "tests" / "app"))

import seeding  # noqa: E402

from turn_core.services import agreement, audits, vote_files, votes  # noqa: E402
from turn_core.services.workspace import Workspace  # noqa: E402
from turn_core.types import ReviewSettings  # noqa: E402

CHROMIUM = "/usr/bin/chromium"
READY = '[data-testid="stApp"][data-test-script-state="notRunning"]'
NAMES = ("ann", "ben", "cleo", "dan", "eve", "finn", "gus", "hana", "ivo", "jana")
WATCH = """() => {
  const deep = (root) => { for (const n of root.querySelectorAll('*')) {
    if (n.matches('.card')) return n;
    if (n.shadowRoot) { const found = deep(n.shadowRoot); if (found) return found; } } };
  const card = deep(document), now = () => performance.timeOrigin + performance.now();
  window.turnShown = [[card.dataset.sample, now()]];
  new MutationObserver(() => {
    if (card.dataset.sample !== window.turnShown.at(-1)[0]) {
      window.turnShown.push([card.dataset.sample, now()]);
    }
  }).observe(card, { attributes: true, attributeFilter: ['data-sample'] });
}"""


@dataclass
class Reviewer:
    """One browser: what it showed, and what the server said to its decisions."""

    name: str
    outcomes: dict[str, str] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    """What the server said of decisions that it did not save, without the names of files."""
    pressed: Counter[str] = field(default_factory=Counter)
    shown: list[tuple[str, float, float]] = field(default_factory=list)
    """Sample, from, to: milliseconds since 1970."""

    async def hear(self, response: Response) -> None:
        """Note what became of decisions."""
        if response.request.method == "POST" and response.url.endswith("/decisions"):
            for result in (await response.json())["results"]:
                self.outcomes[result["key"]] = result["outcome"]
                if result["outcome"] == "conflict":
                    self.refused[re.sub("'.*?'|by .*?:", "...", result["message"])] += 1

    async def sit(self, page: Page, address: str, project_id: int, seconds: float) -> None:
        """Take a name, open the queue, and decide until the time is over or nothing is left."""
        page.on("response", self.hear)
        await named(page, f"{address}/people?project={project_id}", self.name)
        await page.goto(f"{address}/review?project={project_id}")
        card = page.locator(".card")
        await expect(card).to_have_attribute("data-position", "0", timeout=120_000)
        await page.evaluate(WATCH)
        draw, clock = random.Random(self.name), asyncio.get_running_loop()
        end = clock.time() + seconds
        while clock.time() < end and (sample := await card.get_attribute("data-sample")):
            await asyncio.sleep(draw.uniform(0.4, 1.6))
            key = opinion(int(sample), draw)
            self.pressed[key] += 1
            saved = int(await card.get_attribute("data-saved") or 0)
            await page.keyboard.press(key)
            if key == "Control+z" and not saved:
                continue
            await answered(page, str(saved))
        spans = await page.evaluate(
            "() => [...window.turnShown, ['', performance.timeOrigin + performance.now()]]"
        )
        self.shown = [(s, start, stop) for (s, start), (_, stop) in pairwise(spans) if s]


async def answered(page: Page, saved: str) -> None:
    """Wait until the decision is saved; leave what somebody else has settled meanwhile."""
    card, question = page.locator(".card"), page.get_by_role("alertdialog")
    for _ in range(600):
        if await card.get_attribute("data-saved") != saved:
            return
        if await question.is_visible():
            await page.keyboard.press("Enter")  # on "Leave as saved"
            await expect(question).to_be_hidden(timeout=60_000)
            return
        await asyncio.sleep(0.1)
    raise SystemExit(f"nothing was saved for a minute: {await card.get_attribute('data-save')}")


async def named(page: Page, address: str, name: str) -> None:
    """Choose a reviewer's name in the sidebar."""
    await page.goto(address)
    await page.wait_for_selector(READY, timeout=120_000)
    sidebar = page.get_by_test_id("stSidebar")
    await sidebar.get_by_test_id("stPopover").get_by_role("button").click()
    await page.get_by_label("Reviewer", exact=True).fill(name)
    await page.get_by_role("button", name="Use this name").click()
    await expect(sidebar.get_by_test_id("stPopover")).to_contain_text(name, timeout=60_000)


def opinion(sample_id: int, draw: random.Random) -> str:
    """The key of somebody who mostly sees what is there: the same image, the same truth."""
    truth = "q" if random.Random(sample_id).random() < 0.6 else "w"
    chance = draw.random()
    if chance < 0.85:
        return truth
    return draw.choice(["q", "w", "2", "3", "s", "e", "Control+z"])


async def review_together(
    address: str, project_id: int, seconds: float, number: int
) -> list[Reviewer]:
    """Let so many review at once; return what they saw."""
    people = [Reviewer(name) for name in NAMES[:number]]
    async with async_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-dev-shm-usage"]
        launched = [
            await playwright.chromium.launch(executable_path=CHROMIUM, args=flags) for _ in people
        ]
        size = {"width": 1440, "height": 900}
        pages = [await browser.new_page(viewport=size) for browser in launched]
        await asyncio.gather(
            *(person.sit(page, address, project_id, seconds) for person, page in zip(people, pages))
        )
        for browser in launched:
            await browser.close()
    return people


def most_at_once(people: list[Reviewer]) -> Counter[int]:
    """How many samples were before 1, 2, ... reviewers at one time."""
    moments: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for person in people:
        for sample, start, stop in person.shown:
            moments[sample] += [(start, 1), (stop, -1)]
    most: Counter[int] = Counter()
    for changes in moments.values():
        now = highest = 0
        for _, change in sorted(changes):  # at the same millisecond the one who leaves comes first
            now += change
            highest = max(highest, now)
        most[highest] += 1
    return most


def kept(workspace: Workspace, people: list[Reviewer], project_id: int) -> dict[str, int]:
    """Hold what was acknowledged against the ledger and the votes."""
    query = text(
        "SELECT idem_key FROM label_event WHERE project_id = :project AND vote_id IS NULL "
        "UNION ALL SELECT idem_key FROM vote WHERE project_id = :project"
    )
    with workspace.reading() as session:
        stored = Counter(row[0] for row in session.execute(query, {"project": project_id}))
    outcomes = [item for person in people for item in person.outcomes.items()]
    told = {key for key, outcome in outcomes if outcome != "conflict"}
    return {
        "acknowledged": len(told),
        "in the ledger": sum(stored.values()),
        "lost": len(told - set(stored)),
        "doubled": sum(count > 1 for count in stored.values()),
        "never acknowledged": len(set(stored) - told),
        "conflicts": sum(outcome == "conflict" for _, outcome in outcomes),
    }


def agree(workspace: Workspace, project_id: int) -> dict[str, Any]:
    """Hold the figures of agreement against scikit-learn's on the exported votes."""
    file = io.BytesIO()
    vote_files.parquet(workspace, project_id, file, reader="benchmark")
    ballots: dict[tuple[int, int], dict[str, str]] = defaultdict(dict)
    doubled = 0
    for row in pq.read_table(file).to_pylist():
        if row["counts"] and not row["is_open"] and row["action"] != "skip":
            ballot = ballots[row["sample_id"], row["ballot"]]
            doubled += row["actor"] in ballot
            ballot[row["actor"]] = row["class_name"] or row["action"]
    found = agreement.agreement(workspace, project_id)
    gaps = []
    for pair in found.pairs:
        both = [b for b in ballots.values() if pair.first in b and pair.second in b]
        chosen = [[ballot[name] for ballot in both] for name in (pair.first, pair.second)]
        same = sum(first == second for first, second in zip(*chosen)) / len(both)
        gaps.append(abs(same - pair.percent))
        if pair.cohen_kappa is not None:
            gaps.append(abs(cohen_kappa_score(*chosen) - pair.cohen_kappa.value))
    kappa = found.fleiss_kappa
    return {
        "images with all votes": found.num_samples,
        "agreement": found.percent,
        "Fleiss' kappa": None if kappa is None else [kappa.value, kappa.low, kappa.high],
        "pairs": len(found.pairs),
        "largest gap to scikit-learn": max(gaps),
        "voted twice": doubled,
        "more votes than asked for": sum(len(ballot) > 2 for ballot in ballots.values()),
        "reviewers disagree on": votes.conflicts(workspace, project_id).total,
    }


def sit_together(
    workspace: Workspace, address: str, overlap: int, arguments: argparse.Namespace
) -> bool:
    """Review one project together; print the figures, and say whether all is as it must be."""
    number = arguments.samples if overlap == 1 else arguments.samples // 4
    project_id = seeding.seed_project(
        workspace, num_samples=number, num_images=200, name=f"overlap {overlap}"
    )
    seeding.seed_run(workspace, project_id, num_issues=number // 3)
    settings = ReviewSettings(audit_share=0.05, overlap=overlap, blind=overlap > 1)
    audits.set_settings(workspace, project_id, settings, actor="benchmark")
    people = asyncio.run(
        review_together(address, project_id, arguments.seconds, arguments.reviewers)
    )
    at_once, figures = most_at_once(people), kept(workspace, people, project_id)
    too_many = sum(count for most, count in at_once.items() if most > overlap)
    told: dict[str, Any] = {
        "overlap": overlap,
        "keys pressed": {person.name: sum(person.pressed.values()) for person in people},
        "images shown": sum(at_once.values()),
        f"before more than {overlap} at one time": too_many,
        "refused": sum((person.refused for person in people), Counter()),
        **figures,
    }
    wrong = too_many + figures["lost"] + figures["doubled"] + figures["never acknowledged"]
    if overlap > 1:
        told |= (agreed := agree(workspace, project_id))
        wrong += agreed["voted twice"] + agreed["more votes than asked for"]
        wrong += agreed["largest gap to scikit-learn"] > 1e-9
    print(json.dumps(told, indent=2), flush=True)
    return not wrong


def main() -> None:
    """Print what eight people did, and whether all of it is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--reviewers", type=int, default=8)
    parser.add_argument("--samples", type=int, default=3000)
    parser.add_argument("--overlap", type=int, nargs="+", default=[1, 2])
    arguments = parser.parse_args()
    print(f"machine: {harness.machine()}", flush=True)
    with harness.temporary_workspace() as workspace:
        app = harness.start_app(workspace)
        try:
            address = f"http://127.0.0.1:{workspace.settings.port}"
            fine = [sit_together(workspace, address, n, arguments) for n in arguments.overlap]
        finally:
            harness.kill(app)
    if not all(fine):
        raise SystemExit("not all is as it must be")


if __name__ == "__main__":
    main()
