"""A video as a scene."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

import eventflow as ef
from eventflow.errors import RecordingError
from eventflow.synth.video import Video

FPS, COUNT = 25, 11


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A square that moves 2 px a frame before grey, without loss."""
    path = tmp_path_factory.mktemp("video") / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"FFV1"), FPS, (48, 32))
    assert writer.isOpened()
    for k in range(COUNT):
        frame = np.full((32, 48, 3), 100, np.uint8)
        frame[10:20, 5 + 2 * k : 15 + 2 * k] = 220
        writer.write(frame)
    writer.release()
    return path


def test_geometry_and_duration_come_from_the_file(clip):
    simulation = ef.synth.Simulation(str(clip))
    assert (simulation.info.width, simulation.info.height) == (48, 32)
    assert simulation.duration == (COUNT - 1) * 1_000_000 // FPS


def test_frames_are_interpolated_linearly(clip):
    scene = Video(path=str(clip))
    column = []
    for share in (0.0, 0.25, 0.5, 1.0):
        scene.draw(round((3 + share) * 1e6 / FPS))
        column.append(scene.image[15, 5 + 2 * 3 + 10])
    grey, bright = 100 / 255, 220 / 255
    np.testing.assert_allclose(column, [grey, 0.75 * grey + 0.25 * bright, 0.5 * (grey + bright), bright], atol=0.02)


def test_the_last_frame_stays(clip):
    scene = Video(path=str(clip))
    scene.draw(round((COUNT - 1) * 1e6 / FPS))
    last = scene.image.copy()
    scene.draw(10_000_000)
    np.testing.assert_allclose(scene.image, last, atol=1e-6)


def test_signal_lies_on_the_square_only(clip):
    events = ef.synth.render(str(clip), noise=0.0, leak=0.0)
    assert len(events) > 100
    assert events.y.min() >= 9
    assert events.y.max() <= 20
    # what gets brighter lies before what gets darker
    assert events.x[events.p == 1].mean() > events.x[events.p == 0].mean() + 5


def test_a_video_is_resized_and_timed_as_asked(clip):
    simulation = ef.synth.Simulation(str(clip), width=24, height=16, fps=50.0)
    assert (simulation.info.width, simulation.info.height) == (24, 16)
    assert simulation.duration == (COUNT - 1) * 20_000


def test_a_video_is_reproducible(clip):
    first, again = (ef.synth.render(str(clip), seed=4) for _ in range(2))
    assert first.records.tobytes() == again.records.tobytes()


@pytest.mark.parametrize("content", [None, b"", b"no video at all" * 100])
def test_what_is_no_video_is_refused(tmp_path, content, capfd):
    path = tmp_path / "clip.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RecordingError, match=r"clip\.mp4"):
        ef.synth.render(str(path))


@pytest.fixture(scope="module")
def images(clip, tmp_path_factory):
    """The clip's frames as images whose numbers have no leading zeros, beside what is no image."""
    folder = tmp_path_factory.mktemp("images")
    capture = cv2.VideoCapture(str(clip))
    for k in range(COUNT):
        cv2.imwrite(str(folder / f"place_{k + 5}.png"), capture.read()[1])
    (folder / "times.txt").write_text("no image")
    return folder


def test_a_folder_of_images_is_the_video_they_make(clip, images):
    events = ef.synth.render(str(images), fps=float(FPS))
    assert np.array_equal(events.records, ef.synth.render(str(clip)).records)


def test_a_folder_of_images_has_to_be_told_its_rate(images):
    with pytest.raises(RecordingError, match="has no rate; say how many frames a second"):
        ef.synth.Simulation(str(images))


def test_a_folder_without_images_and_an_image_that_is_none_are_refused(tmp_path, images):
    with pytest.raises(RecordingError, match="no image lies in this folder"):
        ef.synth.Simulation(f"{tmp_path}/", fps=5.0)
    (tmp_path / "a_1.png").write_bytes((images / "place_5.png").read_bytes())
    (tmp_path / "a_2.png").write_bytes(b"\x89PNG nothing")
    with pytest.raises(RecordingError, match=r"a_2\.png: OpenCV cannot decode"):
        ef.synth.render(f"{tmp_path}/", fps=5.0)
