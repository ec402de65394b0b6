from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workloads.builder import Builder
from workloads.dependencies import Dependencies
from workloads.lowering import lower, workload
from workloads.operations import NormSumMode, Program, Role, Tensor
from workloads.placement import place

GIB = 1 << 30


def diamond():
    """in -> 0 flip -> 1 flip, 2 flip; 1 + 2 -> 3 sum."""
    build, image = Builder(), Tensor("image", (4, 16), 32, Role.INPUT)
    top = build.flip("top", image)
    left, right = build.flip("left", top.y), build.flip("right", top.y)
    return Program("diamond", (top, left, right, build.norm_sum("sum", NormSumMode.SUM, left.y, right.y)))


def test_an_operation_waits_for_those_that_write_what_it_reads():
    order = Dependencies.of(diamond())
    assert order.before == (frozenset(), {0}, {0}, {1, 2})
    assert order.ancestors == (0b000, 0b001, 0b001, 0b111)
    assert order.images == (0, 0, 0, 0)


def test_a_tensor_is_dead_when_all_its_readers_have_certainly_ended():
    program = diamond()
    order = Dependencies.of(program)
    top, left = program.operations[0].y, program.operations[1].y
    assert not order.dead(top, 2)  # left may still read it
    assert order.dead(top, 3)
    assert not order.dead(left, 3)


def test_what_lay_at_an_address_must_have_been_written_and_read():
    """left.y and right.y at one address: right waits for left, and for everybody who reads left.y before it."""
    program = diamond()
    at = {op.y: 4096 * i for i, op in enumerate(program.operations)}
    at[program.operations[2].y] = at[program.operations[0].y]  # right.y over top.y
    order = Dependencies.of(program).sharing(at.__getitem__)
    assert order.before[2] == {0, 1}  # top wrote it, left reads it


def test_images_are_the_parts_that_share_nothing_but_weights():
    program = lower(workload("digits"), 64, 3)
    each = len(program.operations) // 3
    order = Dependencies.of(program)
    assert order.images == (0,) * each + (1,) * each + (2,) * each


@pytest.mark.parametrize("in_flight", [1, 2])
def test_an_image_waits_for_the_end_of_the_one_so_many_before(in_flight):
    program = lower(workload("digits"), 64, 3)
    each = len(program.operations) // 3
    order = Dependencies.of(program, in_flight)
    assert order.before[2 * each] == {(3 - in_flight) * each - 1}  # the head of that image
    assert order.before[0] == frozenset()


def assert_only_the_dead_share(program, order, placement):
    """Of any two tensors at one address, all who use one have ended before the other is written."""
    writer = {t: i for i, op in enumerate(program.operations) for t in op.outputs}
    tensors = [(placement.address(t), placement.address(t) + t.nbytes, t) for t in writer]
    for (a, a_end, old), (b, b_end, new) in combinations(tensors, 2):
        if a < b_end and b < a_end:
            first, second = sorted((old, new), key=writer.__getitem__)
            assert order.dead(first, writer[second]), (first.name, second.name)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_in_any_program_only_the_dead_share_addresses(data):
    build = Builder()
    made = [Tensor("image", (9, 16), 32, Role.INPUT), Tensor("picture", (300, 16), 32, Role.INPUT)]
    operations = []
    for i in range(data.draw(st.integers(1, 25))):
        a = data.draw(st.sampled_from(made))
        match data.draw(st.sampled_from(["flip", "sum", "wider"])):
            case "sum":
                b = data.draw(st.sampled_from([t for t in made if t.shape == a.shape]))
                operations.append(build.norm_sum(f"op{i}", NormSumMode.SUM, a, b))
            case "wider":
                operations.append(build.linear(f"op{i}", a, data.draw(st.sampled_from([16, 48, 112]))))
            case _:
                operations.append(build.flip(f"op{i}", a))
        made.append(operations[-1].y)
    program = Program("any", tuple(operations))
    order = Dependencies.of(program, data.draw(st.sampled_from([None, 1, 2])))
    placement = place(program, 0, GIB, order=order)
    assert_only_the_dead_share(program, order, placement)
    assert order.sharing(placement.address).ancestors == order.ancestors  # nobody waits for an address


@pytest.mark.parametrize(("name", "resolution", "batch"), [("digits", 64, 3), ("tiny", 96, 1)])
def test_models_keep_to_it_and_take_little_more_room(name, resolution, batch):
    program = lower(workload(name, layers=2), resolution, batch)
    order = Dependencies.of(program, in_flight=1)
    placement = place(program, 0, GIB, order=order)
    assert_only_the_dead_share(program, order, placement)
    assert place(program, 0, GIB).peak_bytes <= placement.peak_bytes < 3 * place(program, 0, GIB).peak_bytes


def test_more_images_in_flight_take_more_room():
    program = lower(workload("digits"), 64, 4)
    room = [place(program, 0, GIB, order=Dependencies.of(program, n)).peak_bytes for n in (1, 2, 4)]
    assert room == [room[0], 2 * room[0], 4 * room[0]]
