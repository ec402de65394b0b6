"""The generic payload: what the initiator sets and what the target answers."""

from tlm.payload import Command, GenericPayload, ResponseStatus


def burst(**changes):
    fields = {"command": Command.READ, "address": 0x1000, "beats": 128, "width": 32, "initiator": "dma.in"}
    return GenericPayload(**fields | changes)


def test_starts_incomplete():
    payload = burst()
    assert payload.status is ResponseStatus.INCOMPLETE
    assert (payload.runs, payload.response, payload.data) == ([], 0, None)


def test_length_is_beats_times_width():
    """128 beats of 32 bytes fill a page of 4,096; 128 of 16 half of it."""
    assert burst().length == 4096
    assert burst(width=16).length == 2048


def test_completion_tells_the_listener_once_status_and_time_are_set():
    payload = burst()
    heard = []
    payload.listener = lambda p: heard.append((p.status, p.response))
    payload.complete(700)
    assert heard == [(ResponseStatus.OK, 700)]


def test_completion_with_an_error():
    payload = burst()
    payload.complete(5, ResponseStatus.ADDRESS_ERROR)
    assert (payload.status, payload.response) == (ResponseStatus.ADDRESS_ERROR, 5)


def test_repr_is_readable():
    assert repr(burst(command=Command.WRITE)) == "write 0x1000+4096 by dma.in: incomplete"
