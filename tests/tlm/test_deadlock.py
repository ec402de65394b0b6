"""A memory that never answers stops the engine, and the end says who waits for what."""

import pytest

from analysis.platform_path import find_platform
from analysis.simulate import Workload, simulate
from components.ideal_memory import IdealMemory
from tlm.simulation import DeadlockError
from workloads.lowering import workload


@pytest.mark.parametrize("schedule", ["sequential", "overlapped"])
def test_who_waits_for_what_and_what_is_held(monkeypatch, schedule):
    answer = IdealMemory._transport

    def silent(self, port, payload, at):
        if payload.initiator != "norm_sum.in_a":
            answer(self, port, payload, at)

    monkeypatch.setattr(IdealMemory, "_transport", silent)
    work = Workload.of(workload("tiny", layers=1), 96)
    with pytest.raises(DeadlockError) as caught:
        simulate(find_platform("zcu102-rtl"), work, [f"components.host.schedule={schedule}"])
    text = str(caught.value)
    assert text.startswith("the simulation stands still:\n")
    assert "\n  host waits for the end of layers.0.norm\n" in text
    assert "\n  norm_sum waits for beat 24 of 888 on norm_sum.in_a\n" in text
    # 37 tokens of 24 words: 7 bursts of at most 128, all of them sent and none answered
    assert "norm_sum.in_a buffer: 0 of 2048 beats, 888 more in 7 bursts from memory.port4" in text
    assert "norm_sum.out_r buffer: 0 of 2048 beats, 0 of 888 written, 7 bursts, 0 answered" in text
