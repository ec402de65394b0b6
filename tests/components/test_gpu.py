"""The GPU baselines against the figures of arXiv 2605.01935 (Table VII, Fig. 5) and against arithmetic by hand.

Calibrated: launch and layer cost to tiny's 117.1 and 54.60 ms, held power to tiny's 153.7 and 201.1 W. All other
published figures are checks, and a test says how far the model is from each.
"""

from collections import Counter
from pathlib import Path

import pytest

from components.gpu_host import GpuHost
from components.gpu_kernels import Kernel, kernels
from components.gpu_steps import UnsupportedError, works
from components.gpu_work import Step
from tlm.errors import InputError
from tlm.platform import load_platform
from tlm.runner import run
from tlm.simulation import Simulation
from tlm.units import NS, US
from workloads.builder import Builder
from workloads.lowering import lower, workload
from workloads.operations import Program, Role

PLATFORMS = Path(__file__).parents[2] / "platforms"
QUANT, FP16 = "rtx3090-quant", "rtx3090-fp16"
SYNCS = 24 * 6


def simulate(platform, model="tiny", resolution=224, batch=1, overrides=()):
    program = lower(workload(model), resolution, batch)
    path = str(PLATFORMS / f"{platform}.yaml")
    return run(path, lambda sim: sim.find(GpuHost)[0].execute(program), overrides)


def milliseconds(*args, **kwargs):
    return simulate(*args, **kwargs).elapsed * 1e-9


def power(*args, **kwargs):
    done = simulate(*args, **kwargs)
    return sum(done.simulation.components["gpu"].energy_joules(done.elapsed).values()) / (
        done.elapsed * 1e-12
    )


def linear(tokens=197, inputs=384, out=768):
    build = Builder()
    return build.linear("linear", build.tensor("x", tokens, inputs, role=Role.INPUT), out)


def single(platform, operation, overrides=()):
    sim = Simulation(load_platform(str(PLATFORMS / f"{platform}.yaml"), overrides))
    sim.run(sim.find(GpuHost)[0].call(operation))
    return sim


@pytest.mark.parametrize("model", ["tiny", "small", "base"])
@pytest.mark.parametrize(("execution", "layer", "outside"), [("quantized", 123, 17), ("float", 33, 8)])
def test_kernels_of_a_layer_and_of_the_model_are_those_counted(model, execution, layer, outside):
    """123 kernels and 6 synchronizations, or 33 kernels, a layer; 3,113 or (about) 800 in all leave 17 or 8."""
    counted, syncs = Counter(), Counter()
    for work in works(lower(workload(model))):
        for kernel in kernels(work, execution):
            (syncs if kernel is None else counted)[work.layer] += 1
    assert counted.pop(None) == outside
    assert counted == {f"layers.{i}": layer for i in range(24)}
    assert syncs == ({f"layers.{i}": 6 for i in range(24)} if execution == "quantized" else {})


def test_kernels_of_a_quantized_layer_step_by_step():
    """The breakdown as counted; a smoothed linear's 17 are 8 of its smoothing and 9 of its product."""
    found = Counter()
    for work in works(lower(workload("tiny"))):
        if work.layer == "layers.7":
            found[work.name.rpartition(".")[2]] += sum(k is not None for k in kernels(work, "quantized"))
    assert found == {
        "norm": 1,
        "in_proj_x": 9,
        "flip_x": 1,
        "conv": 2 * (11 + 1),  # SiLU included
        "smooth": 2 * 8 + 8,
        "x_proj_dt": 2 * 9,
        "dt_proj": 2 * 10,
        "scan": 2 * (2 + 4 + 1),  # -exp(A_log), contiguous copies, the scan
        "flip_scan": 1,
        "merge": 2,
        "out_proj": 9,
    }
    in_proj = next(w for w in works(lower(workload("tiny"))) if w.name == "layers.7.in_proj_x")
    assert [k.name for k in kernels(in_proj, "quantized")] == [
        *("abs", "max", "clamp", "div", "div", "round", "clamp", "matmul", "mul")
    ]


