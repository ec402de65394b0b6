"""The pictures of the page."""

from __future__ import annotations

import base64

from analysis.kept_run import KeptRun

_TYPES = {"svg": "svg+xml", "png": "png"}


def pictures(run: KeptRun) -> list[tuple[str, str]]:
    """(what it shows, address that holds the whole picture); the timeline is left to the page itself."""
    from analysis.plots import breakdown  # matplotlib takes its time
    from analysis.plots.fifo import fifo
    from analysis.plots.roofline import roofline
    from analysis.plots.style import render, style

    wanted = {
        "Latency by kind of call": (breakdown.latency, "svg"),
        "Utilization of engines and ports": (breakdown.utilization, "svg"),
        "FIFO levels": (fifo, "png"),  # an svg of it would be several times as large
        "Energy by action and by owner": (breakdown.energy, "svg"),
        "Roofline": (roofline, "svg"),
    }
    if run.report["energy"] is None:
        del wanted["Energy by action and by owner"]
    if not run.fifos:
        del wanted["FIFO levels"]
    found = []
    for name, (draw, form) in wanted.items():
        with style():
            drawn = draw(run)
        text = base64.b64encode(render(drawn, form)).decode()
        found.append((name, f"data:image/{_TYPES[form]};base64,{text}"))
    return found
