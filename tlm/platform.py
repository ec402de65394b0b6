"""Platform files: read, merged with their base files and overrides, checked as a whole, resolved.

A file describes clocks, components, bindings and the memory map; any other top-level map is a section of
parameters for whoever reads it (`model` names its dataclass). `uses` names a base file: maps merge, scalars
and lists replace, `~` removes an inherited key. Overrides (`components.linear.tile=32`) change what is there.
"""

from __future__ import annotations

import dataclasses
import importlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NoReturn

from annotated_types import Gt, Le

from tlm.errors import InputError, Place, Problem, did_you_mean, show
from tlm.platform_source import PlatformSource
from tlm.schema import check, to_text
from tlm.units import GHZ, Address, Bytes, Clock, Doc, Hertz, format_quantity
from tlm.yaml_source import Node

_SECTIONS = ("description", "uses", "clocks", "components", "bindings", "memory_map")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MODEL = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


@dataclass(frozen=True)
class Origin:
    """Where a value comes from. A default has the name of its dataclass as file."""

    file: str
    line: int
    kind: Literal["file", "delta", "--set", "default"]

    def __str__(self) -> str:
        return (
            f"{self.file}:{self.line}"
            if self.line
            else self.file
            if self.kind == "--set"
            else f"default, {self.file}"
        )


@dataclass(frozen=True)
class ComponentSpec:
    """A component to build: `cls(simulation, name, params)`."""

    name: str
    cls: type
    params: Any
    place: Place


@dataclass(frozen=True)
class Binding:
    """Initiator socket to target socket, both as component.socket."""

    initiator: str
    target: str
    place: Place


@dataclass(frozen=True)
class RegionSpec:
    """Addresses base to base + size - 1 (bytes) lead to the target socket."""

    name: str
    base: int
    size: int
    target: str
    place: Place

    @property
    def end(self) -> int:
        """First address behind the region."""
        return self.base + self.size


@dataclass(frozen=True, kw_only=True)
class Region:
    """Schema of an entry of the memory map."""

    base: Annotated[Address, Doc("first address")]
    size: Annotated[Bytes, Gt(0), Doc("length of the region")]
    target: Annotated[str, Doc("socket that serves it, as component.socket")]


@dataclass(frozen=True, kw_only=True)
class Platform:
    """A checked platform, with the origin of every value under its dotted key."""

    name: str
    path: str
    description: str
    clocks: dict[str, Clock]
    components: dict[str, ComponentSpec]
    bindings: tuple[Binding, ...]
    memory_map: tuple[RegionSpec, ...]
    sections: dict[str, Any]  # the parameters of each further top-level map
    models: dict[str, str]  # dotted key of a component or section: its module:Class
    origins: dict[str, Origin]

    def route(self, initiator: str) -> tuple[str, ...]:
        """The target sockets that bursts of an initiator socket pass, as far as the bindings tell.

        Where a component leads on in several ways, all to one other component, the first of them stands for all.
        """
        targets = {b.initiator: b.target for b in self.bindings}
        found: list[str] = []
        while (target := targets.get(initiator)) is not None and target not in found:
            found.append(target)
            owner = target.partition(".")[0]
            onward = [i for i in targets if i.partition(".")[0] == owner]
            if len({targets[i].partition(".")[0] for i in onward}) != 1:
                break
            initiator = onward[0]
        return tuple(found)

    def resolved(self) -> dict[str, Any]:
        """Every value, defaults too, as text with units: written as YAML it loads to the same platform."""
        out: dict[str, Any] = {"description": self.description}
        out["clocks"] = {name: format_quantity(clock.hz, Hertz) for name, clock in self.clocks.items()}
        out["components"] = {
            name: {"model": self.models[f"components.{name}"], **to_text(spec.params)}
            for name, spec in self.components.items()
        }
        out["bindings"] = {b.initiator: b.target for b in self.bindings}
        out["memory_map"] = {
            r.name: to_text(Region(base=r.base, size=r.size, target=r.target)) for r in self.memory_map
        }
        for name, params in self.sections.items():
            out[name] = {"model": self.models[name], **to_text(params)}
        return out


def load_platform(path: str | os.PathLike[str], overrides: Sequence[str] = ()) -> Platform:
    """Read, merge and check a platform file. Raises InputError with every problem that was found."""
    return _Loader(os.fspath(path), overrides).load()


