"""The component of a platform that runs programs."""

from __future__ import annotations

from typing import Any

from tlm.component import Sequencer
from tlm.errors import UnfitError
from tlm.platform import Platform


def host_of(platform: Platform) -> Any:
    """What the platform says of it. Raises UnfitError when there is not just one."""
    hosts = [name for name, spec in platform.components.items() if issubclass(spec.cls, Sequencer)]
    if len(hosts) != 1:
        raise UnfitError(
            f"a platform must have one component that runs a program, a host, not {' and '.join(hosts) or 'none'}"
        )
    return platform.components[hosts[0]]
