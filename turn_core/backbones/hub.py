"""Fetching one snapshot from the Hugging Face hub: config and safetensors, nothing else."""

from __future__ import annotations

from pathlib import Path

from turn_core.backbones.registry import BackboneSpec, available_backbones
from turn_core.errors import BackboneError

_WANTED = ["config.json", "preprocessor_config.json", "model*.safetensors", "*.index.json"]
_TIMEOUT = 10.0  # seconds until an unreachable hub is reported


def fetch(spec: BackboneSpec, *, allow_hub: bool) -> tuple[Path, str]:
    """(folder, commit) of the snapshot: from the local cache, or from the hub if `allow_hub`.

    Raises:
        BackboneError: not in the cache, and the hub was not asked, not reached, or has no
            safetensors weights at that commit.
    """
    if spec.hub_id is None:
        raise BackboneError(f"{spec.name} does not come from the hub")
    folder = _cached(spec.hub_id, spec.revision)
    if folder is None and not allow_hub:
        raise BackboneError(
            f"{spec.title} is not on this machine and fetching from the hub is switched off; "
            f"{_alternatives()}"
        )
    folder = folder or _download(spec, spec.hub_id)
    return folder, folder.name


def _cached(hub_id: str, revision: str | None) -> Path | None:
    """The snapshot folder in the local cache, if it holds weights."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        found = snapshot_download(hub_id, revision=revision, local_files_only=True)
    except LocalEntryNotFoundError:
        return None
    return Path(found) if any(Path(found).glob("*.safetensors")) else None


def _download(spec: BackboneSpec, hub_id: str) -> Path:
    """Ask once, without retries, then fetch: an unreachable hub is reported within seconds."""
    import httpx2
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    try:
        info = HfApi().model_info(hub_id, revision=spec.revision, timeout=_TIMEOUT)
        files = [file.rfilename for file in info.siblings or []]
        if not any(name.endswith(".safetensors") for name in files):
            raise BackboneError(
                f"{spec.title} has no safetensors weights at commit {info.sha} of {hub_id}; save "
                "them with save_pretrained elsewhere and give the folder"
            )
        return Path(snapshot_download(hub_id, revision=info.sha, allow_patterns=_WANTED))
    except (OSError, HfHubHTTPError, httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise BackboneError(
            f"{spec.title} is not on this machine and the Hugging Face hub was not reached "
            f"({type(error).__name__}); {_alternatives()}"
        ) from error


def _alternatives() -> str:
    here = ", ".join(status.spec.name for status in available_backbones() if status.is_here)
    return f"available here: {here}, or the path of a local Hugging Face folder"
