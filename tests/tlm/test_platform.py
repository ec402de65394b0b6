"""Platform files: what is loaded, where each value came from, and one message per kind of mistake."""

import sys
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Literal

import pytest
import yaml
from annotated_types import Ge, Gt, Len, MultipleOf

from tlm.errors import InputError
from tlm.platform import Binding, load_platform
from tlm.schema import Parameter, parameters
from tlm.units import (
    NS,
    Bytes,
    BytesPerSecond,
    Clock,
    ClockName,
    Cycles,
    Doc,
    Hertz,
    Joules,
    Picoseconds,
    PowerOfTwo,
)


class Policy(Enum):
    FIFO = "fifo"
    FAIR = "fair"


@dataclass(frozen=True, kw_only=True)
class FifoParams:
    depth: Annotated[int, Gt(0)] = 2
    width: Annotated[Bytes, MultipleOf(8)] = 32


@dataclass(frozen=True, kw_only=True)
class LinearParams:
    clock: ClockName
    tile: Annotated[int, MultipleOf(8), Gt(0), Doc("inputs a step")] = 16
    latency: Annotated[Picoseconds, Ge(1 * NS)] = 10 * NS
    overhead: Cycles = 0
    slow_clock: Hertz | None = None
    lanes: int | Literal["auto"] = "auto"
    mode: Literal["read", "write"] = "read"
    policy: Policy = Policy.FIFO
    banks: PowerOfTwo = 4
    share: float = 0.5
    trace: bool = False
    label: str = "x"
    steps: Annotated[tuple[Picoseconds, ...], Len(0, 3)] = ()
    fifo: FifoParams = FifoParams()
    fifos: list[FifoParams] = field(default_factory=list)
    costs: dict[str, Joules] = field(default_factory=dict)

    def __post_init__(self):
        if self.tile == 64 and self.banks < 8:
            raise ValueError("a tile of 64 needs 8 banks")


class Linear:
    Params = LinearParams


@dataclass(frozen=True, kw_only=True)
class DdrParams:
    size: Annotated[Bytes, Gt(0)]
    bandwidth: BytesPerSecond


class Ddr:
    Params = DdrParams


@dataclass(frozen=True, kw_only=True)
class IdealParams:
    size: Bytes


class Ideal:
    Params = IdealParams


@dataclass(frozen=True, kw_only=True)
class NoClockParams:
    clock: ClockName = "main"


class NoClock:
    Params = NoClockParams


@dataclass(frozen=True, kw_only=True)
class EnergyParams:
    per_byte: Joules = 1e-12


class Bare:
    pass


BASE = """\
description: a board
clocks: {fabric: 350 MHz}
components:
  linear:
    model: parts:Linear
    clock: fabric
  ddr: {model: "parts:Ddr", size: 2 GiB, bandwidth: 17.07 GB/s}
bindings:
  linear.weights: ddr.socket
memory_map:
  ddr: {base: 0x0000_0000, size: 2 GiB, target: ddr.socket}
energy:
  model: parts:EnergyParams
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty working folder with base.yaml, where this file is importable as `parts`."""
    monkeypatch.setitem(sys.modules, "parts", sys.modules[__name__])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "base.yaml").write_text(BASE)
    return tmp_path


def load(text, *overrides, name="p.yaml"):
    with open(name, "w", encoding="utf-8") as file:
        file.write(text)
    return load_platform(name, overrides)


def messages(text, *overrides):
    with pytest.raises(InputError) as error:
        load(text, *overrides)
    return str(error.value).splitlines()


def linear(line):
    """A whole platform whose line 4, from column 5, is a line of a Linear."""
    head = "clocks: {fabric: 350 MHz}\ncomponents:\n  linear:\n"
    return f"{head}    {line}\n    model: parts:Linear\n    clock: fabric\n"


def test_what_a_file_becomes():
    platform = load_platform("base.yaml")
    assert (platform.name, platform.path, platform.description) == ("base", "base.yaml", "a board")
    assert platform.clocks == {"fabric": Clock("fabric", 350_000_000)}
    assert platform.components["linear"].cls is sys.modules["parts"].Linear
    assert platform.components["linear"].params == LinearParams(clock="fabric")
    assert platform.components["ddr"].params == DdrParams(size=2 * 1024**3, bandwidth=17_070_000_000)
    (binding,) = platform.bindings
    assert binding == Binding("linear.weights", "ddr.socket", binding.place)
    assert str(binding.place) == "base.yaml:9:3"
    (region,) = platform.memory_map
    assert (region.name, region.base, region.end, region.target) == ("ddr", 0, 2 * 1024**3, "ddr.socket")
    assert platform.sections == {"energy": EnergyParams()}


