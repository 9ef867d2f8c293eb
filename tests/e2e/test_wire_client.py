"""docs/wire.md is enough: the client printed there reads a running graph without any code of eventflow's."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from eventflow import codec
from eventflow.events import Events
from eventflow.messages import Message
from eventflow.runtime import wire

DOC = Path(__file__).resolve().parents[2] / "docs" / "wire.md"


def client() -> str:
    (code,) = re.findall(r"```python\n(.*?)```", DOC.read_text(), re.DOTALL)
    return code


def test_the_client_of_the_document_reads_a_tap(place: Any) -> None:
    code = client()
    assert "eventflow" not in code
    assert len([line for line in code.splitlines() if line.strip()]) <= 50
    (place.folder / "client.py").write_text(code)
    address = f"ipc://{place.folder}/listened"
    reader = subprocess.Popen(
        [sys.executable, str(place.folder / "client.py"), address],
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    nodes = {
        "camera": {"use": "test_ramp", "events": 60_000, "every": "100us", "chunk": 1_000},
        "tap": {"use": "tap", "name": address},
    }
    try:
        ended = place.run(nodes, ["camera -> tap"], place="fused", speed=1)
        assert ended.code == 0, ended.err
        out, err = reader.communicate(timeout=20)
    finally:
        reader.kill()
        reader.communicate()
    assert reader.returncode == 0, err
    kind, events, t1 = out.split()
    assert kind == "Events"
    assert 0 < int(events) <= 60_000
    assert int(t1) == 59_999 * 100


def test_the_document_names_every_kind_and_every_element() -> None:
    text = DOC.read_text()
    headers = msgspec.inspect.type_info(wire.AnyHeader).types
    assert {f"`{each.tag}`" for each in headers} <= set(re.findall(r"`[a-z-]+`", text))
    for each in headers:
        rows = text.partition("### `data`")[0] if each.tag != "data" else text.partition("### `data`")[2]
        for field in each.fields:
            if field.name not in ("v", "edge"):
                assert f"`{field.name}`" in rows, f"{each.tag}.{field.name}"
    data = next(each for each in headers if each.tag == "data")
    assert client().count(" ".join(["watermark", '"\n        "width'])) == 1
    order = re.search(r'DATA = \("(.*?)"\)\.split', client(), re.DOTALL)
    assert order is not None
    named = re.sub(r'"\s*"', "", order[1]).split()
    assert named == ["kind", *(field.name for field in data.fields)]
    for dtype in codec._DTYPES:
        assert dtype.strip("<|") in text
    stock = [name for name, cls in Message.KINDS.items() if cls is not Events and cls.__module__ == Message.__module__]
    for name in stock:
        assert f"`{name}`" in text or name == "Reset"
    assert np.dtype([("t", "<i8"), ("x", "<u2"), ("y", "<u2"), ("p", "u1")], align=True).itemsize == 16