class _Loader:
    def __init__(self, path: str, overrides: Sequence[str]):
        self.path = path
        self.source = PlatformSource(path, overrides)
        self.problems = self.source.problems
        self.models: dict[str, str] = {}
        self.schemas: dict[str, type] = {}

    def load(self) -> Platform:
        tree = self.source.tree
        if tree is None:
            self.stop()
        top = self.entries(tree, "")
        description = self.checked(str, top["description"], "description") if "description" in top else ""
        clocks = self.clocks(self.section(top, "clocks"))
        components = self.components(self.section(top, "components"), clocks)
        if "components" not in top:
            self.refuse(Place(self.path), "components must be given")
        bindings = self.bindings(self.section(top, "bindings"), self.section(top, "components"))
        regions = self.memory_map(self.section(top, "memory_map"), self.section(top, "components"))
        sections = self.sections(top, clocks)
        if self.problems:
            self.stop()
        platform = Platform(
            name=os.path.splitext(os.path.basename(self.path))[0],
            path=self.path,
            description=description or "",
            clocks=clocks,
            components=components,
            bindings=bindings,
            memory_map=regions,
            sections=sections,
            models=self.models,
            origins={},
        )
        origins = {key: self.origin(tree, path) for key, path in _leaves(platform.resolved())}
        return dataclasses.replace(platform, origins=origins)

    def stop(self) -> NoReturn:
        def order(problem: Problem) -> tuple[int, int, int]:
            place = problem.place
            return self.source.sources.index(place.source), place.line, place.column

        raise InputError(sorted(dict.fromkeys(self.problems), key=order))

    def refuse(self, place: Place, message: str) -> None:
        self.problems.append(Problem(place, message))

    def section(self, top: dict[str, Node], key: str) -> dict[str, Node]:
        return self.entries(top[key], key) if key in top else {}

    def entries(self, node: Node, key: str) -> dict[str, Node]:
        if isinstance(node.value, dict):
            return node.value
        self.expect(node, key, "a map")
        return {}

    def expect(self, node: Node, key: str, rule: str, hint: str = "") -> None:
        problem = Problem(node.place, f"{key} must be {rule}, not {show(node.value)}{hint}")
        if not node.reported and problem not in self.problems:
            self.problems.append(problem)

    def checked(self, schema: Any, node: Node, key: str, clocks: dict[str, Clock] | None = None) -> Any:
        value, problems = check(schema, node, key, clocks or {})
        self.problems += problems
        return value

    def named(self, node: Node, key: str, name: str) -> None:
        if not _NAME.fullmatch(name):
            self.refuse(node.key_place, f"{key} must be named with letters, digits and _, not '{name}'")

    def clocks(self, nodes: dict[str, Node]) -> dict[str, Clock]:
        clocks = {}
        for name, node in nodes.items():
            self.named(node, f"clocks.{name}", name)
            hz = self.checked(Annotated[Hertz, Gt(0), Le(100 * GHZ)], node, f"clocks.{name}")
            clocks[name] = Clock(name, hz or 1)  # kept although wrong, so that who names it is not blamed
        return clocks

    def components(self, nodes: dict[str, Node], clocks: dict[str, Clock]) -> dict[str, ComponentSpec]:
        specs = {}
        for name, node in nodes.items():
            self.named(node, f"components.{name}", name)
            cls, params = self.built(f"components.{name}", node, clocks, is_section=False)
            if cls is not None:
                specs[name] = ComponentSpec(name, cls, params, node.key_place)
        return specs

    def sections(self, nodes: dict[str, Node], clocks: dict[str, Clock]) -> dict[str, Any]:
        found = {}
        for key, node in nodes.items():
            if key not in _SECTIONS:
                self.named(node, key, key)
                _, found[key] = self.built(key, node, clocks, is_section=True)
        return found

    def built(
        self, key: str, node: Node, clocks: dict[str, Clock], is_section: bool
    ) -> tuple[type | None, Any]:
        """The class that `model` names and its parameters, None where there is a problem."""
        hint = did_you_mean(key, _SECTIONS) if is_section else ""
        if not isinstance(node.value, dict):
            self.expect(node, key, "a map with a model", hint)
            return None, None
        model = node.value.get("model")
        if model is None:
            self.refuse(node.key_place, f"{key} must have a model such as 'components.ddr4:Ddr4'{hint}")
            return None, None
        cls = self.model(f"{key}.model", model)
        if cls is None:
            return None, None
        schema = getattr(cls, "Params", cls if is_section else None)
        if not (isinstance(schema, type) and dataclasses.is_dataclass(schema)):
            self.expect(
                model, f"{key}.model", "a class with a dataclass Params" + " or a dataclass" * is_section
            )
            return None, None
        self.models[key] = str(model.value)
        self.schemas[key] = schema
        rest = {name: child for name, child in node.value.items() if name != "model"}
        params = self.checked(
            schema, dataclasses.replace(node, value=rest, place=node.key_place), key, clocks
        )
        return cls, params

    def model(self, key: str, node: Node) -> type | None:
        if not isinstance(node.value, str) or not _MODEL.fullmatch(node.value):
            self.expect(node, key, "a module:Class such as 'components.ddr4:Ddr4'")
            return None
        module_name, class_name = node.value.split(":")
        try:
            module = importlib.import_module(module_name)
        except ImportError as error:
            self.expect(node, key, "in a module that can be imported", f" ({error})")
            return None
        cls = getattr(module, class_name, None)
        if isinstance(cls, type):
            return cls
        classes = [name for name, item in vars(module).items() if isinstance(item, type)]
        self.expect(node, key, f"a class of {module_name}", did_you_mean(class_name, classes))
        return None

    def socket(self, place: Place, key: str, name: object, components: dict[str, Node]) -> None:
        component, dot, socket = name.partition(".") if isinstance(name, str) else ("", "", "")
        if not (dot and component and socket):
            self.refuse(place, f"{key} must be a socket such as 'ddr.socket', not {show(name)}")
        elif component not in components:
            hint = did_you_mean(component, components)
            self.refuse(place, f"{key} must be a socket of a component, not {show(name)}{hint}")

    def bindings(self, nodes: dict[str, Node], components: dict[str, Node]) -> tuple[Binding, ...]:
        for initiator, node in nodes.items():
            self.socket(node.key_place, f"bindings.{initiator}", initiator, components)
            if not node.reported:
                self.socket(node.place, f"bindings.{initiator}", node.value, components)
        return tuple(Binding(key, str(node.value), node.key_place) for key, node in nodes.items())

    def memory_map(self, nodes: dict[str, Node], components: dict[str, Node]) -> tuple[RegionSpec, ...]:
        regions: list[RegionSpec] = []
        for name, node in nodes.items():
            key = f"memory_map.{name}"
            self.named(node, key, name)
            if (region := self.checked(Region, node, key)) is None:
                continue
            self.socket(node.value["target"].place, f"{key}.target", region.target, components)  # type: ignore
            spec = RegionSpec(name, region.base, region.size, region.target, node.key_place)
            if spec.end > 2**64:
                self.refuse(
                    spec.place, f"{key} must end within 64 bits of address, not at {spec.end - 1:#_x}"
                )
            for other in regions:
                if spec.base < other.end and other.base < spec.end:
                    where = f"{_span(other)}, but covers {_span(spec)}"
                    self.refuse(spec.place, f"{key} must not overlap memory_map.{other.name}, {where}")
            regions.append(spec)
        return tuple(regions)

    def origin(self, tree: Node, path: tuple[str, ...]) -> Origin:
        node = tree
        for step in path:
            below = node.value
            if not isinstance(below, dict) or step not in below:
                schema = self.schemas.get(".".join(path[:2])) or self.schemas.get(path[0])
                return Origin(schema.__name__ if schema else "platform", 0, "default")
            node = below[step]
        place = node.key_place
        if place.line == 0:
            return Origin(place.source, 0, "--set")
        return Origin(place.source, place.line, "file" if place.source == self.source.root else "delta")


def _span(region: RegionSpec) -> str:
    return f"{format_quantity(region.base, Address)} to {format_quantity(region.end - 1, Address)}"


def _leaves(tree: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, tuple[str, ...]]]:
    for key, value in tree.items():
        here = (*path, key)
        if isinstance(value, dict) and value:
            yield from _leaves(value, here)
        else:
            yield ".".join(here), here
