"""`import steadyface` is quick, loads little, and touches neither files of others nor a network."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import steadyface

HEAVY = {
    "torch",
    "torchvision",
    "onnxruntime",
    "onnx",
    "cv2",
    "PIL",
    "numpy",
    "sklearn",
    "matplotlib",
    "jinja2",
    "click",
    "tqdm",
    "fastapi",
    "starlette",
    "uvicorn",
    "flask",
    "sqlite3",
    "cryptography",
    "psycopg",
    "psycopg_pool",
    "ray",
    "ssl",
    "urllib.request",
    "http.client",
    "socket",
    "subprocess",
}
WATCH = """
import json, sys
opened, reached = [], []
def watch(event, arguments):
    if event == "open":
        opened.append(str(arguments[0]))
    elif event.split(".")[0] in ("socket", "urllib", "subprocess", "http", "ftplib"):
        reached.append(event)
    elif event in ("os.system", "os.exec", "os.posix_spawn", "os.fork", "os.mkdir", "os.remove"):
        reached.append(event)
sys.addaudithook(watch)
before = set(sys.modules)
import steadyface
watched = list(opened), list(reached)
print(json.dumps({
    "opened": watched[0], "reached": watched[1], "loaded": sorted(set(sys.modules) - before),
    "roots": [sys.prefix, sys.base_prefix, steadyface.__path__[0]],
}))
"""
TIME = """
import time
began = time.process_time()
import steadyface
print(time.process_time() - began)
"""


def run(program: str) -> Any:
    # -B: the first import of all would write compiled files beside the package.
    done = subprocess.run(
        [sys.executable, "-B", "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def imported() -> Any:
    return run(WATCH)


def test_it_loads_nothing_heavy(imported: Any) -> None:
    loaded = set(imported["loaded"])
    assert "steadyface" in loaded  # the list is what it says it is
    assert not {m for m in loaded if m in HEAVY or m.partition(".")[0] in HEAVY}
    ours = {m for m in loaded if m.partition(".")[0] == "steadyface"}
    assert ours == {"steadyface", "steadyface._version"}


def test_it_opens_nothing_but_python_and_itself(imported: Any) -> None:
    roots = [Path(root).resolve() for root in imported["roots"]]
    package = roots[-1]
    assert any(Path(file).resolve().is_relative_to(package) for file in imported["opened"])
    for file in imported["opened"]:
        assert any(Path(file).resolve().is_relative_to(root) for root in roots), file
        assert Path(file).suffix in (".py", ".pyc"), file


def test_it_reaches_for_no_network_and_no_other_program(imported: Any) -> None:
    assert imported["reached"] == []


def test_it_is_quick() -> None:
    assert min(run(TIME) for _ in range(5)) < 0.3


@pytest.mark.parametrize("name", sorted(set(steadyface.__all__) - {"__version__"}))
def test_a_public_name_is_that_of_its_home(name: str) -> None:
    home = import_module(steadyface._HOMES[name])
    assert getattr(steadyface, name) is getattr(home, name)
    assert name in dir(steadyface)


def test_the_public_names_are_those_with_a_home() -> None:
    assert set(steadyface.__all__) == {"__version__", *steadyface._HOMES}
    assert dir(steadyface) == sorted(steadyface.__all__)


def test_a_name_that_there_is_not() -> None:
    with pytest.raises(AttributeError) as caught:
        steadyface.analyser  # noqa: B018
    assert str(caught.value) == "module 'steadyface' has no attribute 'analyser'"
    assert not hasattr(steadyface, "pipelines")
