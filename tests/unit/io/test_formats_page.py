"""The table in docs/formats.md says what the formats do."""

from __future__ import annotations

import importlib.util
import inspect
from pathlib import Path

import pytest

import eventflow.io as io
from eventflow.io.table import format_of, formats

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def generator():
    spec = importlib.util.spec_from_file_location("formats_page", ROOT / "docs" / "formats.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_is_up_to_date(generator):
    assert (ROOT / "docs" / "formats.md").read_text() == generator.page(), "run `python docs/formats.py`"


def test_every_format_has_a_row_and_says_what_it_reads_with(generator):
    text = (ROOT / "docs" / "formats.md").read_text()
    for row in formats():
        assert f"| `{row.name}` |" in text
        assert not row.reads or generator.decoders_of(row)


@pytest.mark.samples
def test_no_sample_has_a_stream_that_its_format_does_not_name(samples, generator):
    checked = 0
    for path in sorted(samples.rglob("*")):
        if not path.is_file() or path.parent.name not in ("evt", "dat", "aedat", "es", "hdf5", "ros"):
            continue
        with path.open("rb") as file:
            row = format_of(file.read(4096), str(path))
        named = {"events"}.union(*(each.streams for each in generator.decoders_of(row)))
        takes_size = "width" in inspect.signature(row.load().open_decoder).parameters
        with io.open(path, **({"width": 1280, "height": 720} if takes_size else {})) as recording:
            kinds = {name.partition(":")[0] for name in recording.streams}
        assert kinds <= named | {"generic"}, path
        checked += 1
    assert checked >= 20
