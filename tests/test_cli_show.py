"""`tlm show`: parameters and diagrams."""

import json
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tlm.__main__ import main
from tlm.platform import load_platform
from tlm.simulation import Simulation

PLATFORMS = Path(__file__).parents[1] / "platforms"
SVG = "{http://www.w3.org/2000/svg}"


def show(capsys, *arguments: str) -> str:
    assert main(["show", *arguments]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def draw(capsys, tmp_path, name: str) -> ElementTree.Element:
    path = tmp_path / "board.svg"
    show(capsys, name, "--diagram", str(path))
    return ElementTree.fromstring(path.read_text())


def test_parameters_with_type_default_value_and_doc(capsys):
    rows = json.loads(
        show(capsys, "zcu102", "--params", "linear", "--set", "components.linear.tile=32", "--json")
    )
    found = {row["parameter"]: row for row in rows}
    tile = found["tile"]
    assert (tile["type"], tile["default"], tile["value"]) == ("int", "16", "32")
    assert tile["origin"] == "--set components.linear.tile=32"
    assert tile["doc"]
    assert found["read.burst"]["value"] == "128"  # parameters of a map have dotted names
    assert found["bus"]["value"] == "256 bit"


def test_parameters_as_text(capsys):
    out = show(capsys, "zcu102", "--params", "energy")
    assert "set with --set energy.PARAMETER=VALUE" in out
    assert "static_power" in out
    assert "must be given" in out


@pytest.mark.parametrize("name", ["zcu102", "zcu102-rtl"])
def test_diagram_has_every_component_and_binding(capsys, tmp_path, name):
    """7 control ports; 26 masters to memories or to two interconnects, whose outputs are two more wires."""
    root = draw(capsys, tmp_path, name)
    platform = load_platform(PLATFORMS / f"{name}.yaml")
    boxes = [r for r in root.iter(f"{SVG}rect") if r.get("class", "").startswith("box")]
    names = {t.text for t in root.iter(f"{SVG}text") if t.get("class") == "name"}
    wires = [
        p.find(f"{SVG}title").text for p in root.iter(f"{SVG}path") if p.get("class", "").startswith("wire")
    ]
    assert len(boxes) == len(platform.components)
    assert names >= set(platform.components)
    assert sorted(wires) == sorted(f"{b.initiator} to {b.target}" for b in platform.bindings)
    assert len(wires) == 7 + 26 + (2 + 5 if name == "zcu102" else 0)


@pytest.mark.parametrize("name", ["zcu102", "zcu102-rtl", "rtx3090-quant"])
def test_nothing_overlaps(capsys, tmp_path, name):
    """Boxes keep apart, inside the picture; labels of sockets on a side lie at least a line apart."""
    root = draw(capsys, tmp_path, name)
    width, height = (float(root.get(side)) for side in ("width", "height"))
    boxes = [
        [float(r.get(key)) for key in ("x", "y", "width", "height")]
        for r in root.iter(f"{SVG}rect")
        if r.get("class", "").startswith("box")
    ]
    assert len(boxes) == len(Simulation(load_platform(PLATFORMS / f"{name}.yaml")).components)
    for at, (x, y, w, h) in enumerate(boxes):
        assert x >= 0
        assert x + w <= width
        assert h <= height
        for x2, y2, w2, h2 in boxes[at + 1 :]:
            assert x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y
    texts = [(t.get("x"), float(t.get("y"))) for t in root.iter(f"{SVG}text") if t.get("class") == "socket"]
    for x in {x for x, _ in texts}:
        ys = sorted(y for at, y in texts if at == x)
        assert all(b - a >= 10 for a, b in pairwise(ys))


def test_refused(capsys, tmp_path):
    wrong = str(tmp_path / "none" / "x.png")
    assert main(["show", "zcu102", "--params", "linaer", "--diagram", wrong]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert lines[0] == "--params linaer: must be a component or a section of zcu102 (did you mean linear?)"
    assert lines[1] == f"--diagram {wrong}: must end in .svg"
    assert lines[2].startswith(f"--diagram {wrong}: must be a file to write")
