"""What all pictures share: colours, fonts, and files that are equal for equal pictures."""

from __future__ import annotations

import io
from contextlib import AbstractContextManager
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter

from tlm.units import MS, NS, SECOND, US

HOST = "#c4c4c4"
READ, WRITE = "#2166ac", "#f4a582"
COMPUTE, WAIT, OTHER = "#2b1d7a", "#d9793b", "#a9d3e8"  # parts of a call's time
INK, FAINT = "#222222", "#777777"
HATCHES = {WAIT: "////", HOST: "....", WRITE: "////"}  # where a neighbour in a bar is as light
WIDTH = 12.0  # inches
DPI = 150
_RC: Any = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same everywhere
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.axisbelow": True,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": "#e3e3e3",
    "legend.frameon": False,
    "hatch.linewidth": 0.5,
    "svg.hashsalt": "tlm",
}


def style() -> AbstractContextManager[None]:
    """Within it, figures are drawn as all of them are."""
    return matplotlib.rc_context(_RC)


def luminance(colour: str) -> float:
    """Relative luminance, 0 to 1, of an sRGB colour (WCAG 2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def ink(colour: str) -> str:
    """Black or white, whichever reads better on a colour."""
    return "white" if luminance(colour) < 0.25 else INK


def fill(colour: str) -> dict[str, Any]:
    """How a bar of a colour is filled: some are hatched, so that they are told apart without colours."""
    return {"facecolor": colour, "hatch": HATCHES.get(colour, ""), "edgecolor": ink(colour), "linewidth": 0}


def figure(height: float, title: str, subtitle: str = "", width: float = WIDTH) -> Figure:
    """A figure (inches) with a heading; its axes lie between `bottom` and `head` of the height."""
    drawn = Figure(figsize=(width, height), dpi=DPI)
    drawn.text(0.25 / width, 1 - 0.14 / height, title, size=13, weight="bold", va="top", color=INK)
    drawn.text(0.25 / width, 1 - 0.42 / height, subtitle, size=9, va="top", color=FAINT)
    return drawn


def legend(axes: Axes, named: dict[str, str], **options: Any) -> None:
    """A row of colours above the axes."""
    handles = [Patch(label=name, **fill(colour)) for name, colour in named.items()]
    above: dict[str, Any] = {
        "loc": "lower left",
        "bbox_to_anchor": (0, 1.0),
        "ncols": len(handles),
        "borderaxespad": 0.2,
        "handlelength": 1.2,
        "columnspacing": 1.4,
        "borderpad": 0,
    }
    axes.legend(handles=handles, **{**above, **options})


def time_unit(ps: float) -> tuple[float, str]:
    """(ps of it, name) of the unit in which so long a time reads well."""
    for unit, name in ((SECOND, "s"), (MS, "ms"), (US, "µs"), (NS, "ns")):
        if ps >= 2 * unit:
            return unit, name
    return 1, "ps"


def spell(ps: float) -> str:
    """A time with four digits."""
    unit, name = time_unit(ps * 2)
    return f"{ps / unit:,.4g} {name}"


def spell_share(part: float) -> str:
    """A share in percent, one that rounds to nothing told apart from none."""
    return "<0.1%" if 0 < part < 0.0005 else f"{part:.1%}"


def spell_joules(amount: float) -> str:
    """An energy with three digits."""
    for unit, name in ((1, "J"), (1e-3, "mJ"), (1e-6, "µJ"), (1e-9, "nJ")):
        if amount >= unit:
            return f"{amount / unit:.3g} {name}"
    return f"{amount / 1e-12:.3g} pJ"


def percent(axis: Axis) -> None:
    """Label an axis of shares in percent."""
    axis.set_major_formatter(FuncFormatter(lambda share, _: f"{share:.0%}"))


def render(drawn: Figure, form: str) -> bytes:
    """The figure as "png" or "svg"; equal figures give equal bytes."""
    file = io.BytesIO()
    metadata: dict[str, Any] = {"Software": None} if form == "png" else {"Date": None, "Creator": None}
    with style():
        drawn.savefig(file, format=form, metadata=metadata)
    return file.getvalue()
