"""Temporal decoupling: a process may run ahead only as long as nobody can notice."""

import pytest
import simpy

from analysis.platform_path import find_platform
from analysis.simulate import Workload, simulate
from tlm.quantum import QuantumKeeper
from workloads.lowering import workload


@pytest.fixture
def env():
    """At time 0 with one event pending at 100 ps."""
    env = simpy.Environment(initial_time=0)
    env.timeout(100)
    return env


@pytest.mark.parametrize(("at", "may"), [(0, True), (1, True), (99, True), (100, False), (101, False)])
def test_both_sides_of_the_pending_event(env, at, may):
    """At 99 ps nothing has happened yet; at 100 ps the pending event goes first."""
    assert QuantumKeeper(env).may_act(at) is may


@pytest.mark.parametrize(("at", "may"), [(0, True), (10, True), (11, False), (50, False)])
def test_both_sides_of_the_quantum(env, at, may):
    assert QuantumKeeper(env, quantum=10).may_act(at) is may


def test_a_quantum_of_zero_makes_every_later_action_an_event(env):
    keeper = QuantumKeeper(env, quantum=0)
    assert keeper.may_act(0)
    assert not keeper.may_act(1)


def test_nothing_pending_sets_no_limit():
    assert QuantumKeeper(simpy.Environment(initial_time=0)).may_act(10**15)


def test_sync_waits_only_where_it_must(env):
    """99 ps may be acted at right away; for 150 ps the event at 100 ps has to pass."""
    keeper = QuantumKeeper(env)

    def process():
        yield from keeper.sync(99)
        early = env.now
        yield from keeper.sync(150)
        return early, env.now

    assert env.run(until=env.process(process())) == (0, 150)


@pytest.mark.parametrize("platform", ["zcu102-rtl", "zcu102"])
def test_running_ahead_changes_no_cycle(platform):
    """One layer of tiny at 32 pixels (5 tokens) with an event for every action, and with as few as may be."""
    work = Workload.of(workload("tiny", layers=1), 32)

    def calls(quantum):
        result = simulate(find_platform(platform), work, quantum=quantum, replay=False)
        spans = [(s.track, s.name, s.start, s.end, s.record.counts) for s in result.simulation.trace.calls]
        return spans, result.simulation.env.events

    ahead, few = calls(None)
    stepped, many = calls(0)
    assert len(ahead) == 1 + 24 + 3
    assert ahead == stepped
    assert few < many
