"""A dataclass as a schema: check a YAML tree against it, describe it, and turn its values back into text."""

from __future__ import annotations

import dataclasses
import functools
import json
import types
from collections.abc import Collection, Iterable
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from tlm.errors import Problem, RuleError, did_you_mean, one_of, show
from tlm.units import ClockReference, Doc, Unit
from tlm.yaml_source import Node


@functools.cache
def _hints(schema: Any) -> dict[str, Any]:
    return get_type_hints(schema, include_extras=True)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Parameter:
    """One field of a parameter dataclass, for people to read."""

    name: str
    type: str  # "a frequency", "int", "'a' or 'b'"
    default: str | None  # None: it must be given
    doc: str


def parameters(schema: type) -> tuple[Parameter, ...]:
    """What may be written for a parameter dataclass, in order of declaration."""
    return tuple(
        _parameter(field, _hints(schema)[field.name]) for field in dataclasses.fields(schema) if field.init
    )


def check(schema: Any, node: Node, key: str, clocks: Collection[str] = ()) -> tuple[Any, list[Problem]]:
    """The value of type `schema` that the tree at dotted `key` stands for, or None and every problem with it.

    Nothing is converted: a text is no number, true is no 1; a list stands for a tuple. `clocks` are the names
    that a ClockName may take. A ValueError of a `__post_init__` becomes a problem of its map.
    """
    if node.reported:
        return None, []
    try:
        # JSON mode reads lists as tuples and maps as dataclasses and stays strict about numbers and texts.
        (value,) = _adapter(schema).validate_json(json.dumps([node.plain()]), context=clocks)
    except ValidationError as error:
        return None, _problems(schema, node, key, error)
    return value, _default_clocks(value, node, key, clocks)


def to_text(value: Any, schema: Any = None) -> Any:
    """Plain maps and lists for a checked value: quantities as text with units, other scalars as they are."""
    base, extras = _strip(schema)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        known = _hints(type(value))
        return {
            f.name: to_text(getattr(value, f.name), known[f.name])
            for f in dataclasses.fields(value)
            if f.init
        }
    if isinstance(value, dict):
        inner = get_args(base)[-1:] or (None,)
        return {key: to_text(item, inner[0]) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_text(item, _step(base, at)) for at, item in enumerate(value)]
    if isinstance(value, Enum):
        return value.value
    unit = _unit(extras)
    return unit.format(value) if unit and value is not None else value


@functools.cache
def _adapter(schema: Any) -> TypeAdapter:
    # A list of one, because pydantic takes no configuration beside a bare dataclass.
    return TypeAdapter(list[schema], config=ConfigDict(strict=True, extra="forbid", allow_inf_nan=False))


def _strip(schema: Any) -> tuple[Any, tuple[Any, ...]]:
    """A type without Annotated and Optional, and what the annotations said."""
    extras: tuple[Any, ...] = ()
    while True:
        if get_origin(schema) is Annotated:
            schema, *more = get_args(schema)
            extras += tuple(more)
        elif get_origin(schema) in (Union, types.UnionType):
            inner = [item for item in get_args(schema) if item is not type(None)]
            if len(inner) > 1:
                return schema, extras
            schema = inner[0]
        else:
            return schema, extras


def _unit(extras: Iterable[Any]) -> Unit | None:
    return next((item for item in extras if isinstance(item, Unit)), None)


def _step(base: Any, at: Any) -> Any:
    """The type one key further down, None where it is not known."""
    if isinstance(base, type) and dataclasses.is_dataclass(base):
        return _hints(base).get(at)
    args = get_args(base)
    if get_origin(base) is dict:
        return args[1]
    if get_origin(base) is list or (get_origin(base) is tuple and args[-1] is Ellipsis):
        return args[0]
    if get_origin(base) is tuple and isinstance(at, int) and at < len(args):
        return args[at]
    return None


def _parameter(field: dataclasses.Field, schema: Any) -> Parameter:
    _, extras = _strip(schema)
    doc = next((item.text for item in extras if isinstance(item, Doc)), "")
    default: str | None = None
    if field.default_factory is not dataclasses.MISSING:
        default = json.dumps(to_text(field.default_factory(), schema))
    elif field.default is not dataclasses.MISSING:
        value = to_text(field.default, schema)
        default = value if isinstance(value, str) else json.dumps(value)
    return Parameter(name=field.name, type=_type_text(schema), default=default, doc=doc)


