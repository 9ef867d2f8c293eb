"""Claim: background activity is at least twice as fast as dv-processing's and EventCV's."""

from datetime import timedelta

import pytest

from eventflow.bench import peer_events
from eventflow.kernels import denoise

WINDOW_US = 2_000


@pytest.mark.benchmark(group="background_activity")
def test_eventflow(benchmark, scene):
    packets = [scene[start : start + 65536] for start in range(0, len(scene), 65536)]

    def run():
        state = denoise.surface(scene.width, scene.height)
        return sum(len(denoise.background_activity(packet, state, WINDOW_US)) for packet in packets)

    assert 0 < benchmark(run) < len(scene)


@pytest.mark.benchmark(group="background_activity")
def test_dv_processing(benchmark, scene, peer):
    dv = peer("dv-processing")
    packets = peer_events.dv_packets(scene, 65536)

    def run():
        noise = dv.noise.BackgroundActivityNoiseFilter((scene.width, scene.height), timedelta(microseconds=WINDOW_US))
        kept = 0
        for packet in packets:
            noise.accept(packet)
            kept += noise.generateEvents().size()
        return kept

    assert benchmark(run) == len(denoise.background_activity(scene, denoise.surface(346, 260), WINDOW_US))


@pytest.mark.benchmark(group="background_activity")
def test_eventcv(benchmark, scene, peer):
    peer("EventCV")
    stream = peer_events.eventcv_stream(scene)
    assert benchmark(lambda: stream.background_activity_filter(WINDOW_US - 1)).shape[0] > 0
