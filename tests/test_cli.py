"""The command line: what it prints, its exit status, and how it answers bad input."""

import json
from pathlib import Path

import pytest

from analysis.bandwidth import SETTLE
from tlm.__main__ import main
from tlm.units import Picoseconds, format_quantity

TESTS = Path(__file__).parent
SAMPLE = TESTS / "rtl" / "timing_sample.csv"
COLUMNS = (
    "engine,flags,num_patches,in_dim,out_dim,memory,rlat,overlap,rint,wint,wlat,shared,spinal,cycles,"
    "rd_beats,rd_bursts,wr_beats,wr_bursts"
)
IN_PROJ = "LINEAR_BLOCK,0,197,192,384,ideal,0,1,1,1,0,0,0,58775,6168,50,9456,74"
SPINAL = "LINEAR_BLOCK,0,197,192,384,spinal,0,1,1,1,0,0,1,60000,6168,50,9456,74"
STATISTICS = {"rows", "exact", "within_1", "mean_abs_pct", "max_abs_pct", "max_abs_pct_ge_1000"}


@pytest.fixture
def tlm(capsys):
    """Exit status, standard output and standard error of `tlm ...`."""

    def command(*arguments):
        try:
            status = main([str(a) for a in arguments])
        except SystemExit as done:  # argparse
            status = done.code
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return command


@pytest.fixture
def csv(tmp_path):
    """A file of measured calls."""

    def write(*lines, header=COLUMNS):
        path = tmp_path / "rows.csv"
        path.write_text("\n".join([header, *lines]) + "\n")
        return path

    return write


def test_op_prints_the_cycles_of_a_call(tlm):
    """The published 58,775 cycles of in_proj of tiny at 224, 167.9 us at 350 MHz."""
    status, out, err = tlm(
        "op",
        "linear",
        "--tokens",
        197,
        "--in",
        192,
        "--out",
        384,
        "--flags",
        "silu",
        "--platform",
        "zcu102-rtl",
    )
    assert (status, err) == (0, "")
    assert out.startswith("58775 cycles, 167.929 us")
    assert "linear.in_r" in out


def test_op_json_is_one_object(tlm):
    """197 * 24 words read, 197 * 48 written; codes 1,152, scales 288."""
    status, out, _ = tlm("op", "linear", "--tokens", 197, "--in", 192, "--out", 384, "--json")
    report = json.loads(out)
    assert status == 0
    assert (report["cycles"], report["compute_cycles"]) == (58_775, 197 * 288)
    assert {name: p["beats"] for name, p in report["ports"].items()} == {
        "linear.weights": 1_440, "linear.in_r": 4_728, "linear.out_r": 9_456,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "features", "tokens", "cycles"),
    [
        ("norm", 192, 197, 30_154),
        ("add", 192, 197, 4_911),
        ("mean", 384, 197, 9_663),
        ("conv", 384, 197, 19_560),
        ("smooth", 384, 197, 19_130),
        ("scan", 384, 197, 153_705),
        ("flip", 384, 197, 11_968),
        ("load_cls", 192, 197, 80),
    ],
)
def test_op_of_every_engine(tlm, kind, features, tokens, cycles):
    status, out, _ = tlm("op", kind, "--tokens", tokens, "--in", features, "--json")
    assert (status, json.loads(out)["cycles"]) == (0, cycles)


def test_op_takes_changes_of_the_platform(tlm):
    """Three deep scale FIFOs: 12,170 - 196 * 12."""
    arguments = ("op", "linear", "--tokens", 197, "--in", 384, "--out", 16, "--json")
    status, out, _ = tlm(*arguments, "--set", "components.linear.scale_fifo=3")
    assert (status, json.loads(out)["cycles"]) == (0, 12_170 - 2_352)


def test_op_tells_all_problems_at_once(tlm):
    status, out, err = tlm("op", "linear", "--tokens", 0, "--in", 24, "--out", 100, "--flags", "relu,silu")
    assert (status, out) == (2, "")
    assert err.splitlines() == [
        "--flags must be of bias, silu, softplus, not 'relu'",
        "--tokens must be positive, not 0",
        "--in must be a multiple of 16, not 24",
        "--out must be a multiple of 16, not 100",
    ]


def test_op_that_fits_no_buffer(tlm):
    status, out, err = tlm("op", "linear", "--in", 2048, "--out", 16)
    assert (status, out) == (2, "")
    assert err == "op needs 2048 inputs in linear, which holds 1536: raise components.linear.max_in\n"


