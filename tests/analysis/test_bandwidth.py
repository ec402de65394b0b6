"""Points of the bandwidth measured on a ZCU102 (Manev, Vaishnav, Koch, FPT 2019, ZynqUSp-AXI-Speedtest).

Kept here are a few that the model is to hold; the docs name those it does not.
"""

import pytest

from analysis.bandwidth import PLATFORM, BandwidthPoint, BandwidthReport, simulate, validate_bandwidth
from analysis.platform_path import find_platform
from tlm.errors import InputError
from tlm.units import US

HEADER = "traffic,pl_mhz,ports,burst_bytes,read_MBps,write_MBps,mean_read_latency_cycles\n"
MEASURED = """\
read,300,HP0,16,1163,0,196
read,300,HP0,64,4486,0,208
read,300,HP0,256,4732,0,757
read,300,HP1+HP3,64,8887,0,209
read,300,HP1+HP2,256,8097,0,
read,300,HP0+HP1+HP3,128,14154,0,404
write,300,HP3,32,0,4253,
write,300,HP0+HP1+HP3,256,0,14146,
write,300,HP1+HP2,64,0,5645,
read+write,300,HP0,256,4594,2587,780
read+write,300,HP1+HP3,256,9246,1623,
"""


@pytest.fixture
def table(tmp_path):
    def write(lines, header=HEADER):
        path = tmp_path / "measured.csv"
        path.write_text(header + lines)
        return path

    return write


def test_points_of_the_board(table):
    """Each within 10 %."""
    report = validate_bandwidth(table(MEASURED))
    assert [p.error_pct for p in report.per_point] == [pytest.approx(0, abs=10)] * 13


def test_a_slower_clock(table):
    """A port moves 16 bytes a cycle: 1,600 MB/s at 100 MHz; measured nothing, so there is no error."""
    report = validate_bandwidth(table("write,100,HP0,256,0,0,\n"))
    (point,) = report.per_point
    assert point.predicted_MBps == pytest.approx(1600, rel=0.01)
    assert point.error_pct is None
    assert report.to_json()["points"] == 0


def test_a_changed_platform(table):
    """8 reads in flight, not 16, where latency is the bound: half the bandwidth, but for refreshes, up to 3 %."""
    lines = table("read,300,HP0,16,1163,0\n", HEADER.replace(",mean_read_latency_cycles", ""))
    (usual,) = validate_bandwidth(lines).per_point
    (slower,) = validate_bandwidth(lines, overrides=["components.ps.reads=8"]).per_point
    assert slower.predicted_MBps == pytest.approx(usual.predicted_MBps / 2, rel=0.03)


def test_measured_from_the_start(table):
    """180 us, of which the first read's latency, 0.2 us, brings nothing; ten refreshes later all else is the same."""
    lines = table("read,300,HP0,256,4732,0,757\n")
    (settled,) = validate_bandwidth(lines, settle=78 * US).per_point
    (started,) = validate_bandwidth(lines, settle=0).per_point
    assert started.predicted_MBps / settled.predicted_MBps == pytest.approx(1 - 0.2 / 180, abs=0.0004)


def test_several_ports_start_in_several_ways(table):
    """A third of the time each: the mean of three simulations, that differ; one port alone needs one."""
    lines = table("read,300,HP0+HP1+HP3,256,0,0,\nread,300,HP3,256,0,0,\n")
    three, one = validate_bandwidth(lines, settle=0).per_point
    point = find_platform(PLATFORM), (), 0, "read", 300.0
    ports = "HP0", "HP1", "HP3"
    runs = [simulate(*point, ports, 256, scale, 60 * US)["read"] for scale in (2 / 3, 1, 4 / 3)]
    assert len(set(runs)) == 3
    assert three.predicted_MBps == pytest.approx(sum(runs) / 3)
    assert one.predicted_MBps == simulate(*point, ("HP3",), 256, 1, 180 * US)["read"]


def test_a_platform_without_generators(table):
    with pytest.raises(InputError, match="must have a traffic generator a port and direction"):
        validate_bandwidth(table(MEASURED), "zcu102")


