"""From a key to the next painted card, in Chromium, on 10,000 samples; and the app's memory.

    make bench NAME=review_latency ARGS="[--samples 10000] [--decisions 200] [--pixels 320]"

It starts the app on an empty home folder, seeds a project with images and scores, and reviews with
the keyboard at the pace of a fast person. A card counts as painted two animation frames after it
was drawn, its image decoded. Then 20 page loads, and the memory of the web process.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import psutil
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "app"), str(ROOT / "tests" / "e2e")]

import seeding  # noqa: E402
from e2e_helpers import READY, free_port, start_web, stop  # noqa: E402

from turn_core.config import Settings  # noqa: E402
from turn_core.services import review  # noqa: E402
from turn_core.services.workspace import Workspace, open_workspace  # noqa: E402

CHROMIUM = "/usr/bin/chromium"
PAGES = ("", "data", "runs", "review", "export")
HEAVY = ("torch", "sklearn", "scipy", "transformers", "umap")
KEYS = ("q", "w", "q", "1", "e", "2", "n", "s")
WATCH = """() => {
  const deep = (root) => { for (const n of root.querySelectorAll('*')) {
    if (n.matches('.card')) return n;
    if (n.shadowRoot) { const found = deep(n.shadowRoot); if (found) return found; } } };
  const root = deep(document), image = root.querySelector('.js-image');
  let pressed = 0;
  window.turnTimes = [];
  window.addEventListener('keydown', () => { pressed = performance.now(); }, true);
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  new MutationObserver(async () => {
    const start = pressed;
    await image.decode().catch(() => {});
    await frame(); await frame();
    window.turnTimes.push(performance.now() - start);
  }).observe(root, { attributes: true, attributeFilter: ['data-position'] });
}"""


def main() -> None:
    arguments = parse()
    with tempfile.TemporaryDirectory(prefix="turn-latency-") as folder:
        home = Path(folder) / "home"
        workspace = open_workspace(Settings(home=home, database_url=""))
        seconds = time.perf_counter()
        project_id = seed(workspace, arguments.samples, arguments.pixels)
        print(f"seeded {arguments.samples} samples in {time.perf_counter() - seconds:.0f} s")
        environ = {**os.environ, "TURN_HOME": str(home), "TURN_DATABASE_URL": ""}
        port = free_port()
        web = start_web(port, environ, Path(folder) / "web.log")
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
                )
                url = f"http://127.0.0.1:{port}"
                times = decide(browser, url, project_id, arguments.decisions)
                figures = {"decisions": summary(times), "web": memory(browser, url, web.pid)}
                browser.close()
        finally:
            stop(web)
        events = review.ledger(workspace, project_id, limit=arguments.decisions + 1)
        assert len(events) == arguments.decisions, "every decision is recorded, once"
        workspace.close()
    print(json.dumps(figures, indent=2))
    assert not figures["web"]["loaded"], "the web process must not load what only jobs need"


def seed(workspace: Workspace, num_samples: int, pixels: int) -> int:
    """A project of photographs-like noise; 500 different images, the first ones reviewed."""
    rng = np.random.default_rng(0)

    def picture(number: int) -> Image.Image:
        small = rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)
        return Image.fromarray(small).resize((pixels, pixels), Image.Resampling.BICUBIC)

    project_id = seeding.seed_project(
        workspace, num_samples=num_samples, num_images=min(500, num_samples), draw=picture
    )
    seeding.seed_run(workspace, project_id, num_issues=num_samples // 5)
    return project_id


def decide(browser: Browser, url: str, project_id: int, number: int) -> list[float]:
    """Press keys one after the other; return milliseconds from key to painted card."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(f"{url}/review?project={project_id}")
    page.wait_for_selector(".card[data-position='0']")
    page.wait_for_timeout(1500)
    page.evaluate(WATCH)
    for count in range(number):
        page.keyboard.press(KEYS[count % len(KEYS)])
        page.wait_for_function(f"() => window.turnTimes.length > {count}")
        page.wait_for_timeout(250)
    times: list[float] = page.evaluate("() => window.turnTimes")
    page.close()
    return times


def memory(browser: Browser, url: str, pid: int) -> dict[str, Any]:
    """Load 20 pages, each in a session of its own; measure the web process before and after."""
    process = psutil.Process(pid)
    before = process.memory_info().rss
    for number in range(20):
        page: Page = browser.new_page()
        page.goto(f"{url}/{PAGES[number % len(PAGES)]}")
        page.wait_for_selector(READY)
        page.close()
    maps = Path(f"/proc/{pid}/maps").read_text()
    return {
        "rss_mb_before": round(before / 1e6, 1),
        "rss_mb_after_20_page_loads": round(process.memory_info().rss / 1e6, 1),
        "loaded": [name for name in HEAVY if f"site-packages/{name}/" in maps],
    }


def summary(times: list[float]) -> dict[str, float]:
    ordered = sorted(times)
    return {
        "number": len(ordered),
        "median_ms": round(median(ordered), 1),
        "p95_ms": round(ordered[int(0.95 * len(ordered))], 1),
        "max_ms": round(ordered[-1], 1),
    }


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--decisions", type=int, default=200)
    parser.add_argument("--pixels", type=int, default=320)
    return parser.parse_args()


if __name__ == "__main__":
    main()