def _type_text(schema: Any) -> str:
    base, extras = _strip(schema)
    if unit := _unit(extras):
        return unit.noun
    if get_origin(base) is Literal:
        return one_of(map(show, get_args(base)))
    if get_origin(base) in (Union, types.UnionType):
        return one_of(map(_type_text, get_args(base)))
    if get_origin(base) in (list, tuple):
        return f"list of {_type_text(get_args(base)[0])}"
    if get_origin(base) is dict:
        return f"map of {_type_text(get_args(base)[1])}"
    return getattr(base, "__name__", str(base))


_RULES = {
    "int_type": "an integer",
    "int_from_float": "an integer",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "a text",
    "none_required": "null",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a map",
    "dataclass_type": "a map of the parameters of {class_name}",
    "literal_error": "{expected}",
    "enum": "{expected}",
    "multiple_of": "a multiple of {multiple_of}",
    "greater_than": "greater than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "too_short": "at least {min_length} items long",
    "too_long": "at most {max_length} items long",
    "string_too_short": "a text of at least {min_length} characters",
    "string_too_long": "a text of at most {max_length} characters",
    "string_pattern_mismatch": "a text that matches {pattern}",
}


def _default_clocks(params: Any, node: Node, key: str, clocks: Collection[str]) -> list[Problem]:
    """Defaults are taken as they are, but a clock's name depends on the platform."""
    found = []
    for field in dataclasses.fields(params) if dataclasses.is_dataclass(params) else ():
        rules = [
            item for item in _strip(_step(type(params), field.name))[1] if isinstance(item, ClockReference)
        ]
        for rule in rules:
            try:
                rule.check(getattr(params, field.name), clocks)
            except RuleError as error:
                found.append(Problem(node.key_place, f"{key}.{field.name} {error} (its default)"))
    return found


def _problems(schema: Any, node: Node, key: str, error: ValidationError) -> list[Problem]:
    found: list[Problem] = []
    rules: dict[str, tuple[Node, list[str], str]] = {}  # the members of a union err at the same key
    for item in error.errors(include_url=False):
        at, owner, path, extras, missing = _locate(schema, node, item["loc"][1:])
        name = ".".join((key, *path)) if key else ".".join(path)
        context = item.get("ctx", {})
        cause = context.get("error")
        if at.reported and not missing:
            continue
        if item["type"] == "unexpected_keyword_argument":
            known = [field.name for field in dataclasses.fields(owner) if field.init]
            hint = (
                " (inherited for another model: ~ removes it)" if at.stale else did_you_mean(path[-1], known)
            )
            found.append(Problem(at.key_place, f"{name} is not a parameter of {owner.__name__}{hint}"))
        elif item["type"] == "missing":
            found.append(Problem(at.key_place, f"{name} must be given ({owner.__name__} has no default)"))
        elif isinstance(cause, ValueError) and not isinstance(cause, RuleError):
            found.append(Problem(at.key_place, f"{name}: {cause}"))
        else:
            if (unit := _unit(extras)) is not None:
                numbers = {k: unit.format(v) for k, v in context.items() if isinstance(v, int | float)}
                context = context | numbers
            rule = cause.rule if cause else _RULES.get(item["type"], item["msg"].lower()).format_map(context)
            _, seen, _ = rules.setdefault(name, (at, [], cause.hint if cause else ""))
            if rule not in seen:
                seen.append(rule)
    for name, (at, seen, hint) in rules.items():
        found.append(Problem(at.place, f"{name} must be {one_of(seen)}, not {show(at.value)}{hint}"))
    return found


def _locate(
    schema: Any, node: Node, loc: tuple[str | int, ...]
) -> tuple[Node, Any, list[str], tuple[Any, ...], bool]:
    """Follow an error's location: the nearest node, the class that owns its key, the keys, the annotations
    there, and whether the key is missing. What pydantic adds for a member of a union is no key: left out."""
    path: list[str] = []
    owner: Any = None
    base, extras = _strip(schema)
    for step in loc:
        inside = node.value
        if isinstance(inside, dict) and isinstance(step, str):
            is_key = step in inside or (dataclasses.is_dataclass(base) and _step(base, step) is not None)
        else:
            is_key = isinstance(inside, list) and isinstance(step, int) and step < len(inside)
        if not is_key:
            continue
        owner = base
        base, extras = _strip(_step(base, step))
        path.append(str(step))
        if isinstance(inside, dict) and step not in inside:
            return node, owner, path, extras, True
        node = inside[step]  # type: ignore
    return node, owner, path, extras, False
