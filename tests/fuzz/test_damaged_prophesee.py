"""A damaged recording yields what can be had and counts the rest, or is refused in a sentence; nothing else happens."""

from __future__ import annotations

import contextlib
import random

import pytest

import eventflow.io as io
from eventflow.errors import EventflowError

FILES = [
    "evt/gen41_vectors.evt3.raw",
    "evt/imx636_time_wrap.evt3.raw",
    "evt/gen3.evt2.raw",
    "evt/gen41_legacy.evt21.raw",
    "evt/gen41_little.evt21.raw",
    "dat/ncars_4397.dat",
    "dat/ncars_sample.dat",
]
_KEPT_BYTES = 60_000


def damaged(data: bytes, random_: random.Random) -> bytes:
    mutable = bytearray(data)
    kind = random_.randrange(4)
    if kind == 0:
        return bytes(mutable[: random_.randrange(len(mutable))])
    if kind == 1:
        at = random_.randrange(len(mutable))
        return bytes(mutable[:at] + mutable[at + random_.randrange(1, 50) :])
    for _ in range(random_.choice([1, 10, 1000])):
        where = random_.randrange(300 if kind == 2 else len(mutable))
        mutable[where] ^= 1 << random_.randrange(8)
    return bytes(mutable)


@pytest.mark.samples
@pytest.mark.parametrize("name", FILES)
def test_damage_is_survived(samples, tmp_path, name):
    data = (samples / name).read_bytes()[:_KEPT_BYTES]
    random_ = random.Random(name)
    path = tmp_path / name.replace("/", "_")
    for _ in range(150):
        path.write_bytes(damaged(data, random_))
        with contextlib.suppress(EventflowError):
            recording = io.open(path, packet_events=random_.choice([1000, 65536]))
            for events in recording:
                assert len(events)
                assert int(events.x.max()) < events.width
                assert int(events.y.max()) < events.height
                assert int(events.p.max()) <= 1
