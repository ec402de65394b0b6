"""The overlapped schedule: every call as soon as its inputs exist and its engine is free."""

from __future__ import annotations

from collections.abc import Callable, Generator
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any

from components.engine import Address, Engine
from tlm.trace import POLL, SETUP
from workloads.dependencies import Dependencies

if TYPE_CHECKING:
    from components.host import Host


class OverlappedSchedule:
    """A list scheduler. The host is one processor: it prepares one call at a time and sees ends in between.

    Among the calls that could start, the first of the program goes first.
    """

    def __init__(self, host: Host, order: Dependencies, address: Address):
        self.host = host
        self.order = order
        self.address = address
        self._operations = order.program.operations
        self._missing = [len(before) for before in order.before]
        self._after: list[list[int]] = [[] for _ in order.before]
        for i, before in enumerate(order.before):
            for needed in before:
                self._after[needed].append(i)
        self._ready: dict[Engine, list[int]] = {}  # calls whose inputs exist, the first of the program first
        self._busy: dict[Engine, int] = {}
        self._ended: list[tuple[int, int]] = []  # calls that a look would find ended: index, ps of the end
        self._wake: Any = None
        for i, missing in enumerate(self._missing):
            if not missing:
                self._enter(i)

    def run(self, progress: Callable[[], None] | None = None) -> Generator[Any, Any, None]:
        """Run all operations; `progress` is called after each."""
        host, env = self.host, self.host.env
        clock, trace = host.clock, host.trace
        left = len(self._operations)
        while left:
            for i, ended in self._ended:
                self._see(i)
                trace.span(host.name, self._operations[i].name, POLL, ended, int(env.now))
                left -= 1
                if progress is not None:
                    progress()
            self._ended.clear()
            if not left:
                break
            chosen = self._next()
            if chosen is None:
                self._wake = env.event()
                running = ", ".join(self._operations[i].name for i in self._busy.values())
                host.sim.waiting[host.name] = f"the end of {running or 'nothing'}"
                yield self._wake
                host.sim.waiting.pop(host.name)
                continue
            began = int(env.now)
            engine, i = chosen
            self._busy[engine] = i
            cycle = clock.next_cycle(began - 1) + host.setup
            yield env.timeout(clock.edge(cycle) - began)
            trace.span(host.name, self._operations[i].name, SETUP, began, int(env.now))
            env.process(self._call(engine, i, cycle))

    def _call(self, engine: Engine, i: int, started: int) -> Generator[Any, Any, None]:
        env = self.host.env
        record = yield from engine.call(self._operations[i], self.address)
        ended = int(env.now)
        yield env.timeout(self.host.clock.edge(self.host.seen(started, record)) - ended)
        self._ended.append((i, ended))
        if self._wake is not None:
            event, self._wake = self._wake, None
            event.succeed()

    def _next(self) -> tuple[Engine, int] | None:
        """The first call of the program whose inputs exist and whose engine is free."""
        free = [
            (ready[0], engine) for engine, ready in self._ready.items() if ready and engine not in self._busy
        ]
        if not free:
            return None
        i, engine = min(free, key=lambda pair: pair[0])
        heappop(self._ready[engine])
        return engine, i

    def _see(self, i: int) -> None:
        """The host knows that a call has ended."""
        del self._busy[self.host.engine(self._operations[i])]
        for j in self._after[i]:
            self._missing[j] -= 1
            if not self._missing[j]:
                self._enter(j)

    def _enter(self, i: int) -> None:
        heappush(self._ready.setdefault(self.host.engine(self._operations[i]), []), i)
