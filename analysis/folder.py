"""Files written together: all of them whole, or none."""

from __future__ import annotations

import os
from collections.abc import Mapping

from tlm.errors import InputError, Place, Problem


def check_folder(folder: str, option: str = "--out") -> None:
    """Raises InputError when `folder` cannot become a folder to write to. Creates nothing."""
    place = folder
    while not os.path.lexists(place) and os.path.dirname(place) != place:
        place = os.path.dirname(place) or "."
    if not os.path.isdir(place) or not os.access(place, os.W_OK | os.X_OK):
        why = "may not be written to" if os.path.isdir(place) else "is no folder"
        raise InputError(
            [Problem(Place(f"{option} {folder}"), f"must be a folder to write to: {place} {why}")]
        )


def write_files(folder: str, files: Mapping[str, bytes], option: str = "--out") -> None:
    """Write files into a folder that is made if need be. Raises InputError when that is not possible."""
    written: list[tuple[str, str]] = []
    try:
        os.makedirs(folder, exist_ok=True)
        for name, content in files.items():
            part = os.path.join(folder, f".{name}.{os.getpid()}")
            written.append((part, os.path.join(folder, name)))
            with open(part, "wb") as file:
                file.write(content)
        for part, target in written:
            os.replace(part, target)
    except OSError as error:
        for part, _ in written:
            if os.path.exists(part):
                os.remove(part)
        problem = f"must be a folder to write to ({error.strerror}: {error.filename})"
        raise InputError([Problem(Place(f"{option} {folder}"), problem)]) from None
