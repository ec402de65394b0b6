"""The import rule: arrows between folders point one way."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STANDARD = set(sys.stdlib_module_names)
FOLDERS = {"tlm", "components", "workloads", "analysis", "platforms"}
SCHEMA = {"pydantic", "pydantic_core", "annotated_types"}
# what has no need of torch, because it only says what is computed
NOUNS = (
    "workloads.operations",
    "workloads.builder",
    "workloads.lowering",
    "workloads.placement",
    "workloads.dependencies",
    "workloads.occupancy",
    "workloads.vim.config",
    "workloads.vim.errors",
)


def modules(folder):
    """Name and file of each module of a folder."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imported(name, path):
    """Absolute names of everything a file imports, inside functions too, but not for type checkers only."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            skipped.update(id(below) for statement in node.body for below in ast.walk(statement))
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            # `from workloads import builder` imports a module as well
            modules_of = [f"{base}.{alias.name}" for alias in node.names]
            yield from (full if is_module(full) else base for full in modules_of)


def is_module(name):
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def within(name, packages):
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def offenders(folder, packages, ours):
    """Imports of a folder outside the standard library, `packages` and the modules `ours`."""
    return [
        f"{name} imports {target}"
        for name, path in modules(folder)
        for target in imported(name, path)
        if (top := target.split(".")[0]) not in STANDARD | packages and not within(target, ours)
        if not (top in FOLDERS and within(target, ours))
    ]


def test_every_folder_has_modules():
    assert all(list(modules(folder)) for folder in FOLDERS)


def test_the_kernel_knows_no_accelerator():
    assert offenders("tlm", {"simpy", "yaml", "numpy"} | SCHEMA, {"tlm"}) == []


def test_workloads_know_no_hardware():
    packages = {"torch", "numpy", "safetensors", "PIL", "sklearn", "threadpoolctl"}
    assert offenders("workloads", packages, {"workloads"}) == []


def test_operations_and_lowering_need_the_standard_library_only():
    found = [
        f"{name} imports {target}"
        for name, path in modules("workloads")
        if within(name, NOUNS)
        for target in imported(name, path)
        if target.split(".")[0] not in STANDARD and not within(target, NOUNS)
    ]
    assert found == []


def test_components_know_what_is_computed_and_not_how_models_are_trained():
    ours = {"tlm", "components", *NOUNS, "workloads.numerics", "workloads.execution"}
    assert offenders("components", {"simpy", "numpy"} | SCHEMA, ours) == []


def test_analysis_reads_finished_runs_and_never_components():
    """Platforms name their components; analysis meets them as tlm's Sequencer and the trace."""
    ours = {"tlm", "workloads", "analysis", "platforms"}
    assert (
        offenders(
            "analysis",
            {
                "numpy",
                "simpy",
                "rich",
                "matplotlib",
                "yaml",
                "torch",
                "threadpoolctl",
                "vcd",
                "jinja2",
                "markupsafe",
            }
            | SCHEMA,
            ours,
        )
        == []
    )


@pytest.mark.parametrize("modules", ["tlm.__main__", "analysis.simulate", "analysis.commands.op"])
def test_simulating_imports_no_torch(modules):
    """torch takes seconds to import; a process of its own, as other tests import it."""
    program = (
        f"import sys, {modules}\n"
        "from analysis.platform_path import find_platform\n"
        "from tlm.platform import load_platform\n"
        "from tlm.simulation import Simulation\n"
        "Simulation(load_platform(find_platform('zcu102')))\n"
        "sys.exit('torch was imported' if 'torch' in sys.modules else 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