def test_in_proj_is_one_product():
    """197 tokens, 192 -> 2 * 384: 2 * 197 * 192 * 768 flops on 16-bit operands, one weight of 192 * 768."""
    work = next(w for w in works(lower(workload("tiny"))) if w.name == "layers.0.in_proj_x")
    (product,) = kernels(work, "float")
    assert product == Kernel(
        "matmul",
        2 * 197 * 192 * 768,
        2 * (197 * 192 + 192 * 768),
        2 * 197 * 768,
        tensor_cores=True,
    )
    assert work.stands_for == 2


def test_x_proj_has_the_rows_of_the_model_not_of_the_tiles():
    """dt_rank 12, B 16 and C 16 make 44 rows; the accelerator's tiles would make 48."""
    work = next(w for w in works(lower(workload("tiny"))) if w.name == "layers.0.forward.x_proj_dt")
    assert work.operands["y"].elements == 197 * 44
    assert work.flops == {"matmul": 2 * 197 * 384 * 44}
    assert work.stands_for == 3


@pytest.mark.parametrize(("platform", "operations"), [(QUANT, 3113), (FP16, 800)])
def test_latency_of_tiny_is_the_hosts_time(platform, operations):
    """operations * 27.0 us + 24 * 1.374 ms and the last kernel, which starts when it is launched."""
    done = simulate(platform)
    last = done.simulation.find(GpuHost)[0].gpu.free
    host = operations * 27 * US + 24 * 1374 * US
    assert done.elapsed == last
    assert 2_500 * NS < last - host < 6_000 * NS
    assert done.simulation.trace.counters["launcher.operations"] == operations


@pytest.mark.parametrize(("platform", "published"), [(QUANT, 117.1), (FP16, 54.60)])
def test_latency_of_tiny_against_the_paper_calibrated(platform, published):
    assert milliseconds(platform) == pytest.approx(published, rel=0.005)


@pytest.mark.parametrize(("platform", "published", "short"), [(QUANT, 119.1, 0.0174), (FP16, 60.86, 0.1032)])
def test_latency_of_small_against_the_paper(platform, published, short):
    """Not calibrated: 1.7 % short quantized, 10.3 % short in FP16, where small takes 6.3 ms more than tiny
    with the same kernels; the device is busy 0.3 ms longer, which the host hides. Not explained."""
    assert 1 - milliseconds(platform, "small") / published == pytest.approx(short, abs=0.001)


@pytest.mark.parametrize("platform", [QUANT, FP16])
def test_latency_does_not_depend_on_resolution_while_the_host_is_the_bottleneck(platform):
    found = [
        milliseconds(platform, model, r) for model in ("tiny", "small") for r in (96, 112, 160, 224, 256)
    ]
    assert max(found) - min(found) < 0.01


@pytest.mark.parametrize(("platform", "expected"), [(f"{QUANT}-lean", 25), (f"{FP16}-lean", 6.4)])
def test_latency_with_a_lean_host(platform, expected):
    """3,113 * 8 us = 24.904 ms; 800 * 8 us = 6.400 ms."""
    assert milliseconds(platform) == pytest.approx(expected, rel=0.005)


@pytest.mark.parametrize(
    ("platform", "operations", "published", "ratio"), [(QUANT, 9, 0.230, 1.071), (FP16, 1, 0.063, 0.494)]
)
def test_one_linear_against_figure_5(platform, operations, published, ratio):
    """384 -> 768, not calibrated: 9 * 27 us is 7 % above the published 0.230 ms; FP16's single launch is half of the
    published 0.063 ms, which holds 32 us that this model knows nothing of."""
    elapsed = int(single(platform, linear()).env.now)
    assert operations * 27 * US < elapsed < operations * 27 * US + 5 * US
    assert elapsed * 1e-9 / published == pytest.approx(ratio, abs=0.002)


