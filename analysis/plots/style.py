"""What all pictures share: colours, fonts, and files that are equal for equal pictures."""

from __future__ import annotations

import io
from collections.abc import Iterable
from contextlib import AbstractContextManager

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter

from tlm.units import MS, NS, SECOND, US

# in order of lightness, so that they are told apart in grey too; chosen to differ with every kind of colour vision
KINDS = {
    "Linear": "#2b1d7a",
    "Conv": "#8f1f4f",
    "Flip": "#1d6b33",
    "Scan": "#c4502e",
    "NormSum": "#9a7fb8",
    "Smooth": "#3fb8a4",
    "Embed": "#8fcdf0",
    "LoadClassToken": "#efe08f",
}
OTHERS = ("#444444", "#6f6f6f", "#9a9a9a", "#bdbdbd")
HOST = "#d9d9d9"
READ, WRITE = "#2166ac", "#f4a582"
COMPUTE, WAIT, OTHER = "#2b1d7a", "#d9793b", "#c9c9c9"  # parts of a call's time
INK, FAINT = "#222222", "#777777"
WIDTH = 12.0  # inches
DPI = 150
_PARTS = {  # names of a GPU's steps
    "linear": "Linear", "conv": "Conv", "flip": "Flip", "scan": "Scan", "norm": "NormSum", "merge": "NormSum",
    "add": "NormSum", "smooth": "Smooth", "embed": "Embed", "load": "LoadClassToken",
}  # fmt: skip
_RC = {
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
    "svg.hashsalt": "tlm",
    "hatch.linewidth": 0.6,
}


def style() -> AbstractContextManager[None]:
    """Within it, figures are drawn as all of them are."""
    return matplotlib.rc_context(_RC)


def colours(kinds: Iterable[str]) -> dict[str, str]:
    """A colour for each kind of call."""
    found: dict[str, str] = {}
    rest = 0
    for kind in sorted(set(kinds)):
        known = kind if kind in KINDS else _PARTS.get(kind.split("+")[0].lower().split("_")[0])
        if known is None:
            found[kind] = OTHERS[rest % len(OTHERS)]
            rest += 1
        else:
            found[kind] = KINDS[known]
    return found


def luminance(colour: str) -> float:
    """Relative luminance, 0 to 1, of an sRGB colour (WCAG 2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def ink(colour: str) -> str:
    """Black or white, whichever reads better on a colour."""
    return "white" if luminance(colour) < 0.25 else INK


def figure(height: float, title: str, subtitle: str = "", width: float = WIDTH) -> Figure:
    """A figure (inches) with a heading; its axes lie between `bottom` and `head` of the height."""
    drawn = Figure(figsize=(width, height), dpi=DPI)
    drawn.text(0.25 / width, 1 - 0.14 / height, title, size=13, weight="bold", va="top", color=INK)
    drawn.text(0.25 / width, 1 - 0.42 / height, subtitle, size=9, va="top", color=FAINT)
    return drawn


def legend(axes: Axes, named: dict[str, str], **options: object) -> None:
    """A row of colours above the axes."""
    handles = [Patch(facecolor=colour, label=name, edgecolor="none") for name, colour in named.items()]
    above = {"loc": "lower left", "bbox_to_anchor": (0, 1.0), "ncols": len(handles), "borderaxespad": 0.2,
             "handlelength": 1.2, "columnspacing": 1.4, "borderpad": 0}  # fmt: skip
    axes.legend(handles=handles, **{**above, **options})


def time_unit(ps: float) -> tuple[float, str]:
    """(ps of it, name) of the unit in which so long a time reads well."""
    for unit, name in ((SECOND, "s"), (MS, "ms"), (US, "µs"), (NS, "ns")):
        if ps >= 2 * unit:
            return unit, name
    return 1, "ps"


def spell(ps: float) -> str:
    """A time with four digits."""
    unit, name = time_unit(ps)
    return f"{ps / unit:.4g} {name}"


def percent(axis: object) -> None:
    """Label an axis of shares in percent."""
    axis.set_major_formatter(FuncFormatter(lambda share, _: f"{share:.0%}"))  # type: ignore[attr-defined]


def render(drawn: Figure, form: str) -> bytes:
    """The figure as "png" or "svg"; equal figures give equal bytes."""
    file = io.BytesIO()
    metadata = {"Software": None} if form == "png" else {"Date": None, "Creator": None}
    with style():
        drawn.savefig(file, format=form, metadata=metadata)
    return file.getvalue()