def test_a_platform_without_one_generator(table, tmp_path):
    path = tmp_path / "reads.yaml"
    without = "components: {hp0_write: ~}\nbindings: {hp0_write.out: ~}\n"
    path.write_text(f"uses: {find_platform(PLATFORM)}\n{without}")
    with pytest.raises(InputError, match="must have a traffic generator hp0_write"):
        validate_bandwidth(table(MEASURED), str(path))


@pytest.mark.parametrize("lines", [1, 4])
def test_a_platform_with_another_component_as_generator(table, tmp_path, lines):
    """Refused by the simulation, be it in this process or (four lines) in another one."""
    path = tmp_path / "memory.yaml"
    inherited = "command: ~, start: ~, outstanding: ~, burst: ~, base: ~, region: ~"
    other = f"hp3_read: {{model: 'components.ideal_memory:IdealMemory', size: 1 MiB, {inherited}}}"
    path.write_text(f"uses: {find_platform(PLATFORM)}\ncomponents: {{{other}}}\n")
    with pytest.raises(InputError) as error:
        validate_bandwidth(table("read,300,HP3,64,0,0,\n" * lines), str(path))
    (problem,) = error.value.problems
    assert str(problem).endswith("components.hp3_read.burst is not a parameter of IdealMemoryParams")
    assert str(error.value) == str(problem)


def test_the_figures_of_a_report():
    """Errors of 1 to 10 %: mean 5.5, the ninth of ten 9, the largest 10."""
    points = [
        BandwidthPoint("read", 300, "HP0", 16, "read", 100 + (-1) ** n * n, 100, (-1) ** n * n)
        for n in range(1, 11)
    ]
    report = BandwidthReport(tuple(points)).to_json()
    assert list(report) == ["points", "mean_abs_pct", "p90_abs_pct", "max_abs_pct", "per_point"]
    assert [report[k] for k in list(report)[:4]] == [10, 5.5, 9, 10]


def test_errors_by_traffic():
    """Ports are counted, directions apart, and where nothing was measured there is no error."""
    both, one = ("read+write", 300, "HP0+HP1", 64), ("read", 300, "HP3", 64)
    points = (
        BandwidthPoint(*both, "read", 90, 100, -10),
        BandwidthPoint(*both, "write", 50, 0, None),
        BandwidthPoint(*one, "read", 102, 100, 2),
        BandwidthPoint(*one, "read", 96, 100, -4),
    )
    found = BandwidthReport(points).by_traffic
    assert found == {("read+write", 2, "read"): [10], ("read", 1, "read"): [2, 4]}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("reads,300,HP0,16,1,0", "traffic must be read or write or read+write, not 'reads'"),
        ("read,fast,HP0,16,1,0", "pl_mhz must be a number of at least 1, not 'fast'"),
        (
            "read,300,HP4,16,1,0",
            "ports must be some of HP0+HP1+HP2+HP3, not 'HP4' (did you mean HP3?)",
        ),
        ("read,300,HP0+HP0,16,1,0", "ports must be each port once, not 'HP0+HP0'"),
        ("read,300,HP0,24,1,0", "burst_bytes must be a multiple of 16 up to 4096, not '24'"),
        ("read,300,HP0,16,-1,0", "read_MBps must be a number of at least 0, not '-1'"),
    ],
)
def test_a_wrong_line(table, line, message):
    path = table(line + "\n")
    with pytest.raises(InputError) as error:
        validate_bandwidth(path)
    assert str(error.value) == f"{path}:2:1: {message}"


def test_all_wrong_lines_at_once(table):
    with pytest.raises(InputError) as error:
        validate_bandwidth(table("reads,300,HP0,16,1,0\nread,300,HP9,16,1,0\n"))
    assert len(error.value.problems) == 2


def test_missing_columns(table):
    with pytest.raises(InputError, match=r":1:1: must have the columns ports, burst_bytes"):
        validate_bandwidth(table("read,300,1,0\n", "traffic,pl_mhz,read_MBps,write_MBps\n"))


def test_a_missing_file(tmp_path):
    with pytest.raises(InputError, match="must be a table that can be read"):
        validate_bandwidth(tmp_path / "none.csv")
