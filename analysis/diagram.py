"""A platform as a block diagram in SVG: components as boxes, bindings as wires from initiator to target.

Layers run from left to right: what starts transactions, what passes them on, what serves them. The layer
with the most sockets is stacked; the others follow it, so that wires run straight where they can.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from tlm.component import Sequencer
from tlm.platform import Platform
from tlm.sockets import InitiatorSocket
from tlm.units import Address, format_quantity

ROW, HEAD, GAP, PAD, CHANNEL = 17, 40, 18, 8, 120  # pixels
CHAR, SMALL = 7.2, 6.1  # width of a letter in the title and in rows
SHOWN = 3  # parameters in a box
STYLE = """
svg{background:#fff;font-family:ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace}
text{fill:#1a1a1a;font-size:10px}.name{font-size:12px;font-weight:bold}.model,.param{fill:#595959}
.box{stroke:#333;stroke-width:1.2}.wire{fill:none;stroke:#0072B2;stroke-width:1.1}.control{stroke:#8a8a8a}
.pin{fill:#333}.host{fill:#ececec}.engine{fill:#dbeaf6}.link{fill:#fdf0d5}.memory{fill:#d9efe5}
"""


@dataclass
class _Socket:
    name: str
    y: float = 0.0


@dataclass
class _Box:
    name: str
    model: str
    kind: str
    notes: list[str]
    left: list[_Socket] = field(default_factory=list)
    right: list[_Socket] = field(default_factory=list)
    layer: int = 0
    x: float = 0.0
    y: float = 0.0
    width: float = 0.0
    height: float = 0.0

    @property
    def head(self) -> float:
        """Pixels above the first socket."""
        return HEAD + 13 * len(self.notes)

    @property
    def content(self) -> float:
        """Pixels that the widest text needs."""
        sockets = (
            max((len(s.name) for s in self.left), default=0),
            max((len(s.name) for s in self.right), default=0),
        )
        rows = (sum(sockets) + 2) * SMALL
        texts = [len(self.name) * CHAR, len(self.model) * SMALL, *(len(n) * SMALL for n in self.notes)]
        return max(90.0, rows, *texts) + 2 * PAD

    def cover(self, around: Iterable[_Socket] = ()) -> None:
        """Take the room that the sockets need."""
        ys = [s.y for s in (*self.left, *self.right, *around)]
        self.y = min(ys, default=HEAD + ROW) - self.head - ROW / 2
        self.height = max(ys, default=self.y + self.head) + ROW / 2 + PAD - self.y


def diagram(platform: Platform, sockets: Mapping[str, Mapping[str, Any]]) -> str:
    """SVG text. `sockets` are the components' by name, as a Simulation of the platform has them."""
    boxes = _boxes(platform, sockets)
    wires = [(_end(b.initiator), _end(b.target)) for b in platform.bindings]
    _layers(boxes, wires)
    layers = [
        [b for b in boxes.values() if b.layer == at] for at in range(1 + max(b.layer for b in boxes.values()))
    ]
    anchor = max(range(len(layers)), key=lambda at: sum(len(b.left) + len(b.right) for b in layers[at]))
    _stack(layers[anchor])
    pins = {(b.name, s.name): s for b in boxes.values() for s in (*b.left, *b.right)}
    for at in range(anchor + 1, len(layers)):
        _follow(layers[at], wires, pins, left=True)
    for at in range(anchor - 1, -1, -1):
        _follow(layers[at], wires, pins, left=False)
    x = float(GAP)
    for layer in layers:
        width = max(b.content for b in layer)
        for box in layer:
            box.x, box.width = x, width
        x += width + CHANNEL
    return _draw(platform, boxes, wires, pins, x - CHANNEL + GAP)


def _boxes(platform: Platform, sockets: Mapping[str, Mapping[str, Any]]) -> dict[str, _Box]:
    bound = {end for b in platform.bindings for end in (b.initiator, b.target)}
    outward = {b.initiator.partition(".")[0] for b in platform.bindings}
    inward = {b.target.partition(".")[0] for b in platform.bindings}
    regions: dict[str, list[str]] = {}
    for region in platform.memory_map:
        last = format_quantity(region.end - 1, Address)
        text = f"{region.name}: {format_quantity(region.base, Address)} to {last}"
        regions.setdefault(region.target.partition(".")[0], []).append(text)
    boxes = {}
    for name, spec in platform.components.items():
        if issubclass(spec.cls, Sequencer):
            kind = "host"
        elif name not in outward:
            kind = "memory"
        else:
            fans_in = sum(b.target.startswith(f"{name}.") for b in platform.bindings)
            kind = "link" if name in inward and fans_in > 1 else "engine"
        model = platform.models[f"components.{name}"].partition(":")[2]
        boxes[name] = box = _Box(name, model, kind, [*_written(platform, name), *regions.get(name, [])])
        for socket in sockets[name].values():
            if f"{name}.{socket.name}" in bound:
                side = box.right if isinstance(socket, InitiatorSocket) else box.left
                side.append(_Socket(socket.name))
    return boxes


def _written(platform: Platform, name: str) -> list[str]:
    """The first parameters that a file or --set gives, with their values."""
    prefix = f"components.{name}."
    tree = platform.resolved()["components"][name]
    found = []
    for key, origin in platform.origins.items():
        if not key.startswith(prefix) or origin.kind == "default" or key == f"{prefix}model":
            continue
        value: Any = tree
        for step in key.removeprefix(prefix).split("."):
            value = value[step]
        if not isinstance(value, list | dict):
            found.append(f"{key.removeprefix(prefix)} {value}")
    return found[:SHOWN] + ["..."] * (len(found) > SHOWN)


def _end(path: str) -> tuple[str, str]:
    owner, _, name = path.partition(".")
    return owner, name


def _layers(boxes: Mapping[str, _Box], wires: Sequence[tuple[tuple[str, str], tuple[str, str]]]) -> None:
    """A target lies at least one layer right of its initiators; where wires go round in circles, anywhere."""
    for _ in boxes:
        for (initiator, _), (target, _) in wires:
            if initiator != target:
                boxes[target].layer = max(boxes[target].layer, boxes[initiator].layer + 1)
        if all(boxes[i].layer < boxes[t].layer for (i, _), (t, _) in wires if i != t):
            return


def _stack(layer: Sequence[_Box]) -> None:
    y = float(GAP)
    for box in layer:
        top = y + box.head
        for side in (box.left, box.right):
            for at, socket in enumerate(side):
                socket.y = top + ROW * (at + 0.5)
        if box.right:
            for socket in box.left:  # few beside many: in the middle of them
                socket.y += ROW * max(0, len(box.right) - len(box.left)) / 2
        box.cover()
        box.height = max(box.height, box.head + PAD)
        box.y = y
        y += box.height + GAP


def _follow(
    layer: list[_Box],
    wires: Sequence[tuple[tuple[str, str], tuple[str, str]]], pins: Mapping[tuple[str, str], _Socket],
    left: bool,
) -> None:  # fmt: skip
    """Put each socket level with its partner, as far as there is room."""

    def wanted(box: _Box, socket: _Socket) -> float:
        found = [pins[i if left else t].y for i, t in wires if (t if left else i) == (box.name, socket.name)]
        return sum(found) / len(found) if found else 0.0

    def sides(box: _Box) -> tuple[list[_Socket], list[_Socket]]:
        return (box.left, box.right) if left else (box.right, box.left)

    middle = {}
    for box in layer:
        ys = [wanted(box, s) for s in sides(box)[0]]
        middle[box.name] = sum(ys) / len(ys) if ys else 0.0
    layer.sort(key=lambda b: middle[b.name])
    floor = float(GAP)
    for box in layer:
        near, far = sides(box)
        y = floor + box.head + ROW / 2
        for socket in sorted(near, key=lambda s: wanted(box, s)):
            socket.y = max(y, wanted(box, socket))
            y = socket.y + ROW
        first = min((s.y for s in near), default=floor + box.head + ROW / 2)
        last = max((s.y for s in near), default=first)
        step = (last - first) / (len(far) + 1) if len(far) < len(near) else ROW
        for at, socket in enumerate(far):
            socket.y = first + step * (at + 1) if len(far) < len(near) else first + step * at
        box.cover()
        floor = box.y + box.height + GAP


def _draw(
    platform: Platform, boxes: Mapping[str, _Box], wires: Sequence[tuple[tuple[str, str], tuple[str, str]]],
    pins: Mapping[tuple[str, str], _Socket], width: float,
) -> str:  # fmt: skip
    top, bottom = min(b.y for b in boxes.values()), max(b.y + b.height for b in boxes.values())
    title = f"{platform.name}: {platform.description}" if platform.description else platform.name
    width = max(width, len(title) * CHAR + 2 * GAP)
    shift = 2 * GAP + 12 - top
    height = bottom - top + 3 * GAP + 12
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}">',
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}</style>",
        '<rect width="100%" height="100%" fill="#fff"/>',
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path d="M0 0L8 4L0 8z" fill="context-stroke"/></marker></defs>',
        f'<text class="name" x="{GAP}" y="{GAP + 6}">{escape(title)}</text>',
        f'<g transform="translate(0 {shift:.1f})">',
    ]
    for i, t in wires:
        a, b = boxes[i[0]], boxes[t[0]]
        x0, y0, x1, y1 = a.x + a.width, pins[i].y, b.x, pins[t].y
        bend = max(30.0, abs(x1 - x0) / 2)
        kind = "wire control" if a.kind == "host" else "wire"
        out.append(
            f'<path class="{kind}" marker-end="url(#arrow)" d="M{x0:.1f} {y0:.1f}C{x0 + bend:.1f} {y0:.1f} '
            f'{x1 - bend:.1f} {y1:.1f} {x1:.1f} {y1:.1f}"><title>{".".join(i)} to {".".join(t)}</title></path>'
        )
    for box in boxes.values():
        out += _box(box)
    return "\n".join([*out, "</g>", "</svg>", ""])


def _box(box: _Box) -> list[str]:
    out = [
        f'<rect class="box {box.kind}" x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" '
        f'height="{box.height:.1f}" rx="4"/>',
        _text("name", box.x + PAD, box.y + 16, box.name),
        _text("model", box.x + PAD, box.y + 30, box.model),
    ]
    out += [_text("param", box.x + PAD, box.y + 44 + 13 * at, note) for at, note in enumerate(box.notes)]
    for sockets, x, anchor, inset in (
        (box.left, box.x, "start", PAD),
        (box.right, box.x + box.width, "end", -PAD),
    ):
        for socket in sockets:
            out.append(f'<rect class="pin" x="{x - 2:.1f}" y="{socket.y - 2:.1f}" width="4" height="4"/>')
            out.append(_text("socket", x + inset, socket.y + 3.5, socket.name, anchor))
    return out


def _text(kind: str, x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