def test_every_kind_of_parameter():
    lines = """
    tile: 32
    latency: 47.06 ns
    overhead: 16 cycles
    slow_clock: 1 MHz
    lanes: 3
    mode: write
    policy: fair
    banks: 8
    share: 1
    trace: true
    label: '1'
    steps: [1 ns, 2 ns]
    fifo: {depth: 3}
    fifos: [{depth: 4}, {}]
    costs: {add: 0.03 pJ}"""
    assert load(linear(lines.strip())).components["linear"].params == LinearParams(
        clock="fabric", tile=32, latency=47_060, overhead=16, slow_clock=1_000_000, lanes=3, mode="write",
        policy=Policy.FAIR, banks=8, share=1.0, trace=True, label="1", steps=(1000, 2000),
        fifo=FifoParams(depth=3), fifos=[FifoParams(depth=4), FifoParams()], costs={"add": 3e-14},
    )  # fmt: skip


def test_resolved_text_loads_to_the_same_platform():
    first = load_platform(
        "base.yaml", ["components.linear.fifos=[{depth: 7}]", "components.linear.steps=[1 ns]"]
    )
    again = load(yaml.safe_dump(first.resolved(), sort_keys=False))
    assert again.resolved() == first.resolved()
    assert again.components["linear"].params == first.components["linear"].params
    assert first.resolved()["components"]["linear"] | {"label": ""} == {
        "model": "parts:Linear", "clock": "fabric", "tile": 16, "latency": "10 ns", "overhead": "0 cycles",
        "slow_clock": None, "lanes": "auto", "mode": "read", "policy": "fifo", "banks": 4, "share": 0.5,
        "trace": False, "label": "", "steps": ["1 ns"], "fifo": {"depth": 2, "width": "32 B"},
        "fifos": [{"depth": 7, "width": "32 B"}], "costs": {},
    }  # fmt: skip


def test_parameters_describe_themselves():
    described = {parameter.name: parameter for parameter in parameters(LinearParams)}
    assert described["tile"] == Parameter(name="tile", type="int", default="16", doc="inputs a step")
    assert described["clock"].default is None
    assert (described["latency"].type, described["latency"].default) == ("a time", "10 ns")
    assert described["fifo"].default == '{"depth": 2, "width": "32 B"}'
    assert described["lanes"].type == "int or 'auto'"
    assert described["steps"].type == "list of a time"


# Deltas


def test_a_delta_merges_replaces_and_removes():
    platform = load(
        "uses: base.yaml\ncomponents:\n  linear: {tile: 32}\n  extra: {model: 'parts:Ideal', size: 1 KiB}\n"
        "bindings: {linear.weights: extra.socket}\nenergy: ~\n"
    )
    assert platform.description == "a board"
    assert platform.components["linear"].params == LinearParams(clock="fabric", tile=32)
    assert list(platform.components) == ["linear", "ddr", "extra"]
    assert [b.target for b in platform.bindings] == ["extra.socket"]
    assert platform.sections == {}


def test_a_chain_of_deltas_in_another_folder(folder):
    (folder / "sub").mkdir()
    (folder / "sub" / "middle.yaml").write_text(
        "uses: ../base.yaml\ncomponents: {linear: {tile: 32, banks: 8}}\n"
    )
    platform = load("uses: sub/middle.yaml\ncomponents: {linear: {tile: ~}}\n")
    assert platform.components["linear"].params == LinearParams(clock="fabric", banks=8)
    assert str(platform.origins["components.linear.banks"]) == "sub/middle.yaml:2"
    assert str(platform.origins["clocks.fabric"]) == "sub/../base.yaml:2"


