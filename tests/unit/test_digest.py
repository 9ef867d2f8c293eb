"""The content hash does not see packets, and sees everything else."""

from __future__ import annotations

import numpy as np
import pytest

from eventflow.digest import ContentDigest, content_hash
from eventflow.events import EVENT_DTYPE, Events
from eventflow.messages import Frame, Grid, Label, Slice


def some_events(count: int = 20_000, *, seed: int = 1, labels: bool = False, scores: bool = False) -> Events:
    random = np.random.default_rng(seed)
    records = np.zeros(count, EVENT_DTYPE)
    records["t"] = np.cumsum(random.integers(0, 9, count))
    records["x"] = random.integers(0, 64, count)
    records["p"] = random.integers(0, 2, count)
    return Events(
        records,
        64,
        48,
        labels=random.integers(0, 3, count).astype("u1") if labels else None,
        scores=random.random(count).astype("f4") if scores else None,
    )


@pytest.mark.parametrize("columns", [{}, {"labels": True}, {"labels": True, "scores": True}])
@pytest.mark.parametrize("size", [1, 7, 4096, 4097, 19_999])
def test_packets_do_not_count(columns: dict[str, bool], size: int):
    events = some_events(**columns)
    step = max(size, 50)
    packets = [events[begin : begin + step] for begin in range(0, len(events), step)]
    packets.insert(1, Events.empty(64, 48))
    assert content_hash(packets) == content_hash([events])


def test_a_column_that_begins_late_counts_as_zeros_before():
    bare, labelled = some_events(100), some_events(50, seed=2, labels=True)
    assert content_hash([bare, labelled]) == content_hash([Events.concat([bare, labelled])])
    assert content_hash([labelled, bare]) == content_hash([Events.concat([labelled, bare])])
    assert content_hash([bare]) != content_hash([bare.with_columns(labels=np.zeros(100, "u1"))])


def test_everything_else_counts():
    events = some_events(10)
    image = np.zeros((2, 3), "u1")
    streams = [
        [],
        [events],
        [events[:9]],
        [Events(events.records, 65, 48)],
        [Slice(events, 0, 100, 0)],
        [Slice(events, 0, 100, 1)],
        [Slice(events, 0, 100, 0, complete=False)],
        [Slice(events[:9], 0, 100, 0)],
        [Frame(image, 0)],
        [Frame(image, 1)],
        [Frame(image.reshape(3, 2), 0)],
        [Frame(image, 0), Frame(image, 0)],
        [Grid(image[None], 0, 0)],
        [Grid(image[None].astype("f4"), 0, 0)],
        [Grid(image[None], 0, 0, ("on",))],
        [Label(0, 1, 0.5)],
        [events, Frame(image, 0), events],
        [events, events, Frame(image, 0)],
    ]
    hashes = [content_hash(stream) for stream in streams]
    assert len(set(hashes)) == len(hashes)


def test_it_goes_on_from_its_state():
    messages = [some_events(labels=True), Frame(np.zeros((4, 4), "u1"), 9), some_events(30_000, seed=3, scores=True)]
    cuts = [part for m in messages for part in ([m[:5000], m[5000:]] if isinstance(m, Events) else [m])]
    for stop in range(len(cuts) + 1):
        first, second = ContentDigest(), ContentDigest()
        for message in cuts[:stop]:
            first.add(message)
        assert first.hexdigest() == first.hexdigest()
        second.restore(first.state())
        for message in cuts[stop:]:
            second.add(message)
        assert second.hexdigest() == content_hash(messages)


def test_pad_bytes_do_not_count():
    events = some_events(100)
    dirty = events.records.copy()
    dirty.view("u1").reshape(-1, 16)[:, 13:] = 7
    assert content_hash([Events(dirty, 64, 48)]) == content_hash([events])
