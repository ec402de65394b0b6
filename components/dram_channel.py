"""One DRAM channel: open rows, and the earliest cycle at which each command is legal."""

from __future__ import annotations

from collections import deque

from components.dram_timing import DramDevice

CLOSED = -1


class DramChannel:
    """State of the banks. Times are cycles of the controller; who issues commands keeps to `when_*`."""

    def __init__(self, device: DramDevice):
        self.device = device
        banks = device.groups * device.banks
        self.group = [bank % device.groups for bank in range(banks)]
        self.row = [CLOSED] * banks
        self.activate_at = [0] * banks
        self.precharge_at = [0] * banks
        self.column_at = [0] * banks
        self.closed_at = 0  # all precharges so far have taken effect
        self.read_at = 0
        self.write_at = 0
        self.group_read_at = [0] * device.groups
        self.group_write_at = [0] * device.groups
        self.any_activate_at = 0
        self.group_activate_at = [0] * device.groups
        self.activates: deque[int] = deque([-(1 << 60)] * 4, maxlen=4)
        self.write_recovery = device.cwl + device.burst + device.t_wr
        self.t_rfc = device.cycles(device.t_rfc)
        self.t_refi = device.cycles(device.t_refi)

    def when_activate(self, bank: int) -> int:
        return max(
            self.activate_at[bank],
            self.any_activate_at,
            self.group_activate_at[self.group[bank]],
            self.activates[0] + self.device.t_faw,
        )

    def when_precharge(self, bank: int) -> int:
        return self.precharge_at[bank]

    def when_read(self, bank: int) -> int:
        """For the open row."""
        return max(self.column_at[bank], self.read_at, self.group_read_at[self.group[bank]])

    def when_write(self, bank: int) -> int:
        """For the open row."""
        return max(self.column_at[bank], self.write_at, self.group_write_at[self.group[bank]])

    def activate(self, bank: int, row: int, at: int) -> None:
        d = self.device
        self.row[bank] = row
        self.column_at[bank] = at + d.t_rcd
        self.precharge_at[bank] = at + d.t_ras
        self.activate_at[bank] = at + d.t_rc
        self.any_activate_at = at + d.t_rrd_s
        self.group_activate_at[self.group[bank]] = at + d.t_rrd_l
        self.activates.append(at)

    def precharge(self, bank: int, at: int) -> None:
        self.row[bank] = CLOSED
        closed = at + self.device.t_rp
        self.activate_at[bank] = max(self.activate_at[bank], closed)
        self.closed_at = max(self.closed_at, closed)

    def read(self, bank: int, at: int) -> None:
        d = self.device
        self.read_at = at + d.t_ccd_s
        self.group_read_at[self.group[bank]] = at + d.t_ccd_l
        self.write_at = max(self.write_at, at + d.read_to_write)
        self.precharge_at[bank] = max(self.precharge_at[bank], at + d.t_rtp)

    def write(self, bank: int, at: int) -> None:
        d = self.device
        self.write_at = at + d.t_ccd_s
        group = self.group[bank]
        self.group_write_at[group] = at + d.t_ccd_l
        self.read_at = max(self.read_at, at + d.write_to_read_s)
        self.group_read_at[group] = max(self.group_read_at[group], at + d.write_to_read_l)
        self.precharge_at[bank] = max(self.precharge_at[bank], at + self.write_recovery)

    def refresh(self, at: int) -> int:
        """Close all rows, from cycle `at` on, and refresh; returns the cycle of the refresh command."""
        for bank, row in enumerate(self.row):
            if row != CLOSED:
                self.precharge(bank, max(at, self.precharge_at[bank]))
        at = max(at, self.closed_at)
        self.activate_at = [max(ready, at + self.t_rfc) for ready in self.activate_at]
        return at
