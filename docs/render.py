"""Executes a script in percent format and writes it with what it printed as Markdown.

    python docs/render.py docs/first_run.py docs/what_if_study.py

`# %% [markdown]` begins a cell of text, its lines comments; `# %%` begins a cell of code.
"""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator
from pathlib import Path


def cells(text: str) -> Iterator[tuple[bool, str]]:
    """(is it code, its lines) of each cell."""
    for part in f"\n{text}".split("\n# %%")[1:]:
        head, _, body = part.partition("\n")
        if head.strip() == "[markdown]":
            yield (
                False,
                "\n".join(line.removeprefix("#").removeprefix(" ") for line in body.strip().split("\n")),
            )
        else:
            yield True, body.strip("\n")


def render(path: Path) -> str:
    """The Markdown of a script: cells in order, what a cell printed below it."""
    names: dict[str, object] = {"__name__": "__main__"}
    out = []
    for is_code, body in cells(path.read_text(encoding="utf-8")):
        if not is_code:
            out.append(body)
            continue
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(body, str(path), "exec"), names)
        out.append(f"```python\n{body}\n```")
        if printed.getvalue():
            out.append(f"```text\n{printed.getvalue().rstrip()}\n```")
    return "\n\n".join(out) + "\n"


if __name__ == "__main__":
    for name in map(Path, sys.argv[1:]):
        name.with_suffix(".md").write_text(render(name), encoding="utf-8")
