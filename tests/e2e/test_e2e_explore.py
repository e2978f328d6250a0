"""The explorer in a real browser: linked lasso, slider, colours, keyboard, review and back."""

import csv
import io
import uuid

import pytest
from axe_playwright_python.sync_playwright import Axe
from e2e_helpers import READY, go_to, until, wait_saved
from playwright.sync_api import Page, expect
from seeding import seed_project, seed_run
from seeding_maps import seed_exploration

from turn_core.services import samples, tags

pytestmark = pytest.mark.browser
HOSTILE = "<img src=http://evil.example/y.png onerror=alert(1)>"
NAMES = ("cat", "dog", HOSTILE, "=SUM(1)")


@pytest.fixture
def project(server):
    name, sizes = f"maps {uuid.uuid4()}", {"num_samples": 80, "num_images": 20}
    project_id = seed_project(server.workspace, class_names=NAMES, name=name, **sizes)
    seed_run(server.workspace, project_id, num_issues=30)
    seed_exploration(server.workspace, project_id, with_turn=True)
    return project_id


def open_maps(page: Page, server, project_id) -> None:
    page.goto(f"{server.url}/explore?project={project_id}")
    page.wait_for_selector(READY)
    expect(page.locator(".explorer")).to_have_attribute("data-shown", "tsne given")
    expect(page.locator("[data-panel]")).to_have_count(5)
    page.wait_for_selector(".explorer[data-painted]")


def lasso(page: Page, panel: int, corners) -> None:
    """Draw a lasso through points of a map, as shares of its width and height."""
    field = page.locator(f"[data-panel='{panel}'] .field")
    field.scroll_into_view_if_needed()
    box = field.bounding_box()
    assert box is not None
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in [*places[1:], places[0]]:
        page.mouse.move(*place, steps=5)
    page.mouse.up()


def right_half(page: Page, panel: int) -> None:
    lasso(page, panel, [(0.66, 0.02), (0.98, 0.02), (0.98, 0.98), (0.66, 0.98)])


def expect_selected(page: Page, number: int) -> None:
    expect(page.locator(".explorer")).to_have_attribute("data-selected", str(number))


def ink(page: Page, panel: int) -> int:
    """How many pixels of a map are strongly coloured: faded points are not."""
    return int(
        page.locator(f"[data-panel='{panel}'] .points").evaluate(
            """(canvas) => {
              const { width, height } = canvas;
              const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
              let strong = 0;
              for (let i = 0; i < data.length; i += 4) {
                const low = Math.min(data[i], data[i + 1], data[i + 2]);
                if (Math.max(data[i], data[i + 1], data[i + 2]) - low > 100) strong += 1;
              }
              return strong;
            }"""
        )
    )


def test_lasso_in_one_map_selects_the_same_samples_in_all(server, project, page: Page, look):
    open_maps(page, server, project)
    before = {panel: ink(page, panel) for panel in (0, 1, 3)}
    right_half(page, 1)  # class 0 lies on the right, 20 of the 80 samples
    expect(page.locator(".explorer")).to_have_attribute("data-selected", "20")
    expect(page.locator(".explorer")).to_have_attribute("data-listed", "20")
    for panel, full in before.items():  # the others fade, here and there
        until(page, lambda: 0 < ink(page, panel) < 0.6 * full, "the fading")  # noqa: B023
    expect(page.locator(".picked .label").first).to_have_text("cat")
    look(page, "explore_lasso")
    page.keyboard.press("Escape")
    expect_selected(page, 0)


def test_lasso_sends_nothing(server, project, page: Page):
    open_maps(page, server, project)
    right_half(page, 1)
    expect(page.locator(".picked li")).to_have_count(20)
    page.wait_for_load_state("networkidle")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    page.on("websocket", lambda socket: sent.append(socket.url))
    lasso(page, 3, [(0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7)])
    page.wait_for_timeout(800)
    assert [address for address in sent if "/thumb?" not in address] == []


