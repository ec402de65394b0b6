"""The pictures of the page."""

from __future__ import annotations

import base64

from analysis.kept_run import KeptRun


def pictures(run: KeptRun) -> list[tuple[str, str]]:
    """(what it shows, address that holds the whole picture); the timeline is left to the page itself."""
    from analysis.plots import breakdown  # matplotlib takes its time
    from analysis.plots.roofline import roofline
    from analysis.plots.style import render, style

    wanted = {
        "Latency by kind of call": breakdown.latency,
        "Utilization of engines and ports": breakdown.utilization,
        "Energy by action and by owner": breakdown.energy,
        "Roofline": roofline,
    }
    if run.report["energy"] is None:
        del wanted["Energy by action and by owner"]
    found = []
    for name, draw in wanted.items():
        with style():
            drawn = draw(run)
        text = base64.b64encode(render(drawn, "svg")).decode()
        found.append((name, f"data:image/svg+xml;base64,{text}"))
    return found
