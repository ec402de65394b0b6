"""Sockets: blocking transport, debug transport, and use before binding."""

import pytest

from tlm.payload import ResponseStatus
from tlm.sockets import InitiatorSocket, SocketError

BOUND = (("cpu.out", "ram.port"),)


@pytest.fixture
def pair(build, parts):
    simulation = build({"cpu": parts.Caller(), "ram": parts.Store(latency=100, size=1024)}, BOUND)
    return simulation, simulation.components["cpu"], simulation.components["ram"]


def test_b_transport_returns_at_the_response(pair):
    """Sent 30 ps from now, answered 100 ps later: 130 ps."""
    simulation, cpu, ram = pair
    payload = cpu.read(8)
    status = simulation.run(cpu.out.b_transport(payload, 30))
    assert (status, simulation.env.now) == (ResponseStatus.OK, 130)
    assert ram.seen == [(30, 8)]
    assert payload.runs == [(130, 130, 1)]
    assert payload.listener is None


def test_two_transports_follow_each_other(pair):
    simulation, cpu, _ = pair
    ends = []

    def process():
        for address in (0, 8):
            yield from cpu.out.b_transport(cpu.read(address))
            ends.append(simulation.env.now)

    simulation.run(process())
    assert ends == [100, 200]


@pytest.mark.parametrize(
    ("address", "status"), [(1016, ResponseStatus.OK), (1017, ResponseStatus.ADDRESS_ERROR)]
)
def test_the_last_bytes_and_one_behind(pair, address, status):
    """8 bytes at 1,016 end at 1,024, the size of the store."""
    simulation, cpu, _ = pair
    assert simulation.run(cpu.out.b_transport(cpu.read(address))) is status


def test_debug_transport_takes_no_time(pair):
    simulation, cpu, _ = pair
    assert cpu.out.transport_dbg(cpu.read(0, beats=4)) == 32
    assert simulation.env.now == 0


def test_an_unbound_socket_refuses(pair):
    _, cpu, _ = pair
    loose = InitiatorSocket(cpu, "loose")
    with pytest.raises(SocketError, match=r"cpu\.loose is not bound"):
        loose.nb_transport(cpu.read(0), 0)
    with pytest.raises(SocketError, match=r"cpu\.loose leads to no target with debug access"):
        loose.transport_dbg(cpu.read(0))


def test_a_component_has_one_socket_of_a_name(pair):
    _, cpu, _ = pair
    with pytest.raises(ValueError, match="cpu has a socket out already"):
        cpu.initiator_socket("out")
