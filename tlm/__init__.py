"""Transaction-level simulator of Vision Mamba accelerators.

    import tlm

    result = tlm.run("zcu102", model="tiny", resolution=224, overrides=["components.ssm.lanes=16"])
    print(result.latency_ms, result.energy_j)
    tlm.compare(result, tlm.run("zcu102"))

`run` and `compare` are imported when they are first used.
"""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["compare", "run"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module("analysis.api"), name)
    raise AttributeError(f"module 'tlm' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
