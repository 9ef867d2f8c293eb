"""AEDAT 1 and 2: the traps of their header, time and chips, and what lies between the events."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recording_kit import assert_same, cut, damage, decoded, encoded, make, recordings, survives

import eventflow.io as io
from eventflow.errors import ParameterError, RecordingError
from eventflow.io.decoder import Batch
from eventflow.io.source import ByteSource
from eventflow.io.table import format_of
from eventflow.io.writing import create
from eventflow.messages import Frame, Imu, Triggers

LINE = b"#!AER-DAT2.0\r\n"
CHIP = b"# AEChip: eu.seebetter.ini.chips.davis.Davis240C\r\n"
END = b"#End Of ASCII Header\r\n"


def records(*pairs):
    """Big-endian records of (address, time)."""
    return np.array(pairs, np.int64).reshape(-1, 2).astype(">u4").tobytes()


def davis(x, y, p=1):
    return y << 22 | x << 12 | p << 11


def dvs128(x, y, p=1):
    return y << 8 | x << 1 | p


def rows(events):
    return [tuple(map(int, event)) for event in events[["t", "x", "y", "p"]].tolist()]


@pytest.mark.samples
def test_v2e_recording_is_turned_as_jaer_turns_it(samples):
    path = samples / "aedat/davis346_moving_dot_20.aedat"
    events = io.read(path)
    words = np.frombuffer(path.read_bytes()[429:], ">u4").reshape(-1, 2).astype(np.int64)
    assert len(events) == 46924
    np.testing.assert_array_equal(events.t, words[:, 1])
    np.testing.assert_array_equal(events.x, 345 - (words[:, 0] >> 12 & 0x3FF))
    np.testing.assert_array_equal(events.y, 259 - (words[:, 0] >> 22 & 0x1FF))
    np.testing.assert_array_equal(events.p, words[:, 0] >> 11 & 1)
    with io.open(path) as recording:
        assert (recording.info.width, recording.info.height) == (346, 260)
        assert "assumed davis346" in recording.info.notes[0]
        assert list(recording.messages("triggers")) == []


@pytest.mark.parametrize("row", [140, 141, 142, 143])
@pytest.mark.parametrize("end", [b"", END])
def test_a_first_event_that_begins_like_a_header_line_is_an_event(row, end):
    data = LINE + CHIP + end + records((davis(3, row), 5), (davis(4, row), 0x0A0A), (davis(5, 1), 0x0A0B))
    found, decoder = decoded("aedat2", data)
    assert rows(found) == [(5, 236, 179 - row, 1), (0x0A0A, 235, 179 - row, 1), (0x0A0B, 234, 178, 1)]
    assert len(decoder.info.notes) == (0 if end else 1)


def test_a_header_of_any_size_is_read():
    preferences = b"".join(b'#<entry key="Davis.%d" value="\xc3\xa9"/>\r\n' % index for index in range(5000))
    data = LINE + preferences + CHIP + records((davis(0, 0), 1))
    assert rows(decoded("aedat2", data)[0]) == [(1, 239, 179, 1)]


def test_time_goes_on_where_32_bits_end():
    times = [3_800_000_000, 2**32 - 1, 0, 5, 3, 2**31, 2**32 - 1, 7]
    found, decoder = decoded("aedat2", LINE + CHIP + records(*((davis(0, 0), t) for t in times)), sizes=(3,))
    turn = 2**32
    assert found["t"].tolist() == [*times[:2], *(turn + t for t in times[2:7]), 2 * turn + 7]
    assert decoder.noted == {"wraps": 2}
    assert decoder.steps_back == 1


def test_what_is_no_event_is_told_apart_and_counted():
    imu = [(0x8000_0C00 | kind << 28 | value << 12, 9) for kind, value in enumerate((8192, 0, 0xE000, 0, 655, 0, 1))]
    words = [(davis(1, 1), 1), (1 << 10, 3), *imu, (0x8000_0000 | davis(2, 2, 0), 12), (davis(300, 1), 13)]
    data = LINE + CHIP + END + records(*words, (davis(1, 2), 20))
    found, decoder = decoded("aedat2", data)
    assert found["t"].tolist() == [1, 20]
    assert decoder.skipped == {"outside": 1}
    assert decoder.noted == {"external_events": 1, "imu_words": 7, "frame_words": 1}
    assert decoder.info.streams == ("events", "frames", "imu", "triggers")


def messages(data, name, **options):
    from tempfile import NamedTemporaryFile

    with NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        with ByteSource(file.name) as source:
            decoder = format_of(data[:100], "a.aedat").load().open_decoder(source, **options)
            return list(decoder.messages(name)), decoder


def test_inertial_samples_are_in_units():
    sample = [(0x8000_0C00 | kind << 28 | value << 12, 9) for kind, value in enumerate((8192, 0, 0xE000, 9, 655, 0, 1))]
    words = [*sample[3:], *sample, (davis(1, 1), 10), *sample]
    (message,), decoder = messages(LINE + CHIP + END + records(*words), "imu")
    assert message.time.tolist() == [9, 9]
    np.testing.assert_allclose(message.accel, [[9.80665, 0, -9.80665]] * 2, rtol=1e-6)
    np.testing.assert_allclose(message.gyro, np.radians([[10, 0, 1 / 65.5]] * 2), rtol=1e-6)
    assert decoder.skipped == {"imu_words": 4}


def frame_words(image, t):
    """A frame as the chip reads it out: all pixels after the reset, then all after the exposure."""
    height, width = image.shape
    y, x = np.mgrid[:height, :width]
    place = ((height - 1 - y) << 22 | x << 12).ravel() | 0x8000_0000
    reset = np.stack([place | 900, np.full(place.size, t)], axis=1)
    signal = np.stack(
        [place | 1 << 10 | (900 - 3 * image.astype(np.int64)).ravel(), np.full(place.size, t + 50)], axis=1
    )
    return np.concatenate([reset, signal])


def test_a_frame_is_the_difference_of_its_two_readings():
    images = [np.random.default_rng(seed).integers(0, 256, (180, 240)) for seed in (1, 2, 3)]
    words = [frame_words(image, 1000 * index) for index, image in enumerate(images)]
    words[1] = np.delete(words[1], [240 * 180 + 7], axis=0)
    found, decoder = messages(LINE + CHIP + END + records(*np.concatenate(words)), "frames")
    assert [frame.t for frame in found] == [50, 2050]
    for frame, image in zip(found, [images[0], images[2]], strict=True):
        np.testing.assert_array_equal(frame.image, 3 * image >> 2)
    assert decoder.skipped == {"frames_incomplete": 1}


def test_external_events_are_triggers():
    words = [(davis(1, 1), 1), (1 << 10, 30), (1 << 10 | 1 << 11, 40), (0x8000_0400, 41)]
    (message,), _ = messages(LINE + CHIP + END + records(*words), "triggers")
    assert (message.time.tolist(), message.line.tolist(), message.value.tolist()) == ([30, 40], [0, 0], [1, 1])
    (message,), _ = messages(LINE + END + records((dvs128(1, 1), 1), (0x8000, 6)), "triggers")
    assert message.time.tolist() == [6]


def test_noise_that_v2e_marked_has_labels():
    line = b"# noise events are labeled as addressed external input events when the --label_signal_noise option\r\n"
    data = LINE + line + CHIP + records((davis(1, 1), 1), (davis(2, 2) | 1 << 10, 2))
    with ByteSourceOf(data) as source:
        decoder = format_of(data[:100], "a.aedat").load().open_decoder(source)
        batch = Batch(8, decoder.columns)
        assert decoder.fill(batch, 0) == 2
        assert batch.labels[:2].tolist() == [1, 2]
        assert decoder.info.streams == ("events",)


class ByteSourceOf:
    """A source of some bytes."""

    def __init__(self, data):
        self.data = data

    def __enter__(self):
        from tempfile import NamedTemporaryFile

        self.file = NamedTemporaryFile()
        self.file.write(self.data)
        self.file.flush()
        self.source = ByteSource(self.file.name)
        return self.source

    def __exit__(self, *error):
        self.source.close()
        self.file.close()


def test_the_dvs128_is_read_as_jaer_does_unless_told_otherwise():
    data = LINE + b"# AEChip: ch.unizh.ini.jaer.chip.retina.DVS128\r\n" + records((dvs128(3, 20, 0), 1))
    assert rows(decoded("aedat2", data)[0]) == [(1, 124, 107, 1)]
    assert rows(decoded("aedat2", data, on=1, flip_x=False, flip_y=False)[0]) == [(1, 3, 20, 0)]
    with pytest.raises(ParameterError, match="on=2"):
        decoded("aedat2", data, on=2)


@pytest.mark.parametrize(
    ("address", "name"),
    [(dvs128(127, 127), "dvs128"), (479 << 11 | 639 << 1, "dvs640"), (davis(239, 179), "davis240"),
     (davis(240, 10), "davis346"), (davis(10, 300), "davis640")],
)  # fmt: skip
def test_a_chip_that_is_not_named_is_told_from_the_addresses(address, name):
    _, decoder = decoded("aedat2", LINE + END + records((address, 1)))
    assert decoder.info.attributes["chip"] == name
    assert name in decoder.info.notes[0]


def test_an_unknown_chip_is_refused_by_name():
    data = LINE + b"# AEChip: ch.unizh.ini.jaer.chip.cochlea.CochleaAMS1c\r\n" + records((1, 1))
    with pytest.raises(RecordingError, match="CochleaAMS1c"):
        decoded("aedat2", data)
    assert len(decoded("aedat2", data, chip="dvs128")[0]) == 1
    with pytest.raises(ParameterError, match="choose dvs128"):
        decoded("aedat2", data, chip="dvs129")


@pytest.mark.parametrize("header", [b"", b"# made long ago\r\n", b"#!AER-DAT1.0\r\n"])
def test_aedat_1_has_six_bytes_an_event_and_often_no_version(header, tmp_path):
    pairs = [(dvs128(3, 20, 0), 1), (dvs128(127, 0), 70_000), (0x8000, 70_001)]
    data = header + b"".join(a.to_bytes(2, "big") + t.to_bytes(4, "big") for a, t in pairs) + b"abc"
    (tmp_path / "old.aedat").write_bytes(data)
    with io.open(tmp_path / "old.aedat") as recording:
        assert recording.info.format == "aedat1"
        (packet,) = list(recording)
        assert rows(packet.records) == [(1, 124, 107, 1), (70_000, 0, 127, 0)]
        assert recording.skipped == {"truncated_bytes": 3}
        assert recording.noted == {"external_events": 1}


def test_a_newer_version_is_refused_with_its_number():
    with pytest.raises(RecordingError, match=r"AEDAT version 3\.1"):
        decoded("aedat2", b"#!AER-DAT3.1\r\n")


SIZES = {"dvs128": (128, 128), "davis240": (240, 180), "davis346": (346, 260), "davis640": (640, 480)}


def of_size(events, size):
    return type(events)(events.records, *size)


@pytest.mark.parametrize("chip", SIZES)
@settings(deadline=None, max_examples=30)
@given(data=st.data())
def test_what_was_written_is_read_however_it_was_cut(chip, data):
    events = of_size(data.draw(recordings(most_us=2**50)), SIZES[chip])
    written = encoded("aedat2", cut(data.draw, events), chip=chip)
    assert written == encoded("aedat2", [events], chip=chip)
    sizes = data.draw(st.lists(st.integers(1, 40), min_size=1, max_size=3))
    found, decoder = decoded("aedat2", written, sizes=sizes, most_bytes=data.draw(st.sampled_from([3, 64, 1 << 20])))
    assert_same(found, events)
    assert decoder.info.attributes["chip"] == chip


@settings(deadline=None, max_examples=30)
@given(data=st.data())
def test_a_mark_goes_on_where_it_was_made(data):
    times = np.cumsum(data.draw(st.lists(st.sampled_from([0, 1, 2**30, 2**31 - 1]), min_size=2, max_size=300)))
    written = encoded("aedat2", [of_size(make(times), SIZES["davis240"])])
    whole, _ = decoded("aedat2", written)
    stop = data.draw(st.integers(1, len(times) - 1))
    with ByteSourceOf(written) as source:
        module = format_of(written[:100], "a.aedat").load()
        first = module.open_decoder(source)
        assert first.fill(Batch(stop), 0) == stop
        mark = first.mark()
    with ByteSourceOf(written) as source:
        second = module.open_decoder(source)
        second.resume(mark)
        batch = Batch(1000)
        count = second.fill(batch, 0)
    np.testing.assert_array_equal(batch.records[:count].view("V16"), whole[stop:].view("V16"))


@settings(deadline=None, max_examples=100)
@given(data=st.data())
def test_damage_gives_events_counts_or_a_clear_error(data):
    good = encoded("aedat2", [of_size(make(np.arange(300) * 37), SIZES["davis346"])])
    survives("aedat2", data.draw(damage(good)))
    survives("aedat2", LINE + data.draw(st.binary(max_size=300)))
    survives("aedat1", data.draw(st.binary(max_size=300)))


def test_long_runs_and_odd_words_give_the_same_as_one_by_one():
    rng = np.random.default_rng(5)
    words = np.stack([davis(rng.integers(0, 240, 5000), rng.integers(0, 180, 5000), rng.integers(0, 2, 5000)),
                      np.cumsum(rng.integers(0, 5, 5000))], axis=1)  # fmt: skip
    for at in rng.integers(0, 5000, 40):
        words[at, 0] |= rng.choice([1 << 10, 1 << 31, 0x8000_0C00, 1023 << 12])
    data = LINE + CHIP + END + records(*words.tolist())
    (whole, one), (parts, other) = decoded("aedat2", data), decoded("aedat2", data, sizes=(1, 7, 300), most_bytes=17)
    np.testing.assert_array_equal(whole.view("V16"), parts.view("V16"))
    assert (one.skipped, one.noted) == (other.skipped, other.noted)
    assert sum(one.skipped.values()) + sum(one.noted.values()) + len(whole) == 5000


def test_triggers_and_inertial_samples_written_are_read_back(tmp_path):
    events = of_size(make(np.arange(100) * 10), SIZES["davis346"])
    values = np.array([[1.5, -2.0, 9.8], [0.0, 0.25, -9.8]], np.float32)
    frame = Frame(np.random.default_rng(1).integers(0, 256, (260, 346), np.uint8), 512)
    imu = Imu(501, np.array([500, 501]), values, values / 10)
    with create(tmp_path / "a.aedat", width=346, height=260, format="aedat2") as writer:
        writer.write(events[:50])
        writer.add("imu", imu)
        writer.add("triggers", Triggers(510, np.array([510]), np.zeros(1, np.uint8), np.ones(1, np.uint8)))
        writer.add("frames", frame)
        writer.add("poses", None)
        writer.write(events[50:])
    assert writer.left_behind == {"poses"}
    with io.open(tmp_path / "a.aedat") as recording:
        np.testing.assert_array_equal(next(iter(recording)).records.view("V16"), events.records.view("V16"))
        (back,) = recording.messages("imu")
        assert back.time.tolist() == [500, 501]
        np.testing.assert_allclose(back.accel, imu.accel, atol=0.001)
        np.testing.assert_allclose(back.gyro, imu.gyro, atol=0.0003)
        assert next(iter(recording.messages("triggers"))).time.tolist() == [510]
        (image,) = recording.messages("frames")
        assert image.t == 512
        np.testing.assert_array_equal(image.image, frame.image)


def test_a_frame_the_chip_cannot_have_made_is_refused(tmp_path):
    with (
        pytest.raises(RecordingError, match="gray frames of 346x260 pixels, not 40x30"),
        create(tmp_path / "a.aedat", width=346, height=260, format="aedat2") as writer,
    ):
        writer.add("frames", Frame(np.zeros((30, 40), np.uint8), 1))


@pytest.mark.parametrize("size", [(1280, 720), (320, 240), (345, 260), (40, 30)])
def test_a_sensor_no_chip_has_is_refused_by_name(size, tmp_path):
    events = make([1], width=size[0], height=size[1])
    with pytest.raises(ParameterError, match=f"none has {size[0]}x{size[1]} pixels .*davis346 346x260.*--to aedat3"):
        io.write(events, tmp_path / "a.aedat", format="aedat2")
    assert list(tmp_path.iterdir()) == []


def test_a_larger_chip_is_written_only_where_it_is_named():
    events = make([1, 2], x=[3, 4], width=320, height=240)
    found, decoder = decoded("aedat2", encoded("aedat2", [events], chip="davis346"))
    assert (decoder.info.width, decoder.info.height, found["x"].tolist()) == (346, 260, [3, 4])
    with pytest.raises(ParameterError, match="chip='davis240' has 240x180 pixels, and the sensor 320x240"):
        encoded("aedat2", [events], chip="davis240")