@pytest.mark.parametrize(
    ("platform", "model", "published", "error"),
    [
        (QUANT, "tiny", 153.7, 0.001),  # calibrated
        (FP16, "tiny", 201.1, 0.001),  # calibrated
        (QUANT, "small", 155.7, 0.01),
        (FP16, "small", 205.9, 0.025),
    ],
)
def test_power_against_the_paper(platform, model, published, error):
    assert power(platform, model) == pytest.approx(published, rel=error)


def test_energy_is_power_for_the_time_and_a_charge_for_each_operation_and_bit():
    """197 x 384 x 768 in FP16 on tensor cores: 1 pJ a flop, 14 pJ a bit, 200.6 W for as long as it takes."""
    sim = single(FP16, linear())
    elapsed = int(sim.env.now)
    parts = sim.components["gpu"].energy_joules(elapsed)
    moved = 2 * (197 * 384 + 384 * 768 + 197 * 768)
    assert parts["held"] == pytest.approx(200.6 * elapsed * 1e-12)
    assert parts["arithmetic"] == pytest.approx(2 * 197 * 384 * 768 * 1e-12)
    assert parts["memory"] == pytest.approx(8 * moved * 14e-12)


def test_peak_rates_follow_from_multiprocessors_and_clock():
    """82 * 128 * 2 * 1.695 GHz = 35.58 TFLOP/s; 82 * 512 * 2 * 1.695 GHz = 142.3 TFLOP/s."""
    gpu = single(FP16, linear()).components["gpu"]
    assert gpu.peak(tensor_cores=False) == 35_581_440_000_000
    assert gpu.peak(tensor_cores=True) == 142_325_760_000_000


def test_chip_at_its_peaks_stays_within_the_boards_power():
    """350 W less the 50 W of board and fan; the quantized baseline's held power and any one unit at its peak."""
    p = single(QUANT, linear()).components["gpu"].params
    for rate in (142.3e12 * p.tensor_energy, 35.6e12 * p.fp32_energy, 936e9 * 8 * p.memory_energy):
        assert p.held_power + rate < 300


def test_kernel_bound_by_memory():
    """4096 x 768 -> 1536 with 1 GB/s, 80 % of which is reached: 21,233,664 B take 26.54208 ms, and 2.5 us."""
    sim = single(FP16, linear(4096, 768, 1536), ["components.gpu.bandwidth=1 GB/s"])
    moved = 2 * (4096 * 768 + 768 * 1536 + 4096 * 1536)
    assert moved == 21_233_664
    assert sim.env.now == 27 * US + 2_500 * NS + moved * 1250


def test_kernel_bound_by_arithmetic():
    """4096 x 768 -> 1536 on one multiprocessor at 1 GHz: 512 * 2 * 1e9 * 0.5 flop/s for 9,663,676,416 flops."""
    overrides = ["components.gpu.multiprocessors=1", "clocks.core=1 GHz"]
    sim = single(FP16, linear(4096, 768, 1536), overrides)
    assert 2 * 4096 * 768 * 1536 == 9_663_676_416
    assert sim.env.now == 27 * US + 2_500 * NS + 18_874_368 * NS


def test_next_kernel_waits_for_the_one_before_only_when_that_is_slow():
    """Nine launches of 1 us; every kernel takes its floor of 10 us and the work of a single token."""
    overrides = ["components.launcher.launch=1 us", "components.gpu.floor=10 us"]
    slow = single(QUANT, linear(1, 16, 16), overrides)
    assert slow.env.now == pytest.approx(1 * US + 9 * 10 * US, abs=9 * NS)
    overrides = ["components.launcher.launch=20 us", "components.gpu.floor=10 us"]
    assert single(QUANT, linear(1, 16, 16), overrides).env.now == pytest.approx(
        9 * 20 * US + 10 * US, abs=9 * NS
    )