def test_origins():
    platform = load("uses: base.yaml\ncomponents:\n  linear:\n    tile: 32\n", "components.linear.banks=8")
    kinds = {key: (origin.kind, str(origin)) for key, origin in platform.origins.items()}
    assert kinds["components.linear.clock"] == ("file", "base.yaml:6")
    assert kinds["components.linear.tile"] == ("delta", "p.yaml:4")
    assert kinds["components.linear.banks"] == ("--set", "--set components.linear.banks=8")
    assert kinds["components.linear.latency"] == ("default", "default, LinearParams")
    assert kinds["components.linear.fifo.depth"] == ("default", "default, LinearParams")
    assert kinds["bindings.linear.weights"] == ("file", "base.yaml:9")
    assert kinds["energy.per_byte"] == ("default", "default, EnergyParams")


def test_another_model_does_not_take_inherited_parameters():
    text = "uses: base.yaml\ncomponents:\n  ddr: {model: 'parts:Ideal'%s}\n"
    assert messages(text % "") == [
        "base.yaml:7:42: components.ddr.bandwidth is not a parameter of IdealParams "
        "(inherited for another model: ~ removes it)"
    ]
    assert load(text % ", bandwidth: ~").components["ddr"].params == IdealParams(size=2 * 1024**3)


def test_uses_in_a_circle(folder):
    (folder / "a.yaml").write_text("uses: p.yaml\n")
    way = "p.yaml -> a.yaml -> p.yaml"
    assert messages("uses: a.yaml\n") == [
        f"a.yaml:1:7: uses must not lead back to a file that uses this one ({way})"
    ]


def test_uses_a_missing_file():
    assert messages("uses: bass.yaml\n") == [
        "p.yaml:1:7: uses must name a file that can be read, not 'bass.yaml' (No such file or directory) "
        "(did you mean base.yaml?)"
    ]


def test_uses_something_else():
    assert messages("uses: [base.yaml]\n") == [
        "p.yaml:1:7: uses must be the path of a platform file, not a list"
    ]


# Overrides


def test_overrides_set_scalars_lists_maps_defaults_and_nested_values():
    platform = load_platform(
        "base.yaml",
        [
            "clocks.fabric=400 MHz",
            "components.linear.tile=32",
            "components.linear.fifo.depth=3",
            "components.linear.fifos=[{depth: 4}]",
            "components.linear.fifos.0.depth=5",
            "components.linear.costs={add: 1 pJ}",
            "components.linear.costs.mul=2 pJ",
            "bindings.linear.weights=ddr.other",
            "memory_map.ddr.size=1 GiB",
            "energy.per_byte=2 pJ",
            "description=faster",
        ],
    )
    params = platform.components["linear"].params
    assert platform.clocks["fabric"].hz == 400_000_000
    assert (params.tile, params.fifo.depth, params.fifos) == (32, 3, [FifoParams(depth=5)])
    assert params.costs == {"add": 1e-12, "mul": 2e-12}
    assert platform.bindings[0].target == "ddr.other"
    assert platform.memory_map[0].size == 1024**3
    assert platform.sections["energy"].per_byte == 2e-12
    assert platform.description == "faster"


def test_an_override_removes():
    platform = load_platform("base.yaml", ["energy=~"])
    assert platform.sections == {}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("components.linear.tile=12", "components.linear.tile must be a multiple of 8, not 12"),
        ("components.linear.tyle=8",
         "components.linear.tyle is not a parameter of LinearParams (did you mean tile?)"),
        ("components.linea.tile=8",
         "components.linea must be a key of the platform to be set (did you mean linear?)"),
        ("clock.fabric=1 GHz", "clock must be a key of the platform to be set (did you mean clocks?)"),
        ("clocks.fabrik=1 GHz",
         "clocks.fabrik must be a key of the platform to be set (did you mean fabric?)"),
        ("clocks.fabric=1 ns", "clocks.fabric must be a frequency such as '350 MHz', not '1 ns'"),
        ("bindings.linear.weight=a.b",
         "bindings.linear.weight must be a key of the platform to be set (did you mean linear.weights?)"),
        ("components.linear.fifo.dept=8",
         "components.linear.fifo.dept is not a parameter of FifoParams (did you mean depth?)"),
        ("components.linear.tile.x=8",
         "components.linear.tile must be an integer, not a map"),
        ("description.x=8", "description.x must be a key of the platform to be set"),
        ("tile", "must be key=value such as components.linear.tile=32, not 'tile'"),
        ("=3", "must be key=value such as components.linear.tile=32, not '=3'"),
        ("description=", "description must be given a value (~ removes it)"),
        ("description=[",
         "must be valid YAML: while parsing a flow node, did not find expected node content"),
    ],
)  # fmt: skip
def test_refused_overrides(override, message):
    with pytest.raises(InputError) as error:
        load_platform("base.yaml", [override])
    assert str(error.value) == f"--set {override}: {message}"


