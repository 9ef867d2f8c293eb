"""What is written is read back equal by other libraries: every format and compression, real and simulated events."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import eventflow as ef
import eventflow.io as io
from eventflow.bench.peer_decoders import decoders_of, difference
from eventflow.io.aedat4_header import COMPRESSIONS

SUFFIXES = {"dsec": ".h5", "event_utils": ".h5", "evt2": ".raw", "evt21": ".raw", "evt3": ".raw"}
STEPS_BACK = "evt/gen41_vectors.evt3.raw"
FAR_TIMES = "aedat/davis346_demo01.aedat4"  # µs since 1970, which no clock of a sensor format can show
AEDAT4 = [("aedat4", {"compression": each}) for each in COMPRESSIONS]

READ_BACK = [
    *((name, "evt3", {}, STEPS_BACK) for name in ("evt3", "evutils", "faery")),
    *((name, "evt2", {}, STEPS_BACK) for name in ("evutils", "expelliarmus", "faery")),
    ("evutils", "evt21", {}, STEPS_BACK),
    ("evlib", "evt21", {"layout": "little"}, STEPS_BACK),
    *((name, "dat", {}, STEPS_BACK) for name in ("evutils", "expelliarmus", "faery")),
    *((name, *each, FAR_TIMES) for each in AEDAT4 for name in ("aedat", "dv-processing", "evutils", "faery")),
    ("evutils", "aedat3", {}, STEPS_BACK),
    ("faery", "es", {}, STEPS_BACK),
    ("faery", "es", {"kind": "atis"}, STEPS_BACK),
    *(
        (name, "dsec", {"compression": each}, STEPS_BACK)
        for name in ("evutils", "h5py")
        for each in ("zstd", "gzip", "none")
    ),
    *(("h5py", "event_utils", {"compression": each}, STEPS_BACK) for each in ("zstd", "gzip", "none")),
    # evutils is left out on CSV: it wants a header of bare names, and so has no place for the sensor size
    ("faery", "csv", {}, FAR_TIMES),
    ("evutils", "npz", {}, FAR_TIMES),
    ("evutils", "npz", {"compressed": True}, FAR_TIMES),
]


def option_id(value):
    return "-".join(map(str, value.values())) or "plain" if isinstance(value, dict) else None


def whole_file(module, name, format):
    """How a peer reads a file with nothing but its path."""
    if name == "evutils" and format == "npz":

        def read(path):
            with module.EventReader(path, max_events=1 << 30) as reader:
                return reader.read_all()

        return read
    if format == "csv":
        return lambda path: module.events_stream_from_file(path).to_array()
    return next(each.whole for each in decoders_of(format) if each.peer == name)


@pytest.fixture(scope="module")
def simulated():
    return ef.synth.render("crossing", seed=1, duration=200_000, noise=5.0)


@pytest.mark.samples
@pytest.mark.parametrize(("name", "format", "options", "recording"), READ_BACK, ids=option_id)
def test_a_recording_is_read_back_by_a_peer(samples, peer, tmp_path, name, format, options, recording):
    module = peer(name)
    events = io.read(samples / recording)
    path = io.write(events, tmp_path / f"a{SUFFIXES.get(format, '.' + format)}", format=format, **options)
    assert difference(whole_file(module, name, format)(str(path)), events) == ""


@pytest.mark.parametrize(("name", "format", "options", "_recording"), READ_BACK, ids=option_id)
def test_simulated_events_are_read_back_by_a_peer(simulated, peer, tmp_path, name, format, options, _recording):
    module = peer(name)
    path = io.write(simulated, tmp_path / f"a{SUFFIXES.get(format, '.' + format)}", format=format, **options)
    assert difference(whole_file(module, name, format)(str(path)), simulated) == ""


@pytest.mark.parametrize("compressed", [False, True])
def test_an_archive_is_read_back_by_numpy(simulated, tmp_path, compressed):
    with np.load(io.write(simulated, tmp_path / "a.npz", compressed=compressed)) as archive:
        assert difference(SimpleNamespace(**archive), simulated) == ""
        assert (int(archive["width"]), int(archive["height"])) == (346, 260)


@pytest.mark.samples
def test_sparse_events_in_ecf_are_read_back_by_evlib(samples, peer, tmp_path):
    # it reads chunks of whole pixels only, which sparse events become
    peer("evlib")
    (decoder,) = (each for each in decoders_of("hdf5") if each.peer == "evlib")
    events = io.read(samples / "evt/imx636_time_wrap.evt3.raw", backwards="clamp")
    path = io.write(events, tmp_path / "a.hdf5")
    assert difference(decoder.whole(str(path)), events) == ""