def test_synchronization_holds_the_host_until_the_device_is_idle():
    """isnan().any() and isinf().any(): at each of the two synchronizations the host waits for 10 us kernels."""
    overrides = ["components.launcher.launch=1 us", "components.gpu.floor=10 us"]
    build = Builder()
    smooth = build.smooth("smooth", build.tensor("x", 1, 16, role=Role.INPUT))
    sim = single(QUANT, smooth, overrides)
    # ne, any, sync: 1 + 20; abs, eq, any, sync: 1 + 30; clamp, reciprocal, mul: 1 + 30
    assert sim.env.now == pytest.approx(83 * US, abs=10 * NS)
    assert sim.trace.counters["launcher.synchronizations"] == 2


def test_base_at_1024_is_bound_by_the_device_behind_a_lean_host():
    """Each of x's copies and element-wise kernels moves 4097 * 1536 * 2 * 2 B = 25.2 MB: 33.6 us at 748.8 GB/s."""
    done = simulate(f"{QUANT}-lean", "base", 1024)
    did = done.simulation.components["gpu"].activity(done.elapsed)
    assert did["busy_share"] > 0.9
    moved = did["read_bytes"] + did["write_bytes"]
    bound = moved / (936e9 * 0.8)
    flops = did["tensor_flops"] / (142.3e12 * 0.5)
    floors = did["kernels"] * 2.5e-6
    assert max(bound, flops) + floors <= done.elapsed * 1e-12 * 1.0001
    assert did["busy_s"] <= bound + flops + did["fp32_flops"] / (35.58e12 * 0.5) + floors
    assert did["bytes_per_s"] < 936e9


@pytest.mark.parametrize("platform", [QUANT, FP16])
def test_batch_runs_at_once(platform):
    """Four images launch the kernels of one; the products' flops are four times as many, weights are read once."""
    one, four = simulate(platform), simulate(platform, batch=4)
    a, b = one.simulation.trace.counters, four.simulation.trace.counters
    assert b["gpu.kernels"] == a["gpu.kernels"]
    assert b["launcher.operations"] == a["launcher.operations"]
    assert b["gpu.tensor_flops"] == 4 * a["gpu.tensor_flops"]
    assert a["gpu.read_bytes"] < b["gpu.read_bytes"] < 4 * a["gpu.read_bytes"]
    assert four.elapsed < 1.001 * one.elapsed


def test_tensor_flops_are_the_programs_products():
    """All multiply-accumulates but those of the convolutions, 48 * 197 * 384 * 4, run on tensor cores."""
    program = lower(workload("tiny"))
    counters = simulate(QUANT).simulation.trace.counters
    assert counters["gpu.tensor_flops"] == 2 * (program.macs - 48 * 197 * 384 * 4)


@pytest.mark.parametrize(("batch", "operations"), [(1, 580), (3, 1740)])
def test_progress_is_told_of_every_operation_of_the_program(batch, operations):
    program = lower(workload("tiny"), 224, batch)
    assert sum(work.stands_for for work in works(program)) == len(program.operations) == operations
    seen = []
    path = str(PLATFORMS / f"{FP16}.yaml")
    run(path, lambda sim: sim.find(GpuHost)[0].execute(program, None, lambda: seen.append(1)))
    assert len(seen) == operations


def test_trace_shows_launcher_and_device():
    sim = simulate(QUANT).simulation
    tracks = Counter(span.track for span in sim.trace.calls)
    assert tracks["launcher"] == tracks["gpu"] + 24  # the layers' own cost
    busy = sum(span.record.cycles for span in sim.trace.calls if span.track == "gpu")
    assert busy == pytest.approx(sim.trace.counters["gpu.busy_ps"] * 1695e6 * 1e-12, abs=tracks["gpu"])
    assert all(span.start < span.end for span in sim.trace.spans)
    totals = Counter()
    for span in sim.trace.calls:
        totals.update(span.record.counts)
    assert totals["gpu.kernels"] == sim.trace.counters["gpu.kernels"] == 3113 - SYNCS
    assert totals["gpu.read_bytes"] == sim.trace.counters["gpu.read_bytes"]


