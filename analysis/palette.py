"""Colours of kinds of calls and of engines, in pictures and in text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

# in order of lightness, so that they are told apart in grey too; chosen to differ with every kind of colour vision
KINDS = {
    "Linear": "#1a1478",
    "Conv": "#6f1c62",
    "Flip": "#1b842f",
    "Scan": "#b8587b",
    "NormSum": "#a67cdf",
    "Smooth": "#55d6a5",
    "Embed": "#accef5",
    "LoadClassToken": "#f3ec80",
}
OTHERS = ("#444444", "#6f6f6f", "#9a9a9a", "#bdbdbd")
# read as letters on dark and on light ground; Okabe and Ito's, told apart by all common kinds of colour vision
LETTERS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#B2A700", "#555555")
_PARTS = {  # names of a GPU's steps
    "linear": "Linear", "conv": "Conv", "flip": "Flip", "scan": "Scan", "norm": "NormSum", "merge": "NormSum",
    "mean": "NormSum", "add": "NormSum", "smooth": "Smooth", "embed": "Embed", "load": "LoadClassToken",
}  # fmt: skip


def colours(kinds: Iterable[str]) -> dict[str, str]:
    """A colour for each kind of call."""
    found: dict[str, str] = {}
    rest = 0
    for kind in sorted(set(kinds)):
        known = kind if kind in KINDS else _PARTS.get(short(kind).lower().split("_")[0])
        if known is None:
            found[kind] = OTHERS[rest % len(OTHERS)]
            rest += 1
        else:
            found[kind] = KINDS[known]
    return found


def short(kind: str) -> str:
    """The first of a GPU's steps, which gives a kind its colour."""
    return kind.partition("+")[0]


def letters(names: Sequence[str]) -> dict[str, str]:
    """A colour for each name in a text."""
    return {name: LETTERS[at % len(LETTERS)] for at, name in enumerate(names)}
