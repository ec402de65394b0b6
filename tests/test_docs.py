"""The studies in docs/ say what running them says."""

import importlib.util
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"


def renderer():
    spec = importlib.util.spec_from_file_location("docs_render", DOCS / "render.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["first_run", "what_if_study"])
def test_page_is_what_the_script_prints(name):
    """After a change of the models: python docs/render.py docs/*_run.py docs/*_study.py"""
    assert renderer().render(DOCS / f"{name}.py") == (DOCS / f"{name}.md").read_text()


def test_cells():
    text = "# %% [markdown]\n# # Title\n#\n# text\n# %%\nx = 1\n\n# a comment\nprint(x)\n"
    assert list(renderer().cells(text)) == [
        (False, "# Title\n\ntext"),
        (True, "x = 1\n\n# a comment\nprint(x)"),
    ]