@pytest.mark.parametrize(
    ("key", "worse"),
    [
        ("gpu.bandwidth", "93.6 GB/s"),
        ("gpu.multiprocessors", "8"),
        ("gpu.fp32_fmas", "1"),
        ("gpu.tensor_fmas", "8"),
        ("gpu.fp32_efficiency", "0.01"),
        ("gpu.tensor_efficiency", "0.01"),
        ("gpu.memory_efficiency", "0.08"),
        ("gpu.floor", "50 us"),
        ("launcher.launch", "50 us"),
        ("launcher.layer", "1 ms"),
    ],
)
def test_less_of_anything_takes_longer(key, worse):
    lean = f"{QUANT}-lean"
    assert milliseconds(lean, "base", 512, overrides=[f"components.{key}={worse}"]) > 1.001 * milliseconds(
        lean, "base", 512
    )


def test_same_input_gives_the_same_trace():
    a, b = simulate(QUANT), simulate(QUANT)
    assert a.simulation.trace.spans == b.simulation.trace.spans
    assert a.simulation.trace.counters == b.simulation.trace.counters


def test_steps_follow_the_flow_of_tensors_not_names():
    """Two linears of one input are one product, and of different inputs two; a sum that is normalized is free."""
    build = Builder()
    x, other = (build.tensor(name, 5, 32, role=Role.INPUT) for name in ("x", "other"))
    program = Program(
        "made up",
        (
            build.linear("p", x, 16),
            build.linear("q", other, 16),
            build.linear("r", x, 48),
            build.flip("s", x),
        ),
    )
    assert [(w.name, w.steps, w.stands_for) for w in works(program)] == [
        ("p", (Step.LINEAR,), 2),
        ("q", (Step.LINEAR,), 1),
        ("s", (Step.FLIP,), 1),
    ]
    assert works(program)[0].operands["w"].elements == 32 * (16 + 48)


def test_images_that_differ_are_refused():
    first, second = Builder("image0."), Builder("image1.")
    mixed = Program(
        "mixed",
        (
            first.flip("flip", first.tensor("x", 4, 16, role=Role.INPUT)),
            second.flip("flip", second.tensor("x", 5, 16, role=Role.INPUT)),
        ),
    )
    with pytest.raises(UnsupportedError, match="images of a batch must be alike, image1 is not"):
        works(mixed)
    sim = Simulation(load_platform(str(PLATFORMS / f"{QUANT}.yaml")))
    assert sim.find(GpuHost)[0].shortages(mixed) == [
        "mixed: the images of a batch must be alike, image1 is not"
    ]


def test_program_that_does_not_fit_the_memory():
    overrides = ["components.gpu.memory=1 MiB"]
    sim = Simulation(load_platform(str(PLATFORMS / f"{QUANT}.yaml"), overrides))
    (host,) = sim.find(GpuHost)
    (text,) = host.shortages(lower(workload("tiny")))
    assert text.endswith("bytes in gpu, which holds 1048576: raise components.gpu.memory")
    weights = sum(work.weights_bytes for work in works(lower(workload("tiny"))))
    assert weights == pytest.approx(2 * 7_148_008, rel=0.06)  # 16 bits each; A and D have 32


def test_launcher_must_lead_to_a_gpu(tmp_path):
    path = tmp_path / "wrong.yaml"
    path.write_text(
        f"uses: {PLATFORMS / 'rtx3090-quant.yaml'}\n"
        "components:\n  ddr:\n    model: components.ddr4:Ddr4\n"
        "bindings:\n  launcher.queue: ddr.port0\n"
    )
    with pytest.raises(InputError, match=r"launcher.queue must lead to a components.gpu:Gpu, not ddr.port0"):
        Simulation(load_platform(str(path)))
