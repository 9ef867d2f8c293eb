"""Frames, inertial samples and triggers of AEDAT 4 are what other libraries make of them, read and written."""

from __future__ import annotations

import numpy as np
import pytest

import eventflow as ef
import eventflow.io as io
from eventflow.bench.peer_decoders import decoders_of, difference
from eventflow.io.aedat4_header import COMPRESSIONS
from eventflow.io.aedat4_messages import STANDARD_GRAVITY
from eventflow.io.inivation_triggers import AEDAT4_KINDS, Kinds
from eventflow.io.writing import create

SAMPLES = ("davis346_demo01", "davis346_frames_imu", "dvxplorer_imu")
IMU_NAMES = [f"{sensor}_{axis}" for sensor in ("accelerometer", "gyroscope") for axis in "xyz"]


def read_dv(dv, path):
    """Frames as (time, image), inertial samples as rows of time and six values, triggers as (time, kind)."""
    recording = dv.io.MonoCameraRecording(str(path))
    frames, samples, triggers = [], [], []
    while recording.isFrameStreamAvailable() and (frame := recording.getNextFrame()) is not None:
        frames.append((frame.timestamp, np.array(frame.image)))
    while recording.isImuStreamAvailable() and (batch := recording.getNextImuBatch()) is not None:
        for one in batch:
            values = [getattr(one, f"{sensor}{axis}") for sensor in ("accelerometer", "gyroscope") for axis in "XYZ"]
            samples.append([one.timestamp, *values])
    while recording.isTriggerStreamAvailable() and (batch := recording.getNextTriggerBatch()) is not None:
        triggers += [(one.timestamp, int(one.type)) for one in batch]
    return frames, samples, triggers


def read_aedat(aedat, path):
    """Likewise."""
    frames, samples, triggers = [], [], []
    for packet in aedat.Decoder(str(path)):
        if "frame" in packet:
            frames.append((packet["frame"]["t"], packet["frame"]["pixels"]))
        elif "imus" in packet:
            samples += [[int(one["t"]), *(float(one[name]) for name in IMU_NAMES)] for one in packet["imus"]]
        elif "triggers" in packet:
            triggers += [(int(one["t"]), int(one["source"])) for one in packet["triggers"]]
    return frames, samples, triggers


def assert_same(path, theirs, *, same_frame_times):
    frames, samples, triggers = theirs
    with io.open(path) as recording:
        ours = {name: list(recording.messages(name)) for name in recording.streams[1:]}
    assert len(ours.get("frames", [])) == len(frames)
    for frame, (t, image) in zip(ours.get("frames", []), frames, strict=True):
        shown = frame.image if frame.image.ndim == 2 else frame.image[:, :, ::-1]
        np.testing.assert_array_equal(shown, image)
        assert not same_frame_times or frame.t == t
    times = [t for message in ours.get("imu", []) for t in message.time.tolist()]
    assert times == [sample[0] for sample in samples]
    values = np.array([sample[1:] for sample in samples]).reshape(-1, 6)
    if len(values):
        accel, gyro = (np.concatenate([getattr(each, name) for each in ours["imu"]]) for name in ("accel", "gyro"))
        np.testing.assert_allclose(accel, values[:, :3] * STANDARD_GRAVITY, rtol=1e-6)
        np.testing.assert_allclose(gyro, np.radians(values[:, 3:]), rtol=1e-6)
    kinds = Kinds(AEDAT4_KINDS)
    edges = [
        pair
        for each in ours.get("triggers", [])
        for pair in zip(each.time.tolist(), kinds.kinds(each.line, each.value).tolist(), strict=True)
    ]
    assert edges == triggers


@pytest.mark.samples
@pytest.mark.parametrize("name", SAMPLES)
def test_dv_processing_reads_the_same(samples, peer, name):
    path = samples / "aedat" / f"{name}.aedat4"
    # where a frame's exposure is known dv-processing gives its beginning, the file its middle
    assert_same(path, read_dv(peer("dv-processing"), path), same_frame_times=name != "davis346_frames_imu")


@pytest.mark.samples
@pytest.mark.parametrize("name", SAMPLES)
def test_aedat_reads_the_same(samples, peer, name):
    path = samples / "aedat" / f"{name}.aedat4"
    assert_same(path, read_aedat(peer("aedat"), path), same_frame_times=True)


def written(path, events, source, compression):
    """The events with all other messages of `source` between them by time."""
    with io.open(source) as recording:
        messages = [(each.t, name, each) for name in recording.streams[1:] for each in recording.messages(name)]
    with create(path, width=events.width, height=events.height, compression=compression) as writer:
        at = 0
        for t, name, message in sorted(messages, key=lambda entry: entry[0]):
            after = max(at, int(np.searchsorted(events.t, t)))
            writer.write(events[at:after])
            writer.add(name, message)
            at = after
        writer.write(events[at:])
    return path


@pytest.mark.samples
@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("name", SAMPLES)
def test_all_streams_written_are_read_back_by_peers(samples, peer, tmp_path, name, compression):
    source = samples / "aedat" / f"{name}.aedat4"
    dv, aedat, faery = (peer(each) for each in ("dv-processing", "aedat", "faery"))
    events = io.read(source)
    path = written(tmp_path / "a.aedat4", events, source, compression)
    assert_same(path, read_dv(dv, path), same_frame_times=True)
    assert_same(path, read_aedat(aedat, path), same_frame_times=True)
    before = [np.concatenate([each.time for each in io.open(file).messages("imu")]) for file in (source, path)]
    np.testing.assert_array_equal(*before)
    for reader in decoders_of("aedat4"):
        if reader.peer != "evutils" or name == "dvxplorer_imu":  # beside a trigger stream it loses nearly all events
            assert difference(reader.whole(str(path)), events) == ""
    with io.open(path) as recording:
        packets = sum(1 for name in recording.streams[1:] for _ in recording.messages(name))
    assert sum(track.data_type != "events" for track, _ in faery.aedat.Decoder(str(path))) == packets


@pytest.mark.samples
def test_evutils_reads_the_same_aedat_2_apart_from_turning_it(samples, peer):
    peer("evutils")
    path = str(samples / "aedat/davis346_moving_dot_20.aedat")
    (reader,) = decoders_of("aedat2")
    assert difference(reader.whole(path), io.read(path, flip_x=False, flip_y=False)) == ""


def test_tonic_reads_the_same_aedat_2(peer, tmp_path):
    peer("tonic")
    from tonic.io import read_davis_346

    events = ef.synth.render("crossing", seed=1, duration=200_000, noise=5.0)
    path = io.write(events, tmp_path / "a.aedat", format="aedat2")
    assert difference(read_davis_346(str(path))[-1], events) == ""


def test_evutils_reads_what_is_written_as_aedat_2(peer, tmp_path):
    peer("evutils")
    events = ef.synth.render("crossing", seed=1, duration=200_000, noise=5.0)
    path = str(io.write(events, tmp_path / "a.aedat", format="aedat2"))
    (reader,) = decoders_of("aedat2")
    assert difference(reader.whole(path), io.read(path, flip_x=False, flip_y=False)) == ""
