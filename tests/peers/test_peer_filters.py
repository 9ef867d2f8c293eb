"""Filters keep what the filters of other libraries keep, event for event, where the rule is the same."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

import eventflow as ef
from eventflow.bench.peer_events import dv_packets, eventcv_stream
from eventflow.events import EVENT_DTYPE, Events
from eventflow.kernels import blocks, crossings, denoise, pixel_filters

WIDTH, HEIGHT = 346, 260


@pytest.fixture(scope="module")
def kept_by_dv(peer):
    """What dv-processing's BackgroundActivityNoiseFilter keeps, packet by packet."""
    dv = peer("dv-processing")

    def keep(events: Events, window_us: int) -> Events:
        noise = dv.noise.BackgroundActivityNoiseFilter((events.width, events.height), timedelta(microseconds=window_us))
        kept = []
        for packet in dv_packets(events, 4096):
            noise.accept(packet)
            kept.append(noise.generateEvents().numpy())
        return Events.from_numpy(np.concatenate(kept), width=events.width, height=events.height, unsorted="keep")

    return keep


def kept_by_us(events: Events, window_us: int) -> Events:
    return denoise.background_activity(events, denoise.surface(events.width, events.height), window_us)


def same(a: Events, b: Events) -> bool:
    return a.records.tolist() == b.records.tolist()


def random_events(t0: int, seed: int) -> Events:
    rng = np.random.default_rng(seed)
    records = np.zeros(200_000, EVENT_DTYPE)
    records["t"] = t0 + np.sort(rng.integers(0, 400_000, len(records)))
    records["x"], records["y"] = rng.integers(0, WIDTH, len(records)), rng.integers(0, HEIGHT, len(records))
    records["p"] = rng.integers(0, 2, len(records))
    return Events(records, WIDTH, HEIGHT)


@pytest.mark.parametrize("t0", [2_000, 10_000_000, 1_643_243_628_737_093])
@pytest.mark.parametrize("window_us", [1, 300, 2_000])
def test_background_activity_keeps_what_dv_keeps(kept_by_dv, t0, window_us):
    events = random_events(t0, seed=window_us)
    ours = kept_by_us(events, window_us)
    assert len(ours) < len(events)
    assert same(ours, kept_by_dv(events, window_us))


@pytest.mark.samples
@pytest.mark.parametrize("window_us", [500, 5_000])
@pytest.mark.parametrize("name", ["aedat/davis346_demo01.aedat4", "aedat/dvxplorer_imu.aedat4"])
def test_background_activity_keeps_what_dv_keeps_of_a_recording(samples, kept_by_dv, name, window_us):
    events = ef.read(samples / name)
    ours = kept_by_us(events, window_us)
    assert 0 < len(ours) < len(events)
    assert same(ours, kept_by_dv(events, window_us))


def test_only_dv_passes_lonely_events_before_the_first_window(kept_by_dv):
    # its surface begins as if every pixel had fired at t = 0
    events = Events(np.array([(500, 10, 10, 1), (1_999, 50, 50, 0), (2_000, 90, 90, 1)], EVENT_DTYPE), WIDTH, HEIGHT)
    assert kept_by_us(events, 2_000).t.tolist() == []
    assert kept_by_dv(events, 2_000).t.tolist() == [500, 1_999]


def test_dv_and_we_differ_before_the_first_window_alone(kept_by_dv):
    events = random_events(0, seed=1)
    ours, theirs = kept_by_us(events, 2_000), kept_by_dv(events, 2_000)
    assert len(ours.between(0, 2_000)) < len(theirs.between(0, 2_000))
    assert same(ours.between(2_000, 1 << 40), theirs.between(2_000, 1 << 40))


def test_background_activity_and_refractory_keep_what_eventcv_keeps(peer):
    peer("EventCV")
    events = random_events(10_000_000, seed=7)
    stream = eventcv_stream(events)

    def columns(kept):
        return [dict(zip("xytp", row, strict=True)) for row in kept.numpy().tolist()]

    def rows(kept):
        return [dict(zip("txyp", row[:4], strict=True)) for row in kept.records.tolist()]

    # its window is closed where dv's and ours are open
    assert rows(kept_by_us(events, 2_000)) == columns(stream.background_activity_filter(1_999))
    ours = denoise.refractory(events, denoise.surface(WIDTH, HEIGHT), 100_000)
    assert len(ours) < len(events)
    assert rows(ours) == columns(stream.refractory_filter(100_000))


def kept_by_peer(noise, events):
    kept = []
    for packet in dv_packets(events, 4096):
        noise.accept(packet)
        kept.append(noise.generateEvents().numpy())
    return Events.from_numpy(np.concatenate(kept), width=events.width, height=events.height, unsorted="keep")


@pytest.mark.parametrize("t0", [10_000_000, 1_643_243_628_737_093])
def test_knoise_keeps_what_dv_keeps(peer, t0):
    dv = peer("dv-processing")
    events = random_events(t0, seed=3)
    # its window is closed, and an event of the pixel itself is support
    ours = crossings.crossings(events, crossings.crossing_memory(WIDTH, HEIGHT), 1_001, own=True)
    assert 0 < len(ours) < len(events)
    assert same(ours, kept_by_peer(dv.noise.KNoiseFilter((WIDTH, HEIGHT), timedelta(microseconds=1_000)), events))


@pytest.mark.parametrize("threshold", [3.0, 6.0])
@pytest.mark.parametrize("t0", [10_000_000, 1_643_243_628_737_093])
def test_fast_decay_keeps_what_dv_keeps(peer, t0, threshold):
    dv = peer("dv-processing")
    events = random_events(t0, seed=4)[:60_000]
    ours = blocks.fast_decay(events, blocks.decay_memory(WIDTH, HEIGHT), 10_000, threshold=threshold)
    assert 0 < len(ours) < len(events)
    noise = dv.noise.FastDecayNoiseFilter((WIDTH, HEIGHT), timedelta(milliseconds=10), 4, threshold)
    assert same(ours, kept_by_peer(noise, events))


@pytest.mark.samples
def test_knoise_and_fast_decay_keep_what_dv_keeps_of_a_recording(samples, peer):
    dv = peer("dv-processing")
    events = ef.read(samples / "aedat/davis346_demo01.aedat4")
    ours = crossings.crossings(events, crossings.crossing_memory(WIDTH, HEIGHT), 1_001, own=True)
    assert same(ours, kept_by_peer(dv.noise.KNoiseFilter((WIDTH, HEIGHT), timedelta(microseconds=1_000)), events))
    ours = blocks.fast_decay(events, blocks.decay_memory(WIDTH, HEIGHT), 10_000)
    assert same(ours, kept_by_peer(dv.noise.FastDecayNoiseFilter((WIDTH, HEIGHT)), events))


def test_frequency_bands_keep_what_dv_keeps(peer):
    dv = peer("dv-processing")
    events = random_events(10_000_000, seed=5)
    size = (WIDTH, HEIGHT)
    for low, high, keep, noise in (
        (None, 20.0, "inside", dv.noise.LowPassFilter(size, 20.0)),
        (20.0, None, "inside", dv.noise.HighPassFilter(size, 20.0)),
        (10.0, 50.0, "inside", dv.noise.BandPassFilter(size, 10.0, 50.0)),
        (10.0, 50.0, "outside", dv.noise.BandCutFilter(size, 10.0, 50.0)),
    ):
        ours = pixel_filters.band(events, denoise.surface(*size, radius=0), low, high, keep=keep)
        assert same(ours, kept_by_peer(noise, events))