# Files


def test_missing_file():
    with pytest.raises(InputError) as error:
        load_platform("bas.yaml")
    assert str(error.value) == (
        "bas.yaml: platform must name a file that can be read, not 'bas.yaml' (No such file or directory) "
        "(did you mean base.yaml?)"
    )


def test_a_folder_is_no_file(folder):
    with pytest.raises(
        InputError, match=r"platform must name a file that can be read, not .* \(Is a directory\)"
    ):
        load_platform(folder)


def test_not_utf8(folder):
    (folder / "latin.yaml").write_bytes(b"description: \xe4\n")
    with pytest.raises(InputError) as error:
        load_platform("latin.yaml")
    assert str(error.value) == "latin.yaml: must be UTF-8 text"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "p.yaml: must describe a platform, not be empty"),
        ("- a\n", "p.yaml:1:1: must be a map, not a list"),
        ("a: [\n",
         "p.yaml:2:1: must be valid YAML: while parsing a flow node, did not find expected node content"),
        ("description: x\n", "p.yaml: components must be given"),
        ("components: 3\n", "p.yaml:1:13: components must be a map, not 3"),
        (BASE + "clocks: {a: 1 Hz}\n", "p.yaml:14:1: clocks must be given once (it is already on line 2)"),
        (BASE + "componets: {a: 1}\n",
         "p.yaml:14:1: componets must have a model such as 'components.ddr4:Ddr4' "
         "(did you mean components?)"),
        (BASE + "a.b: {model: 'parts:EnergyParams'}\n",
         "p.yaml:14:1: a.b must be named with letters, digits and _, not 'a.b'"),
        (BASE.replace("ddr: {model", "d.dr: {model").replace("ddr.socket", "linear.socket"),
         "p.yaml:7:3: components.d.dr must be named with letters, digits and _, not 'd.dr'"),
        (BASE + "claims: 3\n", "p.yaml:14:9: claims must be a map with a model, not 3"),
        (BASE.replace("a board", "[a]"), "p.yaml:1:14: description must be a text, not a list"),
        (BASE.replace("350 MHz", "350 ns"),
         "p.yaml:2:18: clocks.fabric must be a frequency such as '350 MHz', not '350 ns'"),
        (BASE.replace("350 MHz", "0 Hz"), "p.yaml:2:18: clocks.fabric must be greater than 0 Hz, not '0 Hz'"),
        (BASE.replace("350 MHz", "1 THz"),
         "p.yaml:2:18: clocks.fabric must be a frequency such as '350 MHz', not '1 THz'"),
        (BASE.replace("350 MHz", "200 GHz"),
         "p.yaml:2:18: clocks.fabric must be at most 100 GHz, not '200 GHz'"),
        (BASE.replace("350 MHz}", "350 MHz, a b: 1 Hz}"),
         "p.yaml:2:27: clocks.a b must be named with letters, digits and _, not 'a b'"),
    ],
)  # fmt: skip
def test_refused_files(text, message):
    assert messages(text) == [message]


