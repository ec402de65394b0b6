"""Platform files that come with the program."""

from pathlib import Path

import platforms

SHIPPED = Path(platforms.__file__).parent


def find_platform(name: str) -> str:
    """A path as it is; a bare name such as zcu102 or zcu102.yaml that is no file here is one of those shipped."""
    path = Path(name)
    if not path.exists() and path.parent == Path():
        for candidate in (SHIPPED / name, SHIPPED / f"{name}.yaml"):
            if candidate.is_file():
                return str(candidate)
    return name
