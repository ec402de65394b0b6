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
from tlm.schema import check, to_text
from tlm.units import GHZ, Address, Bytes, Clock, Doc, Hertz, format_quantity
from tlm.yaml_source import Node, read_yaml

_SECTIONS = ("description", "uses", "clocks", "components", "bindings", "memory_map")
# How many keys of an override's path must exist; below, the schema decides.
_MUST_EXIST = {"description": 0, "clocks": 2, "components": 2, "bindings": 2, "memory_map": 2}
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
    return _Loader(os.fspath(path)).load(overrides)


class _Loader:
    def __init__(self, path: str):
        self.path = path
        self.problems: list[Problem] = []
        self.sources: list[str] = []  # the given file, the files it uses, the overrides
        self.root = path  # the file that uses no other
        self.models: dict[str, str] = {}
        self.schemas: dict[str, type] = {}

    def load(self, overrides: Sequence[str]) -> Platform:
        tree = self.chain(Place(self.path), self.path, ())
        if tree is None:
            self.stop()
        for override in overrides:
            self.override(tree, override)
        top = self.entries(tree, "")
        description = self.checked(str, top["description"], "description") if "description" in top else ""
        clocks = self.clocks(self.section(top, "clocks"))
        components = self.components(self.section(top, "components"), clocks)
        if "components" not in top:
            self.refuse(Place(self.path), "components must be given")
        bindings = self.bindings(self.section(top, "bindings"), self.section(top, "components"))
        regions = self.memory_map(self.section(top, "memory_map"), self.section(top, "components"))
        sections = {
            key: self.built(key, node, clocks)[1] for key, node in top.items() if key not in _SECTIONS
        }
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
            return self.sources.index(place.source), place.line, place.column

        raise InputError(sorted(dict.fromkeys(self.problems), key=order))

    def refuse(self, place: Place, message: str) -> None:
        self.problems.append(Problem(place, message))

    # Files and overrides

    def chain(self, asked: Place, path: str, above: tuple[str, ...]) -> Node | None:
        """The tree of a file merged over the files it uses; None when one of them cannot be read."""
        self.sources.append(path)
        try:
            with open(path, encoding="utf-8") as file:
                text = file.read()
        except UnicodeDecodeError:
            self.refuse(Place(path), "must be UTF-8 text")
            return None
        except OSError as error:
            folder, name = os.path.split(path)
            near = did_you_mean(name, os.listdir(folder or ".")) if os.path.isdir(folder or ".") else ""
            what = "platform" if asked.line == 0 else "uses"
            self.refuse(
                asked, f"{what} must name a file that can be read, not '{path}' ({error.strerror}){near}"
            )
            return None
        tree, problems = read_yaml(text, path)
        self.problems += problems
        if tree is None:
            if not problems:
                self.refuse(Place(path), "must describe a platform, not be empty")
            return None
        if not isinstance(tree.value, dict):
            self.refuse(tree.place, f"must be a map, not {show(tree.value)}")
            return None
        uses = tree.value.pop("uses", None)
        if uses is None:
            self.root = path
            return tree
        if not isinstance(uses.value, str):
            self.refuse(uses.place, f"uses must be the path of a platform file, not {show(uses.value)}")
            return None
        base_path = os.path.join(os.path.dirname(path), uses.value)
        above = (*above, path)
        if os.path.realpath(base_path) in map(os.path.realpath, above):
            way = " -> ".join((*above, base_path))
            self.refuse(uses.place, f"uses must not lead back to a file that uses this one ({way})")
            return None
        base = self.chain(uses.place, base_path, above)
        return base and _merge(base, tree)

    def override(self, tree: Node, text: str) -> None:
        place = Place(f"--set {text}")
        self.sources.append(place.source)
        key, equals, value_text = text.partition("=")
        key = key.strip()
        path = key.split(".", 1) if key.startswith("bindings.") else key.split(".")
        if not equals or not all(path):
            self.refuse(place, f"must be key=value such as components.linear.tile=32, not '{text}'")
            return
        value, problems = read_yaml(value_text, place.source, place)
        self.problems += problems
        if value is None:
            if not problems:
                self.refuse(place, f"{key} must be given a value (~ removes it)")
            return
        node = tree
        depth = _MUST_EXIST.get(path[0], 1)
        for at, step in enumerate(path):
            below = node.value
            if isinstance(below, list) and step.isascii() and step.isdigit() and int(step) < len(below):
                if at == len(path) - 1:
                    below[int(step)] = value
                    return
                node = below[int(step)]
            elif isinstance(below, dict) and (step in below or at >= depth):
                if at == len(path) - 1:
                    _put(below, step, value)
                    return
                node = below.setdefault(step, Node({}, place, place))
            else:
                name = ".".join(path[: at + 1])
                known = below if isinstance(below, dict) else ()
                self.refuse(
                    place, f"{name} must be a key of the platform to be set{did_you_mean(step, known)}"
                )
                return

    # Sections

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

    def named(self, node: Node, key: str) -> None:
        name = key.rpartition(".")[2]
        if not _NAME.fullmatch(name):
            self.refuse(node.key_place, f"{key} must be named with letters, digits and _, not '{name}'")

    def clocks(self, nodes: dict[str, Node]) -> dict[str, Clock]:
        clocks = {}
        for name, node in nodes.items():
            self.named(node, f"clocks.{name}")
            hz = self.checked(Annotated[Hertz, Gt(0), Le(100 * GHZ)], node, f"clocks.{name}")
            clocks[name] = Clock(name, hz or 1)  # a wrong clock is reported once, not again by who names it
        return clocks

    def components(self, nodes: dict[str, Node], clocks: dict[str, Clock]) -> dict[str, ComponentSpec]:
        specs = {}
        for name, node in nodes.items():
            self.named(node, f"components.{name}")
            cls, params = self.built(f"components.{name}", node, clocks)
            if cls is not None:
                specs[name] = ComponentSpec(name, cls, params, node.key_place)
        return specs

    def built(self, key: str, node: Node, clocks: dict[str, Clock]) -> tuple[type | None, Any]:
        """The class that `model` names and its parameters, None where there is a problem."""
        is_section = "." not in key
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
            self.named(node, key)
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
        return Origin(place.source, place.line, "file" if place.source == self.root else "delta")


def _span(region: RegionSpec) -> str:
    return f"{format_quantity(region.base, Address)} to {format_quantity(region.end - 1, Address)}"


def _put(below: dict[str, Node], key: str, node: Node) -> None:
    """Lay a value over what a map has at a key."""
    if node.value is None and not node.reported and key in below:
        del below[key]
    elif key in below:
        below[key] = _merge(below[key], node)
    else:
        below[key] = node


def _merge(base: Node, delta: Node) -> Node:
    if not (isinstance(base.value, dict) and isinstance(delta.value, dict)):
        return delta
    merged = dict(base.value)
    models = base.value.get("model"), delta.value.get("model")
    if models[0] and models[1] and models[0].value != models[1].value:
        for node in merged.values():
            node.stale = True
    for key, node in delta.value.items():
        _put(merged, key, node)
    return dataclasses.replace(base, value=merged, stale=False)


def _leaves(tree: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, tuple[str, ...]]]:
    for key, value in tree.items():
        here = (*path, key)
        if isinstance(value, dict) and value:
            yield from _leaves(value, here)
        else:
            yield ".".join(here), here
