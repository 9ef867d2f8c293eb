"""The rules of the tree that no single file can keep."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# what a part may import, besides itself and everything that stands before it in its row
_BASE = ("errors", "units", "events", "messages", "codec", "digest")
_LIBRARY = ("io", "synth", "snn", "place", "views", "score")
_LAYERS = {
    **{each: _BASE for each in _BASE},
    "kernels": _BASE,
    **{each: (*_BASE, "kernels", *_LIBRARY) for each in _LIBRARY},
    "datasets": (*_BASE, "kernels", "io"),
    "net": (*_BASE, "kernels", "io"),
    "cameras": (*_BASE, "kernels", "io"),
    "graph": (*_BASE, "kernels", *_LIBRARY),
    "testing": (*_BASE, "kernels", *_LIBRARY, "graph"),
    "runtime": (*_BASE, "kernels", *_LIBRARY, "graph"),
    "bench": (*_BASE, "kernels", *_LIBRARY, "graph", "runtime"),
    "cli": (*_BASE, "kernels", *_LIBRARY, "graph", "runtime", "bench", "datasets", "net", "cameras"),
}
_NODES = (*_BASE, "kernels", *_LIBRARY, "datasets", "net", "cameras", "graph")
_NO_NODES_BELOW = {"kernels", "net", "cameras", *_LIBRARY, "graph", *_BASE}


def _sources(folder):
    return sorted(path for path in (ROOT / folder).rglob("*.py"))


def _imports(path):
    """Every eventflow or eventflow_nodes module that a file names in an import, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            if node.module == "eventflow":
                yield from (f"eventflow.{alias.name}" for alias in node.names)
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def _part(module):
    return module.split(".")[1] if module.startswith("eventflow.") else None


def _names_a_part(part):
    return (ROOT / "eventflow" / part).is_dir() or (ROOT / "eventflow" / f"{part}.py").is_file()


def test_imports_point_one_way():
    wrong = []
    for path in _sources("eventflow"):
        own = path.relative_to(ROOT / "eventflow").parts[0].removesuffix(".py")
        if own in ("__init__", "__main__"):
            continue
        assert own in _LAYERS, f"{path}: eventflow.{own} has no place among the layers; say what it may import"
        for module in _imports(path):
            part = _part(module)
            if part and _names_a_part(part) and part != own and part not in _LAYERS[own]:
                wrong.append(f"{path.relative_to(ROOT)} imports {module}")
            if module.split(".")[0] == "eventflow_nodes" and own in _NO_NODES_BELOW:
                wrong.append(f"{path.relative_to(ROOT)} imports {module}")
    assert not wrong, "\n".join(wrong)


def test_nodes_import_neither_the_runtime_nor_the_command_line():
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in _sources("nodes")
        for module in _imports(path)
        if (part := _part(module)) and _names_a_part(part) and part not in _NODES
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "name", ["eventflow", "eventflow.graph", "eventflow.io", "eventflow.kernels", "eventflow.runtime"]
)
def test_the_public_face_is_sorted_complete_and_there(name):
    module = importlib.import_module(name)
    assert list(module.__all__) == sorted(module.__all__)
    missing = [each for each in module.__all__ if not hasattr(module, each)]
    assert not missing


def test_no_file_is_too_long():
    long = {
        str(path.relative_to(ROOT)): count
        for folder in ("eventflow", "nodes", "tools")
        for path in _sources(folder)
        if (count := path.read_text().count("\n")) > 500
    }
    assert not long


def test_nothing_is_called_utils():
    vague = {"utils", "util", "helpers", "helper", "misc", "common", "manager"}
    assert not [path for folder in ("eventflow", "nodes") for path in _sources(folder) if path.stem in vague]


def test_no_pickle_anywhere():
    loaders = {"pickle", "cloudpickle", "dill", "marshal", "shelve"}
    assert not [
        f"{path.relative_to(ROOT)}: {module}"
        for folder in ("eventflow", "nodes")
        for path in _sources(folder)
        for module in _imports(path)
        if module.split(".")[0] in loaders
    ]


def test_no_kernel_is_fast_at_the_cost_of_its_result():
    trading = re.compile(r"fastmath\s*=\s*True|parallel\s*=\s*True|\bprange\(")
    assert not [path for path in _sources("eventflow") if trading.search(path.read_text())]


def test_every_node_module_is_registered():
    """A node that nobody can name in a graph file is a mistake."""
    project = (ROOT / "pyproject.toml").read_text()
    for path in _sources("nodes"):
        classes = [each for each in ast.parse(path.read_text()).body if isinstance(each, ast.ClassDef)]
        for each in classes:
            bases = {base.id for base in each.bases if isinstance(base, ast.Name)}
            if bases & {"Node", "Source"} and "abstract" not in (ast.get_docstring(each) or ""):
                module = ".".join(path.relative_to(ROOT / "nodes").with_suffix("").parts)
                assert f'"{module}:{each.name}"' in project, f"{module}:{each.name} has no entry point"


def test_architecture_has_a_line_for_every_module():
    text = (ROOT / "ARCHITECTURE.md").read_text()
    modules = [path for folder in ("eventflow", "nodes") for path in _sources(folder) if path.name != "__init__.py"]
    missing = [name for path in modules if f"`{(name := path.relative_to(ROOT).as_posix())}`" not in text]
    assert not missing, "run `python docs/modules.py` and look at what it wrote"


def test_readme_names_commands_that_exist():
    from eventflow.cli.verbs import VERBS

    readme = (ROOT / "README.md").read_text()
    assert "python3 dev run demo" in readme
    assert "python3 dev test" in readme
    for verb in re.findall(r"^(?:\$ )?eventflow (\w+)", readme, re.M):
        assert verb in VERBS, f"README: eventflow {verb}"


def test_dev_explains_itself_without_installing_anything():
    done = subprocess.run(["python3", str(ROOT / "dev"), "--help"], capture_output=True, text=True, check=True)
    assert "./dev run demo" in done.stdout
