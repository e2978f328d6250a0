"""Imports in the browser: upload in pieces, confirm the columns, and plain words for what fails."""

import io
import zipfile
from pathlib import Path

import pytest
from e2e_helpers import READY
from PIL import Image
from playwright.sync_api import Page, Route, expect

from turn_core.services import projects

pytestmark = [pytest.mark.browser, pytest.mark.worker]


def picture(number: int) -> bytes:
    out = io.BytesIO()
    Image.effect_noise((48, 48), 20 + number).save(out, "PNG")
    return out.getvalue()


def class_folders(path: Path, *, per_class: int = 6) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for kind in ("cat", "dog"):
            for number in range(per_class):
                archive.writestr(f"{kind}/{number:03}.png", picture(number))
        archive.writestr("dog/broken.png", b"not an image")
    return path


def with_table(path: Path, header: str = "filename,label") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        lines = [header]
        for number in range(8):
            archive.writestr(f"images/{number}.png", picture(number))
            lines.append(f"images/{number}.png,{('007', 'NA')[number % 2]}")
        archive.writestr("labels.csv", "\n".join(lines))
    return path


def open_import(page: Page, server) -> None:
    page.goto(f"{server.url}/data")
    page.wait_for_selector(READY)
    new = page.get_by_role("button", name="New project")
    expect(new.or_(page.locator(".zone")).first).to_be_visible()
    if new.is_visible():
        new.click()
    expect(page.locator(".zone")).to_be_visible()


def upload(page: Page, file: Path) -> None:
    page.locator(".zone input").set_input_files(str(file))


def import_now(page: Page, name: str) -> None:
    field = page.get_by_role("textbox", name="Project name")
    expect(field).to_be_visible()
    field.fill(name)
    field.press("Enter")
    page.wait_for_timeout(500)  # the page is drawn anew with the name
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_role("heading", name="Data", exact=True)).to_be_visible()


def project_named(server, name: str):
    found = [p for p in projects.list_projects(server.workspace) if p.name == name]
    assert len(found) == 1
    return found[0]


def test_zip_of_class_folders_is_imported_and_reported(
    working_server, page: Page, tmp_path: Path, look
):
    open_import(page, working_server)
    look(page, "data_choose")
    upload(page, class_folders(tmp_path / "pets.zip"))
    expect(page.get_by_text("One folder per class")).to_be_visible()
    look(page, "data_confirm_folders")
    import_now(page, "pets")
    project = project_named(working_server, "pets")
    assert (project.num_samples, project.num_classes) == (12, 2)
    page.get_by_role("radio", name="Import report").or_(
        page.get_by_role("button", name="Import report")
    ).first.click()
    expect(page.get_by_text("1 item refused")).to_be_visible()
    look(page, "data_report")


def test_columns_are_confirmed_and_labels_stay_exact(
    working_server, page: Page, tmp_path: Path, look
):
    open_import(page, working_server)
    upload(page, with_table(tmp_path / "animals.zip"))
    expect(page.get_by_text("Confirm what the columns mean")).to_be_visible()
    look(page, "data_confirm_columns")
    import_now(page, "animals")
    project = project_named(working_server, "animals")
    names = {info.name for info in projects.classes(working_server.workspace, project.project_id)}
    assert names == {"007", "NA"}


def test_interrupted_upload_goes_on_where_it_stopped(working_server, page: Page, tmp_path: Path):
    big = tmp_path / "big.zip"
    class_folders(big, per_class=3)
    with zipfile.ZipFile(big, "a") as archive:  # several pieces of 8 MB, as noise cannot be packed
        noise = io.BytesIO()
        Image.effect_noise((3000, 3000), 90).save(noise, "PNG")
        archive.writestr("cat/large.png", noise.getvalue())
        archive.writestr("dog/large.png", noise.getvalue()[::-1])
    assert big.stat().st_size > 12e6
    offsets: list[str] = []

    def flaky(route: Route) -> None:
        offset = route.request.url.rsplit("=", 1)[-1]
        offsets.append(offset)
        if len(offsets) == 2:
            route.fetch()  # the piece arrives, but its answer is lost
            route.abort()
        else:
            route.continue_()

    page.route("**/api/uploads/*?offset=*", flaky)
    open_import(page, working_server)
    upload(page, big)
    expect(page.get_by_text("One folder per class")).to_be_visible()
    assert len(set(offsets)) == len(offsets), "no piece was sent twice"
    import_now(page, "big")
    assert project_named(working_server, "big").num_samples == 7


def test_folder_of_the_server_is_offered(working_server, page: Page):
    folder = working_server.roots / "birds"
    for kind in ("owl", "tit"):
        (folder / kind).mkdir(parents=True)
        for number in range(3):
            (folder / kind / f"{number}.png").write_bytes(picture(number))
    open_import(page, working_server)
    page.get_by_text("Folder on the server").click()
    page.get_by_role("combobox", name="Folder or file").click()
    page.get_by_role("option", name="roots/birds").click()
    page.get_by_role("button", name="Look into it").click()
    import_now(page, "birds")
    assert project_named(working_server, "birds").num_samples == 6


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("notes.zip", b"just a text file", "notes"),
        ("empty.zip", None, "images"),
    ],
)
def test_unusable_file_is_refused_in_plain_words(
    working_server, page: Page, tmp_path: Path, name: str, content: bytes | None, sentence: str
):
    file = tmp_path / name
    if content is None:
        zipfile.ZipFile(file, "w").close()
    else:
        file.write_bytes(content)
    before = len(projects.list_projects(working_server.workspace))
    open_import(page, working_server)
    upload(page, file)
    failed = page.get_by_test_id("stAlert").filter(has_text="failed")
    expect(failed).to_contain_text(sentence)
    page.get_by_role("button", name="Choose another source").click()
    expect(page.locator(".zone")).to_be_visible()
    assert len(projects.list_projects(working_server.workspace)) == before


def test_table_without_a_label_column_waits_for_one(
    working_server, page: Page, tmp_path: Path, look
):
    open_import(page, working_server)
    upload(page, with_table(tmp_path / "odd.zip", header="filename,remark"))
    page.get_by_role("radio", name="Images with a table of labels").click()
    look(page, "data_no_label_column")
    label = page.get_by_role("combobox", name="Label", exact=True)
    label.click()
    page.get_by_role("option", name="– none –").click()
    expect(page.get_by_role("button", name="Import", exact=True)).to_be_disabled()
    label.click()
    page.get_by_role("option", name="remark").click()
    expect(page.get_by_role("button", name="Import", exact=True)).to_be_enabled()