# Parameters


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("tyle: 3", "4:5: components.linear.tyle is not a parameter of LinearParams (did you mean tile?)"),
        ("zzz: 3", "4:5: components.linear.zzz is not a parameter of LinearParams"),
        ("tile: 12", "4:11: components.linear.tile must be a multiple of 8, not 12"),
        ("tile: -8", "4:11: components.linear.tile must be greater than 0, not -8"),
        ("tile: '16'", "4:11: components.linear.tile must be an integer, not '16'"),
        ("tile: 16.0", "4:11: components.linear.tile must be an integer, not 16.0"),
        ("tile: true", "4:11: components.linear.tile must be an integer, not true"),
        ("tile: ~", "4:11: components.linear.tile must be an integer, not null"),
        ("tile:", "4:5: components.linear.tile must have a value (~ stands for none)"),
        ("latency: 10", "4:14: components.linear.latency must be a time such as '10 ns', not 10 "
                        "(add a unit: ps, ns, us, ms or s)"),
        ("latency: 10 MHz", "4:14: components.linear.latency must be a time such as '10 ns', not '10 MHz'"),
        ("latency: 999 ps", "4:14: components.linear.latency must be at least 1 ns, not '999 ps'"),
        ("slow_clock: 3", "4:17: components.linear.slow_clock must be a frequency such as '350 MHz', not 3 "
                          "(add a unit: Hz, kHz, MHz or GHz)"),
        ("lanes: few", "4:12: components.linear.lanes must be an integer or 'auto', not 'few'"),
        ("mode: reed", "4:11: components.linear.mode must be 'read' or 'write', not 'reed'"),
        ("policy: first", "4:13: components.linear.policy must be 'fifo' or 'fair', not 'first'"),
        ("banks: 12", "4:12: components.linear.banks must be a power of two, not 12"),
        ("share: half", "4:12: components.linear.share must be a number, not 'half'"),
        ("trace: yes", "4:12: components.linear.trace must be true or false, not 'yes'"),
        ("label: 3", "4:12: components.linear.label must be a text, not 3"),
        ("steps: 1 ns", "4:12: components.linear.steps must be a list, not '1 ns'"),
        ("steps: [1 ns, 2]", "4:19: components.linear.steps.1 must be a time such as '10 ns', not 2 "
                             "(add a unit: ps, ns, us, ms or s)"),
        ("steps: [1 ns, 1 ns, 1 ns, 1 ns]",
         "4:12: components.linear.steps must be at most 3 items long, not a list"),
        ("fifo: 3", "4:11: components.linear.fifo must be a map of the parameters of FifoParams, not 3"),
        ("fifo: {depth: 0}", "4:19: components.linear.fifo.depth must be greater than 0, not 0"),
        ("fifo: {width: 12 B}", "4:19: components.linear.fifo.width must be a multiple of 8 B, not '12 B'"),
        ("fifos: [{}, {dept: 1}]",
         "4:18: components.linear.fifos.1.dept is not a parameter of FifoParams (did you mean depth?)"),
        ("costs: [1 pJ]", "4:12: components.linear.costs must be a map, not a list"),
        ("costs: {add: 3 W}",
         "4:18: components.linear.costs.add must be an energy such as '3.1 pJ', not '3 W'"),
    ],
)  # fmt: skip
def test_refused_parameters(line, message):
    assert messages(linear(line)) == [f"p.yaml:{message}"]


def test_a_rule_between_parameters_is_placed_at_the_component():
    assert messages(linear("tile: 64")) == ["p.yaml:3:3: components.linear: a tile of 64 needs 8 banks"]


def test_missing_parameters_are_placed_at_the_component():
    assert messages("components:\n  ddr:\n    model: parts:Ddr\n") == [
        "p.yaml:2:3: components.ddr.size must be given (DdrParams has no default)",
        "p.yaml:2:3: components.ddr.bandwidth must be given (DdrParams has no default)",
    ]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{}", "2:3: components.x must have a model such as 'components.ddr4:Ddr4'"),
        ("3", "2:6: components.x must be a map with a model, not 3"),
        ("{model: 3}",
         "2:14: components.x.model must be a module:Class such as 'components.ddr4:Ddr4', not 3"),
        ("{model: parts.Ddr}",
         "2:14: components.x.model must be a module:Class such as 'components.ddr4:Ddr4', not 'parts.Ddr'"),
        ("{model: 'no_parts:Ddr'}",
         "2:14: components.x.model must be in a module that can be imported, not 'no_parts:Ddr' "
         "(No module named 'no_parts')"),
        ("{model: 'parts:Liner'}",
         "2:14: components.x.model must be a class of parts, not 'parts:Liner' (did you mean Linear?)"),
        ("{model: 'parts:Bare'}",
         "2:14: components.x.model must be a class with a dataclass Params, not 'parts:Bare'"),
        ("{model: 'parts:FifoParams'}",
         "2:14: components.x.model must be a class with a dataclass Params, not 'parts:FifoParams'"),
        ("{model: 'parts:Linear', clock: main}",
         "2:37: components.x.clock must be the name of a clock (there is none), not 'main'"),
        ("{model: 'parts:NoClock'}",
         "2:3: components.x.clock must be the name of a clock (there is none), not 'main' (its default)"),
    ],
)  # fmt: skip
def test_refused_models(body, message):
    assert messages(f"components:\n  x: {body}\n") == [f"p.yaml:{message}"]


