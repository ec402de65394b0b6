"""DRAM devices: organisation and timing, read from preset files."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tlm.preset import load_preset, preset_names
from tlm.units import (
    SECOND,
    Bits,
    Bytes,
    Cycles,
    Doc,
    Picoseconds,
    PositiveInt,
    PowerOfTwo,
    TransfersPerSecond,
)

PRESETS = Path(__file__).parent / "presets"


@dataclass(frozen=True, kw_only=True)
class DramDevice:
    """A memory as its controller sees it. Cycles are those of the controller.

    Names are the data sheet's: an `_l` figure holds within a bank group, its `_s` fellow between groups.
    """

    description: Annotated[str, Doc("what it is, and the source of the figures")]
    data_rate: Annotated[TransfersPerSecond, Doc("transfers on the data bus")]
    transfers_per_cycle: Annotated[PositiveInt, Doc("transfers in a cycle of the controller")] = 4
    width: Annotated[Bits, Doc("data bus of a channel")]
    burst_length: Annotated[PositiveInt, Doc("transfers of the shortest access")]
    channels: Annotated[PowerOfTwo, Doc("independent channels")] = 1
    groups: Annotated[PowerOfTwo, Doc("bank groups")]
    banks: Annotated[PowerOfTwo, Doc("banks of a group")]
    rows: Annotated[PowerOfTwo, Doc("rows of a bank")]
    page: Annotated[Bytes, Doc("bytes of a row")]
    mapping: Annotated[str, Doc("fields of an address from its top")] = "row-bank-group-column"
    cl: Annotated[Cycles, Doc("read command to data")]
    cwl: Annotated[Cycles, Doc("write command to data")]
    t_rcd: Annotated[Cycles, Doc("activate to read or write")]
    t_rp: Annotated[Cycles, Doc("precharge to activate")]
    t_ras: Annotated[Cycles, Doc("activate to precharge")]
    t_rc: Annotated[Cycles, Doc("activate to activate of a bank")]
    t_wr: Annotated[Cycles, Doc("end of write data to precharge")]
    t_rtp: Annotated[Cycles, Doc("read to precharge")]
    t_ccd_s: Annotated[Cycles, Doc("read to read, write to write")]
    t_ccd_l: Annotated[Cycles, Doc("the same within a group")]
    t_rrd_s: Annotated[Cycles, Doc("activate to activate of another bank")]
    t_rrd_l: Annotated[Cycles, Doc("the same within a group")]
    t_faw: Annotated[Cycles, Doc("window of at most four activates")]
    read_to_write: Annotated[Cycles, Doc("read command to write command")]
    write_to_read_s: Annotated[Cycles, Doc("write command to read command")]
    write_to_read_l: Annotated[Cycles, Doc("the same within a group")]
    t_rfc: Annotated[Picoseconds, Doc("refresh to the next command")]
    t_refi: Annotated[Picoseconds, Doc("from refresh to refresh")]

    @property
    def clock_hz(self) -> int:
        """Of the controller."""
        return self.data_rate // self.transfers_per_cycle

    @property
    def atom(self) -> int:
        """Bytes of the shortest access."""
        return self.burst_length * self.width // 8

    @property
    def burst(self) -> int:
        """Cycles of the data bus that the shortest access takes."""
        return -(-self.burst_length // self.transfers_per_cycle)

    @property
    def size(self) -> int:
        """Bytes of all channels."""
        return self.channels * self.groups * self.banks * self.rows * self.page

    @property
    def peak_bandwidth(self) -> float:
        """Bytes a second."""
        return self.channels * self.data_rate * self.width / 8

    def cycles(self, time: int) -> int:
        """Cycles of the controller that last at least `time` ps."""
        return -(-time * self.clock_hz // SECOND)


def presets() -> list[str]:
    """Names of the devices that come with the simulator."""
    return preset_names(PRESETS)


@functools.cache
def load_device(name: str) -> DramDevice:
    """A preset by name. Raises ValueError for an unknown one, InputError for a preset that is wrong."""
    return load_preset(DramDevice, PRESETS, name, "device")