def test_op_that_fits_no_memory(tlm):
    """The region says 2 GiB, the memory has one page."""
    status, out, err = tlm("op", "smooth", "--in", 384, "--set", "components.memory.size=4 KiB")
    assert (status, out) == (2, "")
    assert err.endswith("memory_map.memory must lie within memory, 0x0 to 0xfff, not end at 0x7fff_ffff\n")


def test_op_on_a_platform_with_problems(tlm):
    status, out, err = tlm(
        "op", "linear", "--set", "components.linear.tile=12", "--set", "clocks.fabric=1 ns"
    )
    assert (status, out) == (2, "")
    assert err.splitlines() == [
        "--set components.linear.tile=12: components.linear.tile must be a multiple of 8, not 12",
        "--set clocks.fabric=1 ns: clocks.fabric must be a frequency such as '350 MHz', not '1 ns'",
    ]


def test_validate_json_has_the_keys_that_scripts_read(tlm, csv):
    """Every fourth row of the sample; all of them are compared in tests/components/test_rtl_rows.py."""
    rows = SAMPLE.read_text().splitlines()[1::4]
    expected = sum(row.split(",")[12] == "0" for row in rows)  # without spinal
    status, out, err = tlm("validate", "--timing", csv(*rows), "--no-spinal", "--json")
    report = json.loads(out)
    assert (status, err) == (0, "")
    assert set(report) == {"rows", "engines", "total"}
    assert set(report["engines"]) == {"CONV", "LINEAR_BLOCK", "NORM_SUM", "PATCH_OPS", "SMOOTH", "SSM"}
    assert all(set(engine) == STATISTICS for engine in (*report["engines"].values(), report["total"]))
    assert report["rows"] == report["total"]["rows"] == expected < len(rows)
    assert sum(engine["rows"] for engine in report["engines"].values()) == expected
    assert report["total"]["mean_abs_pct"] < 0.01
    assert report["total"]["max_abs_pct_ge_1000"] < 0.1


def test_validate_prints_a_table_and_the_worst_rows(tlm, csv):
    """The second row is 1 % of 58,775 too long on purpose: (59,363 - 58,775) / 59,363 = 0.991 %."""
    path = csv(IN_PROJ, IN_PROJ.replace("58775", "59363"))
    status, out, _ = tlm("validate", "--timing", path)
    assert status == 0
    assert "LINEAR_BLOCK" in out
    assert "50.00 %" in out
    assert "-588" in out
    assert "0.991 %" in out


def test_validate_leaves_spinal_rows_out_if_told(tlm, csv):
    path = csv(IN_PROJ, SPINAL)
    rows = [
        json.loads(tlm("validate", "--timing", path, "--json", *more)[1])["rows"]
        for more in ((), ("--no-spinal",))
    ]
    assert rows == [2, 1]


def test_validate_of_a_missing_file(tlm):
    status, out, err = tlm("validate", "--timing", "nowhere.csv")
    assert (status, out) == (2, "")
    assert err == (
        "nowhere.csv: must be a readable CSV file ([Errno 2] No such file or directory: 'nowhere.csv')\n"
    )


def test_validate_names_missing_columns(tlm, csv):
    path = csv(IN_PROJ, header=COLUMNS.replace("in_dim", "in_dims").replace(",cycles", ",clocks"))
    status, out, err = tlm("validate", "--timing", path)
    assert (status, out) == (2, "")
    assert err.splitlines() == [
        f"{path}:1:1: the column in_dim must be there (did you mean in_dims?)",
        f"{path}:1:1: the column cycles must be there",
    ]


def test_validate_names_every_bad_value_and_its_line(tlm, csv):
    path = csv(
        IN_PROJ,
        IN_PROJ.replace("197", "many"),
        IN_PROJ.replace("LINEAR_BLOCK", "LINEAR"),
        IN_PROJ.replace(",192,384", ",190,380"),
        IN_PROJ.replace("58775", "0"),
    )
    status, out, err = tlm("validate", "--timing", path)
    assert (status, out) == (2, "")
    assert err.splitlines() == [
        f"{path}:3:1: num_patches must be a whole number, not 'many'",
        f"{path}:4:1: engine must be LINEAR_BLOCK, CONV, NORM_SUM, PATCH_OPS, SMOOTH or SSM, not 'LINEAR'",
        f"{path}:5:1: call: in must be a multiple of 16, not 190",
        f"{path}:5:1: call: out must be a multiple of 16, not 380",
        f"{path}:6:1: cycles must be positive, not 0",
    ]


def test_validate_of_an_empty_file(tlm, csv):
    status, _, err = tlm("validate", "--timing", csv())
    assert (status, err) == (2, f"{csv()}: must have at least one row, not none\n")


