"""Temporal decoupling: how far a process may run ahead of the simulation's time."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import simpy


class QuantumKeeper:
    """Lets a process act at a later time without an event, as long as nothing else can happen before.

    A process that acts at time `at` while another event is pending at or before `at` has to let that event
    go first. With no such event the order of all actions is the same as with one event each.
    `quantum` (ps) limits the lead as well; 0 makes every action an event, None sets no limit.
    """

    def __init__(self, env: simpy.Environment, quantum: int | None = None):
        self.env = env
        self.quantum = quantum

    def may_act(self, at: int) -> bool:
        """True when acting at time `at` (ps) keeps the order of events."""
        now = self.env.now
        if at <= now:
            return True
        if self.quantum is not None and at - now > self.quantum:
            return False
        return self.env.peek() > at

    def sync(self, at: int) -> Generator[Any, Any, None]:
        """Wait until `at` unless the process may act right away."""
        if not self.may_act(at):
            yield self.env.timeout(at - int(self.env.now))
