"""A file picker and drop zone that sends one file in pieces straight to the server's disk."""

from dataclasses import dataclass

from app.components.inline import inline_component, on_trigger

_mount = inline_component("uploader")


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A file that has arrived whole; `token` names it on the server."""

    token: str
    name: str


def uploader(*, api: str, accept: str, max_bytes: int, key: str) -> Uploaded | None:
    """Show the drop zone; return the file once, when its last piece was saved."""
    data = {
        "api": api,
        "accept": accept,
        "maxBytes": max_bytes,
        "title": "Drop a ZIP or a Parquet file here",
        "hint": f"Up to {max_bytes / 2**30:.0f} GB. Images in class folders, or images with a "
        "table of labels.",
    }
    done = _mount(key=key, data=data, on_done_change=on_trigger).get("done")
    if not isinstance(done, dict):
        return None
    return Uploaded(token=str(done.get("token", "")), name=str(done.get("name", "")))