def test_validate_golden(tlm):
    """The shipped vectors; every element agrees."""
    status, out, _ = tlm("validate", "--golden", TESTS / "golden" / "rtl", "--json")
    report = json.loads(out)
    assert (status, report["files"], report["mismatches"]) == (0, 32, 0)
    assert report["elements"] == sum(f["elements"] for f in report["per_file"].values()) > 80_000


def test_validate_golden_without_a_folder(tlm, tmp_path):
    status, out, err = tlm("validate", "--golden", tmp_path / "none")
    assert (status, out) == (2, "")
    assert err == f"{tmp_path / 'none'}: must be a folder of .npz files\n"


def test_options_of_another_comparison(tlm):
    """All at once, before anything is read."""
    status, out, err = tlm(
        "validate", "--golden", "none", "--memory", "m", "--set", "a=1", "--settle", "1 us"
    )
    assert (status, out) == (2, "")
    assert err.splitlines() == [
        "--memory: must be given with --timing",
        "--set: must be given with --bandwidth",
        "--settle: must be given with --bandwidth",
    ]


@pytest.mark.parametrize("option", ["--timing", "--golden", "--bandwidth"])
def test_an_empty_name(tlm, option):
    status, out, err = tlm("validate", option, "")
    assert (status, out) == (2, "")
    assert ": must " in err


def test_help_names_the_time_to_settle(tlm):
    status, out, _ = tlm("validate", "--help")
    assert status == 0
    assert f"(default: '{format_quantity(SETTLE, Picoseconds)}')" in " ".join(out.split())


@pytest.mark.parametrize("settle", ["1 m", "-1 us", "soon"])
def test_a_time_to_settle(tlm, settle):
    status, out, err = tlm("validate", "--bandwidth", "none", f"--settle={settle}")
    assert (status, out) == (2, "")
    assert err.startswith(f"--settle {settle}: must be ")


def test_validate_wants_one_kind_of_measurement(tlm):
    status, _, err = tlm("validate")
    assert status == 2
    assert "one of the arguments --timing --golden --bandwidth is required" in err


def test_show_prints_every_value_and_its_origin(tlm):
    status, out, _ = tlm("show", "zcu102-rtl", "--set", "components.linear.tile=32")
    lines = {line.partition(":")[0].strip(): line for line in out.splitlines()}
    assert status == 0
    assert lines["tile"].endswith("# --set components.linear.tile=32")
    assert "zcu102-rtl.yaml:" in lines["rlat"]
    assert "zcu102.yaml:" in lines["fabric"]
    assert lines["rint"].endswith("# default, IdealMemoryParams")


def test_show_json_loads_to_the_same_platform(tlm, tmp_path):
    """JSON is YAML: what is printed is a platform file."""
    status, out, _ = tlm("show", "zcu102", "--json")
    path = tmp_path / "again.yaml"
    path.write_text(out)
    assert (status, json.loads(tlm("show", path, "--json")[1])) == (0, json.loads(out))


def test_show_of_a_broken_platform(tlm, tmp_path):
    (tmp_path / "p.yaml").write_text("components:\n  a: {model: 'components.ddr4:Dr4', size: 1}\n")
    status, out, err = tlm("show", tmp_path / "p.yaml")
    assert (status, out) == (2, "")
    assert err == (
        f"{tmp_path / 'p.yaml'}:2:14: components.a.model must be a class of components.ddr4, "
        "not 'components.ddr4:Dr4' (did you mean Ddr4?)\n"
    )


@pytest.mark.parametrize("arguments", [[], ["simulate"], ["op", "fft"], ["op", "linear", "--tokens", "many"]])
def test_usage_errors(tlm, arguments):
    status, out, err = tlm(*arguments)
    assert (status, out) == (2, "")
    assert err.startswith("usage: tlm")


def test_help_lists_the_commands(tlm):
    status, out, _ = tlm("--help")
    assert status == 0
    assert all(name in out for name in ("run", "show", "validate", "op"))


def test_validate_bandwidth(capsys, tmp_path):
    """One port, reads of 128 bytes: 4,756 MB/s were measured on the board, the error is in percent of that."""
    path = tmp_path / "one.csv"
    path.write_text(
        "traffic,pl_mhz,ports,burst_bytes,read_MBps,write_MBps,mean_read_latency_cycles\nread,300,HP0,128,4756,0,0\n"
    )
    assert main(["validate", "--bandwidth", str(path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told) == {"points", "mean_abs_pct", "p90_abs_pct", "max_abs_pct", "per_point"}
    (point,) = (p for p in told["per_point"] if p["direction"] == "read")
    assert point["error_pct"] == pytest.approx(100 * (point["predicted_MBps"] / 4756 - 1))
    assert abs(point["error_pct"]) < 2
