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
PAIRS = [(format, peer) for format in RECORDINGS for peer in ("eventflow", "evt3", "evutils", "expelliarmus", "faery")]


@pytest.mark.parametrize(("format", "peer"), PAIRS)
def test_whole_file(benchmark, format, peer):
    benchmark.group = f"decode {format}"
    path = str(inputs.recording(RECORDINGS[format], 2_000_000, format))
    if peer == "eventflow":
        assert len(benchmark(io.read, path)) == 2_000_000
        return
    known = {each.peer: each for each in decoders_of(format)}
    if peer not in known:
        pytest.skip(f"{peer} does not read {format}, or is not installed")
    benchmark.extra_info["wrong"] = difference(known[peer].whole(path), io.read(path))
    benchmark(known[peer].whole, path)