def test_slider_moves_the_points_and_the_choice_is_kept(server, project, page: Page, look):
    open_maps(page, server, project)
    after = ink(page, 3)
    page.locator(".js-share").fill("0")
    expect(page.locator(".js-share")).to_have_attribute("aria-valuetext", "before")
    until(page, lambda: picture(page, 1) == picture(page, 0), "the points of before")
    page.locator(".js-share").fill("50")
    look(page, "explore_half_way")
    page.locator(".js-colour").select_option("clean")
    page.get_by_label("PCA").check()
    expect(page.locator(".explorer")).to_have_attribute("data-shown", "pca clean")
    page.get_by_role("button", name="Zoom in").click()
    kept = "Object.values(sessionStorage).some((text) => text.includes('\"scale\":1.5'))"
    until(page, lambda: page.evaluate(kept), "what is kept in the browser")
    go_to(page, "Data")
    go_to(page, "Explore")
    shown = page.locator(".explorer")
    expect(shown).to_have_attribute("data-shown", "pca clean")
    expect(shown).to_have_attribute("data-zoom", "150 %")
    expect(page.locator(".js-share")).to_have_value("50")
    assert after


def picture(page: Page, panel: int) -> str:
    canvas = page.locator(f"[data-panel='{panel}'] .points")
    return str(canvas.evaluate("(canvas) => canvas.toDataURL()"))


def test_wheel_zooms_all_maps_and_a_double_click_shows_them_whole(server, project, page: Page):
    open_maps(page, server, project)
    before = picture(page, 3)
    field = page.locator("[data-panel='1'] .field")
    field.scroll_into_view_if_needed()
    box = field.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 0.5 * box["height"])
    page.keyboard.down("Control")
    for _ in range(3):
        page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    shown = page.locator(".explorer")
    expect(shown).to_have_attribute("data-zoom", "286 %")  # three times exp(0.35)
    until(page, lambda: picture(page, 3) != before, "larger points")
    # What is seen on the right is class 0 alone, however large the lasso.
    lasso(page, 1, [(0.01, 0.01), (0.99, 0.01), (0.99, 0.99), (0.01, 0.99)])
    expect(page.locator(".legend .number").first).to_contain_text("/ 20")
    assert page.locator(".legend .number").all_inner_texts()[1:] == ["20", "20", "20"]
    kept = int(page.locator(".explorer").get_attribute("data-selected") or 0)
    page.evaluate("(now) => { performance.now = () => now }", 0)  # both clicks within half a second
    field.dblclick(position={"x": 5, "y": 5})
    expect(shown).to_have_attribute("data-zoom", "100 %")
    assert kept > 0
    expect_selected(page, kept)
    page.keyboard.press("Escape")
    until(page, lambda: picture(page, 3) == before, "the whole map")


def test_maps_are_moved_by_dragging_and_by_keys(server, project, page: Page):
    open_maps(page, server, project)
    shown = page.locator(".explorer")
    field = page.locator("[data-panel='1'] .field")
    whole = picture(page, 3)
    field.press("+")
    expect(shown).to_have_attribute("data-zoom", "150 %")
    until(page, lambda: picture(page, 3) != whole, "a larger map")
    larger = picture(page, 3)
    page.keyboard.press("Shift+ArrowRight")
    until(page, lambda: picture(page, 3) != larger, "a moved map")
    page.keyboard.press("0")
    expect(shown).to_have_attribute("data-zoom", "100 %")
    page.keyboard.press("+")
    until(page, lambda: picture(page, 3) == larger, "the larger map again")
    page.keyboard.press("m")
    expect(shown).to_have_attribute("data-drag", "move")
    lasso(page, 1, [(0.5, 0.5), (0.3, 0.4)])
    page.mouse.wheel(0, -100)
    expect(shown).to_have_attribute("data-zoom", "213 %")
    expect_selected(page, 0)
    page.get_by_role("button", name="Show the whole maps").click()
    expect(shown).to_have_attribute("data-zoom", "100 %")


def test_legend_shows_a_class_alone_and_names_are_text(server, project, page: Page):
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    open_maps(page, server, project)
    names = page.locator(".legend .name").all_inner_texts()
    assert names == list(NAMES)
    page.locator(".legend .class").nth(2).click()
    page.get_by_role("button", name="Select shown").click()
    expect(page.locator(".explorer")).to_have_attribute("data-selected", "20")
    expect(page.locator(".picked .label").first).to_have_text(HOSTILE)
    page.get_by_role("button", name="Show all").click()
    assert not [address for address in asked if "evil.example" in address]