def test_unknown_clock():
    assert messages(BASE.replace("clock: fabric", "clock: fabrik")) == [
        "p.yaml:6:12: components.linear.clock must be the name of a clock, fabric, not 'fabrik' "
        "(did you mean fabric?)"
    ]


def test_section_that_is_no_dataclass():
    assert messages(BASE.replace("EnergyParams", "Bare")) == [
        "p.yaml:13:10: energy.model must be a class with a dataclass Params or a dataclass, not 'parts:Bare'"
    ]


# Bindings and memory map


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("linar.w: ddr.socket", "9:3: bindings.linar.w must be a socket of a component, not 'linar.w' "
                                "(did you mean linear?)"),
        ("linear: ddr.socket", "9:3: bindings.linear must be a socket such as 'ddr.socket', not 'linear'"),
        ("linear.w: dr.socket", "9:13: bindings.linear.w must be a socket of a component, not 'dr.socket' "
                                "(did you mean ddr?)"),
        ("linear.w: ddr", "9:13: bindings.linear.w must be a socket such as 'ddr.socket', not 'ddr'"),
        ("linear.w: 3", "9:13: bindings.linear.w must be a socket such as 'ddr.socket', not 3"),
    ],
)  # fmt: skip
def test_refused_bindings(line, message):
    assert messages(BASE.replace("linear.weights: ddr.socket", line)) == [f"p.yaml:{message}"]


@pytest.mark.parametrize(
    ("region", "message"),
    [
        ("{base: 1 GiB, size: 4 KiB, target: ddr.socket}",
         "12:3: memory_map.two must not overlap memory_map.ddr, 0x0 to 0x7fff_ffff, "
         "but covers 0x4000_0000 to 0x4000_0fff"),
        ("{base: 2 GiB, size: 0 B, target: ddr.socket}",
         "12:28: memory_map.two.size must be greater than 0 B, not '0 B'"),
        ("{base: 2 GiB, size: 4, target: ddr.socket}",
         "12:28: memory_map.two.size must be a size such as '4 KiB', not 4 "
         "(add a unit: B, KiB, MiB, GiB or TiB)"),
        ("{base: 2 GiB, size: 4 KiB}", "12:3: memory_map.two.target must be given (Region has no default)"),
        ("{base: 2 GiB, size: 4 KiB, target: dr.socket}",
         "12:43: memory_map.two.target must be a socket of a component, not 'dr.socket' (did you mean ddr?)"),
        ("{base: 0xffff_ffff_ffff_ffff, size: 2 B, target: ddr.socket}",
         "12:3: memory_map.two must end within 64 bits of address, not at 0x1_0000_0000_0000_0000"),
        ("3", "12:8: memory_map.two must be a map of the parameters of Region, not 3"),
    ],
)  # fmt: skip
def test_refused_regions(region, message):
    assert messages(BASE.replace("\nenergy", f"\n  two: {region}\nenergy")) == [f"p.yaml:{message}"]


def test_neighbouring_regions_do_not_overlap():
    text = BASE.replace("\nenergy", "\n  two: {base: 2 GiB, size: 4 KiB, target: ddr.socket}\nenergy")
    assert [region.name for region in load(text).memory_map] == ["ddr", "two"]


def test_all_problems_come_at_once_in_order_of_place():
    linear = "{tile: 12, tile: 8, tyle: 1, clock: slw}"
    text = f"uses: base.yaml\nclocks: {{slow: 3 ns}}\ncomponents:\n  linear: {linear}\n"
    found = messages(text, "components.linear.banks=3", "components.dr.size=1 B")
    assert [message.split(" must")[0].split(" is not")[0] for message in found] == [
        "p.yaml:2:16: clocks.slow",
        "p.yaml:4:18: components.linear.tile",
        "p.yaml:4:22: components.linear.tile",
        "p.yaml:4:31: components.linear.tyle",
        "p.yaml:4:47: components.linear.clock",
        "--set components.linear.banks=3: components.linear.banks",
        "--set components.dr.size=1 B: components.dr",
    ]
