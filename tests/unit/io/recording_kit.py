"""Round trips through any format, in memory: what the tests of the formats share."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from hypothesis import strategies as st

from eventflow.errors import RecordingError
from eventflow.events import EVENT_DTYPE, Events
from eventflow.io.decoder import Batch
from eventflow.io.source import ByteSource
from eventflow.io.table import format_named

WIDTH, HEIGHT = 40, 30


class Dribble(ByteSource):
    """A source that gives a few bytes at a time."""

    def __init__(self, path, most):
        super().__init__(path)
        self.most = most

    def readinto(self, buffer):
        return super().readinto(buffer[: self.most])

    def readinto_both(self, first, second):
        return self.readinto(first)


def make(t, x=None, y=None, p=None, width=WIDTH, height=HEIGHT):
    """Events from columns; those left out are derived from the index."""
    records = np.zeros(len(t), EVENT_DTYPE)
    index = np.arange(len(t))
    records["t"] = t
    records["x"] = index % width if x is None else x
    records["y"] = index * 7 % height if y is None else y
    records["p"] = index % 2 if p is None else p
    return Events(records, width, height)


@st.composite
def recordings(draw, *, ordered=True, first=0, most_us=2**40):
    """Events with silences of every length, and where to cut them."""
    steps = draw(st.lists(st.sampled_from([0, 1, 2, 126, 127, 128, 254, 1000, 65_535, 3_000_000]), max_size=80))
    t = draw(st.integers(first, most_us)) + np.cumsum([0, *steps])[1:]
    if not ordered and len(t):
        t = np.array(draw(st.permutations(t.tolist())))
    count = len(t)
    x = draw(st.lists(st.integers(0, WIDTH - 1), min_size=count, max_size=count))
    p = draw(st.lists(st.integers(0, 1), min_size=count, max_size=count))
    return make(t.astype("i8"), x=x, p=p)


def cut(draw, events):
    """The same events as several packets."""
    places = sorted(draw(st.lists(st.integers(0, len(events)), max_size=4)))
    return [events[a:b] for a, b in zip([0, *places], [*places, len(events)], strict=True)]


def encoded(format_name, packets, **options):
    """The bytes of a recording."""
    first = packets[0]
    file = io.BytesIO()
    encoder = format_named(format_name).load().open_encoder(file, width=first.width, height=first.height, **options)
    for packet in packets:
        encoder.write(packet)
    encoder.finish()
    return file.getvalue()


def decoded(format_name, data, *, sizes=(1 << 16,), most_bytes=1 << 30, **options):
    """The events of a recording's bytes and the decoder that gave them, filled into batches of `sizes` in turn."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "recording"
        path.write_bytes(data)
        with Dribble(path, most_bytes) as source:
            decoder = format_named(format_name).load().open_decoder(source, **options)
            words, turn = [], 0
            while True:
                batch = Batch(sizes[turn % len(sizes)], decoder.columns)
                stop = decoder.fill(batch, 0)
                if not stop:
                    break
                words.append(batch.records.view(np.int64).reshape(-1, 2)[:stop].copy())
                turn += 1
    whole = np.concatenate([np.empty((0, 2), np.int64), *words]).reshape(-1).view(EVENT_DTYPE)
    return whole, decoder


def resumed(format_name, data, first, **options):
    """The events from number `first` on, read by a fresh decoder from the mark that another one made there."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "recording"
        path.write_bytes(data)
        module = format_named(format_name).load()
        with ByteSource(path) as source, ByteSource(path) as again:
            decoder, other = (module.open_decoder(each, **options) for each in (source, again))
            if first:
                assert decoder.fill(Batch(first, decoder.columns), 0) == first
            other.resume(decoder.mark())
            batch = Batch(1 << 16, other.columns)
            stop = other.fill(batch, 0)
            return batch.records[:stop]


def assert_same(records, events):
    """Equal to the last bit, padding included."""
    assert len(records) == len(events)
    assert not records.view(np.uint8).reshape(-1, 16)[:, 13:].any()
    for name in "txyp":
        np.testing.assert_array_equal(records[name], events.records[name])


def survives(format_name, data, **options):
    """Damaged bytes give a clear error, or events inside the sensor; return the events and the decoder, or None."""
    try:
        records, decoder = decoded(format_name, data, **options)
    except RecordingError:
        return None
    assert (records["x"] < decoder.info.width).all()
    assert (records["y"] < decoder.info.height).all()
    assert (records["p"] <= 1).all()
    return records, decoder


@st.composite
def damage(draw, data):
    """The same bytes with some of them flipped, cut off, doubled or replaced by garbage."""
    broken = bytearray(data)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(len(broken) - 1, 0)))
        kind = draw(st.sampled_from(["flip", "cut", "garbage", "remove", "double"]))
        length = draw(st.integers(1, 64))
        if kind == "flip" and broken:
            broken[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == "cut":
            del broken[at:]
        elif kind == "garbage":
            broken[at : at + length] = draw(st.binary(min_size=length, max_size=length))
        elif kind == "remove":
            del broken[at : at + length]
        else:
            broken[at:at] = broken[at : at + length]
    return bytes(broken)


def column_hashes(records):
    """The hashes of MANIFEST.md."""
    return " ".join(hashlib.sha1(records[name].tobytes()).hexdigest()[:10] for name in "txyp")