def test_maps_are_used_with_the_keyboard(server, project, page: Page):
    open_maps(page, server, project)
    field = page.locator("[data-panel='1'] .field")
    assert "Fine-tuned · 10 % noise" in (field.get_attribute("aria-label") or "")
    field.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".js-status")).to_contain_text("Given")
    page.keyboard.press("Enter")
    expect_selected(page, 1)
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    expect_selected(page, 2)
    page.keyboard.press("Escape")
    expect_selected(page, 0)


def test_selection_goes_to_review_and_comes_back_in_other_colours(server, project, page: Page):
    open_maps(page, server, project)
    right_half(page, 1)
    expect(page.locator(".explorer")).to_have_attribute("data-selected", "20")
    page.get_by_role("button", name="Send to review").click()
    page.wait_for_url("**/review*")
    (tag,) = tags.list_tags(server.workspace, project)
    assert tag.num_samples == 20
    expect(page.locator(".card")).to_have_attribute("data-position", "0")
    page.keyboard.press("w")  # takes the suggested label: dog
    wait_saved(page, 1)
    go_to(page, "Explore")
    expect(page.locator(".explorer")).to_have_attribute("data-selected", "20")
    page.locator(".js-colour").select_option("current")
    expect(page.locator(".legend .number").first).to_have_text("19 / 19")
    expect(page.locator(".legend .number").nth(1)).to_have_text("1 / 21")


def test_selection_is_tagged_and_written(server, project, page: Page):
    open_maps(page, server, project)
    page.locator(".legend .class").nth(3).click()
    page.get_by_role("button", name="Select shown").click()
    page.get_by_role("button", name="Tag", exact=True).click()
    page.get_by_label("Name of the tag").fill("odd sums")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("stToast")).to_contain_text("20 images tagged odd sums")
    (tag,) = tags.list_tags(server.workspace, project)
    snapshot = samples.label_snapshot(server.workspace, project)
    wanted = [int(i) for i, c in zip(snapshot.sample_ids, snapshot.given) if c == 3]
    assert tags.samples_of_tag(server.workspace, project, tag.tag_id) == wanted
    with page.expect_download() as started:
        page.get_by_role("button", name="Export CSV").click()
    text = started.value.path().read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert sorted(int(row["sample_id"]) for row in rows) == wanted
    assert rows[0]["given_label"] == "'=SUM(1)"
    assert rows[0]["note"] == "given_label current_label"
    assert float(rows[0]["turn-mini_fft_10_tsne_x"])


def test_selection_holds_in_two_explorations_side_by_side(server, project, page: Page):
    seed_exploration(server.workspace, project, levels=(0.5,), num_points=40)
    page.goto(f"{server.url}/explore?project={project}")
    page.wait_for_selector(READY)
    page.get_by_role("combobox", name="Compare with").click()
    page.get_by_role("option").nth(1).click()
    boards = page.locator(".board")
    expect(boards).to_have_count(2)
    expect(page.locator("[data-panel]")).to_have_count(7)
    expect(page.locator(".explorer")).to_have_attribute("data-shown", "tsne given")
    page.locator(".legend .class").first.click()
    page.get_by_role("button", name="Select shown").click()
    # 20 samples in all; the one with 40 points has the first 10 of them
    expect(page.locator(".explorer")).to_have_attribute("data-selected", "20")
    expect(page.locator(".legend .number").first).to_have_text("30 / 30")


def test_page_fits_on_a_narrow_screen(server, project, page: Page):
    page.set_viewport_size({"width": 900, "height": 900})
    open_maps(page, server, project)
    wide = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    assert not wide
    boxes = [page.locator("[data-panel]").nth(n).bounding_box() for n in range(5)]
    assert all(box is not None and box["width"] > 120 for box in boxes)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(server, project, page: Page, scheme):
    page.emulate_media(color_scheme=scheme)
    open_maps(page, server, project)
    right_half(page, 1)
    expect(page.locator(".picked li")).to_have_count(20)
    page.get_by_role("button", name="Tag", exact=True).click()
    found = [
        f"{rule['id']}: {node['target']} {node['html'][:120]}"
        for rule in Axe().run(page).response["violations"]
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
        if isinstance(node["target"][0], list)
    ]
    assert found == []
