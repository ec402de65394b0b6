from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workloads.builder import Builder
from workloads.lowering import lower, workload
from workloads.operations import NormSumMode, Program, Role, Tensor
from workloads.placement import place
from workloads.vim.config import PRESETS
from workloads.vim.errors import WorkloadError

PAGE = 4096
GIB = 1 << 30


def chain(*shape, length):
    """image -> flip 0 -> flip 1 ... -> output."""
    build, x = Builder(), Tensor("image", shape, 32, Role.INPUT)
    operations = []
    for i in range(length):
        operations.append(build.flip(f"flip{i}", x))
        x = operations[-1].y
    operations.append(build.linear("last", x, 16, role=Role.OUTPUT))
    return Program("chain", tuple(operations))


def assert_sound(program, placement, base, size):
    """At each operation, whatever was written before and is read from there on lies apart."""
    for tensor in program.tensors:
        address = placement.address(tensor)
        assert address % PAGE == 0
        assert base <= address
        assert address + tensor.nbytes <= placement.end <= base + size
    fixed = [t for t in program.tensors if t.role is not Role.ACTIVATION]
    first, last = {}, {}
    for i, operation in enumerate(program.operations):
        for tensor in (*operation.inputs, *operation.outputs):
            first.setdefault(tensor, i)
            last[tensor] = i
    for i in range(len(program.operations)):
        live = [t for t in program.activations if first[t] <= i <= last[t]]
        spans = sorted(
            (placement.address(t), placement.address(t) + t.nbytes) for t in (fixed if i == 0 else []) + live
        )
        assert all(end <= start for (_, end), (start, _) in pairwise(spans))
    top = placement.base + placement.weights_bytes + placement.interface_bytes
    assert all(placement.address(t) >= top for t in program.activations)
    assert all(placement.address(t) + t.nbytes <= top for t in fixed)


@pytest.mark.parametrize(
    ("name", "resolution", "batch"),
    [("tiny", 224, 1), ("tiny", 96, 2), ("tiny+", 224, 1), ("base", 512, 1), ("digits", 64, 3)],
)
def test_models_fit_in_two_gib_and_nothing_alive_shares_addresses(name, resolution, batch):
    program = lower(workload(name), resolution, batch)
    base = 0x1000_0000
    assert_sound(program, place(program, base, 2 * GIB), base, 2 * GIB)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_nothing_alive_shares_addresses_in_any_program(data):
    """Sums and norms over whatever came before, flips kept for long or never read."""
    build = Builder()
    made = [Tensor("image", (9, 16), 32, Role.INPUT), Tensor("picture", (300, 16), 32, Role.INPUT)]
    operations = []
    for i in range(data.draw(st.integers(1, 25))):
        a = data.draw(st.sampled_from(made))
        kind = data.draw(st.sampled_from(["flip", "sum", "wider"]))
        if kind == "sum":
            b = data.draw(st.sampled_from([t for t in made if t.shape == a.shape]))
            operations.append(build.norm_sum(f"op{i}", NormSumMode.SUM, a, b))
        elif kind == "wider":
            operations.append(build.linear(f"op{i}", a, data.draw(st.sampled_from([16, 48, 112]))))
        else:
            operations.append(build.flip(f"op{i}", a))
        made.append(operations[-1].y)
    program = Program("any", tuple(operations))
    base = data.draw(st.integers(0, 3 * PAGE))
    assert_sound(program, place(program, base, GIB), base, GIB)


def test_a_chain_needs_two_buffers():
    """16 tokens of 64 features are one page: flips go to and fro between two, whatever their number."""
    for length in (2, 3, 10):
        placement = place(chain(16, 64, length=length), 0, GIB)
        assert placement.peak_bytes == 2 * PAGE


def test_addresses_by_hand():
    """Weights first: codes 16 * 64 / 2 and scales 2 * 16 * 4 bytes, a page each; then image and output."""
    program = chain(16, 64, length=3)
    placement = place(program, PAGE, GIB)
    at = {tensor.name: placement.address(tensor) // PAGE for tensor in program.tensors}
    assert at == {
        "last.codes": 1,
        "last.scales": 2,
        "image": 3,
        "last.y": 4,
        "flip0.y": 5,
        "flip1.y": 6,
        "flip2.y": 5,
    }
    assert (placement.weights_bytes, placement.interface_bytes) == (2 * PAGE, 2 * PAGE)
    assert (placement.base, placement.end) == (PAGE, 7 * PAGE)


def test_deep_models_need_no_more_room_for_activations():
    shallow, deep = (place(lower(workload("tiny", layers=n)), 0, GIB).peak_bytes for n in (2, 24))
    assert shallow == deep


def test_a_memory_of_exactly_the_need_is_enough_and_a_byte_less_is_not():
    program = lower(PRESETS["digits"])
    need = place(program, 0, GIB).end
    assert place(program, 0, need).end == need
    with pytest.raises(WorkloadError):
        place(program, 0, need - 1)


def test_a_memory_too_small_is_told_demand_capacity_and_gap():
    """4096 tokens of 64 features are 1 MiB, of 16 features 0.25 MiB; weights are 2 pages, 0.0078 MiB."""
    program = chain(4096, 64, length=2)
    with pytest.raises(WorkloadError) as error:
        place(program, 0x8000_0000, 1 << 20)
    assert error.value.messages == [
        "chain: its tensors must fit in 1.00 MiB from 0x80000000, not need 3.26 MiB: weights 0.01 MiB, "
        "inputs and outputs 1.25 MiB, activations 2.00 MiB; 2.26 MiB short (a larger memory, a "
        "smaller resolution, batch or model would fit)"
    ]


def test_an_address_of_another_program_is_not_known():
    placement = place(chain(16, 64, length=2), 0, GIB)
    with pytest.raises(KeyError):
        placement.address(Tensor("image", (17, 64), 32, Role.INPUT))


def test_senseless_regions_are_refused_at_once():
    with pytest.raises(WorkloadError) as error:
        place(chain(16, 64, length=2), -1, 0, alignment=0)
    assert error.value.messages == [
        "chain: base must be an integer of at least 0, not -1",
        "chain: size must be an integer of at least 1, not 0",
        "chain: alignment must be an integer of at least 1, not 0",
    ]
