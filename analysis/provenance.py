"""What made a run: versions, command, files."""

from __future__ import annotations

import hashlib
import platform as python
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from tlm.platform import Platform

PACKAGES = ("vision-mamba-tlm", "simpy", "numpy", "pydantic", "pyyaml")


def provenance(platform: Platform, command: str = "", seed: int | None = None) -> dict[str, Any]:
    """What made a run, without dates or places of its own making, so that equal runs tell the same.

    `files`: SHA-256 of each platform file; `origins`: where each value of the platform was written.
    """
    files = sorted({o.file for o in platform.origins.values() if o.kind in ("file", "delta")})
    return {
        "command": command,
        "seed": seed,
        "versions": {"python": python.python_version()} | {name: _version(name) for name in PACKAGES},
        "platform": {
            "path": platform.path,
            "files": {file: _sha256(file) for file in files},
            "origins": {key: str(origin) for key, origin in platform.origins.items()},
        },
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _sha256(path: str) -> str | None:
    try:
        with open(path, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()
    except OSError:
        return None
