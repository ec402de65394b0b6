"""What lies between a port and its memory and has a width of its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from tlm.platform import Platform


class Links(dict[str, dict[str, float]]):
    """Of each port, by its path: the bytes a second, each direction, of the links on its way, the last first."""

    def __init__(self, platform: Platform):
        self._platform = platform

    def __missing__(self, port: str) -> dict[str, float]:
        platform = self._platform
        found = {}
        for target in platform.route(port):
            owner = target.partition(".")[0]
            spec = platform.components[owner]
            clock, width = getattr(spec.params, "clock", None), getattr(spec.params, "width", None)
            if hasattr(spec.cls, "describe") or not isinstance(clock, str) or not width:
                continue  # a memory is no link
            ways = sum(b.initiator.startswith(f"{owner}.") for b in platform.bindings)
            # many sockets and one way on are one link; else each socket is
            found[owner if ways == 1 else target] = width / 8 * platform.clocks[clock].hz
        self[port] = found = dict(reversed(found.items()))
        return found

    def seconds(self, moved: Iterable[tuple[str, str, int]]) -> dict[str, float]:
        """The least time that each link takes for (port, command, bytes): its busier direction's."""
        channels: dict[tuple[str, str], float] = defaultdict(float)
        for port, command, count in moved:
            for link, rate in self[port].items():
                channels[link, command] += count / rate
        found: dict[str, float] = {}
        for (link, _), seconds in channels.items():
            found[link] = max(seconds, found.get(link, 0))
        return found
