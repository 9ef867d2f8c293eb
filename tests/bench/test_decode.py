"""Claim: decoding is at least 1.5 times as fast as the fastest peer that decodes the format correctly."""

import pytest

from eventflow import io
from eventflow.bench import inputs
from eventflow.bench.peer_decoders import decoders_of, difference

RECORDINGS = {
    "evt3": "vectors",
    "evt2": "sparse",
    "dat": "sparse",
    "es": "sparse",
}
PAIRS = [
    (format, name) for format in RECORDINGS for name in ("eventflow", *(each.peer for each in decoders_of(format)))
]


@pytest.mark.parametrize(("format", "name"), PAIRS)
def test_whole_file(benchmark, format, name):
    benchmark.group = f"decode {format}"
    path = str(inputs.recording(RECORDINGS[format], 2_000_000, format))
    if name == "eventflow":
        assert len(benchmark(io.read, path)) == 2_000_000
        return
    known = {each.peer: each for each in decoders_of(format)}
    benchmark.extra_info["wrong"] = difference(known[name].whole(path), io.read(path))
    benchmark(known[name].whole, path)
