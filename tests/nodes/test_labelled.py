"""Labelled samples in one stream, and how often answers to them are right."""

from __future__ import annotations

import numpy as np
import pytest

from eventflow.errors import EventflowError
from eventflow.graph.drive import drive
from eventflow.messages import Label
from eventflow.synth.digits import written_digit
from eventflow_nodes.snn.label_accuracy import LabelAccuracy
from eventflow_nodes.sources.labelled import Labelled


@pytest.fixture
def archive(tmp_path):
    """Three samples of 2, 0 and 3 events, one of them without a label."""
    path = tmp_path / "set.npz"
    np.savez(
        path,
        t=np.array([500, 900, 7, 5, 40_000], np.uint32),
        x=np.array([1, 2, 3, 4, 5], np.uint8),
        y=np.array([0, 1, 0, 1, 0], np.uint8),
        p=np.array([0, 1, 1, 0, 1], np.uint8),
        offsets=np.array([0, 2, 2, 5]),
        label=np.array([4, -1, 2], np.int64),
    )
    return path


def streamed(**parameters):
    source = Labelled(**parameters)
    source.start()
    steps = list(source.run())
    events = [step.events for step in steps if step.events is not None]
    return source, events, [(step.truth.t, step.truth.label) for step in steps if step.truth is not None]


def test_samples_keep_their_times_from_where_they_begin(archive):
    source, events, truth = streamed(path=str(archive), gap="20ms", align="1ms")
    assert truth == [(0, 4), (21_000, 2)]
    assert [each.t.tolist() for each in events] == [[500, 900], [21_005, 21_007, 61_000]]
    assert events[1].x.tolist() == [4, 3, 5]
    assert dict(source.skipped) == {"samples without a label": 1}


def test_first_and_count_choose_samples(archive):
    assert streamed(path=str(archive), first=2)[2] == [(0, 2)]
    assert streamed(path=str(archive), first=0, count=1)[2] == [(0, 4)]
    with pytest.raises(EventflowError, match="has 3 samples"):
        streamed(path=str(archive), first=3)


def test_simulated_digits_take_turns_in_hands_of_their_own():
    _, events, truth = streamed(first=3, count=2)
    assert [label for _, label in truth] == [3, 4]
    alone, label = written_digit(3)
    assert label == 3
    np.testing.assert_array_equal(events[0].t, alone.t)
    assert len(written_digit(13)[0]) != len(alone)


@pytest.mark.samples
def test_the_shipped_recordings_stream(samples):
    _, events, truth = streamed(path=str(samples / "neuromorphic_datasets/nmnist_1000.npz"), count=5)
    assert [label for _, label in truth] == [5, 0, 4, 1, 9]
    assert sum(map(len, events)) == 19_652
    assert all(begin % 10_000 == 0 for begin, _ in truth)


def test_accuracy_counts_the_last_answer_of_each_sample():
    node = LabelAccuracy()
    truth = [Label(t, label, 1.0) for t, label in [(0, 3), (100, 1), (200, 1)]]
    answers = [Label(t, label, 0.5) for t, label in [(20, 0), (60, 3), (150, 2)]]
    drive(node, {"truth": truth, "label": answers})
    assert node.results["n"] == 3
    assert node.results["right"] == 1
    assert node.results["unanswered"] == 1
    assert node.results["median_after_us"] == 55.0
    assert node.results["confusion"][3][3] == 1
    assert node.results["confusion"][1][2] == 1


def test_an_answer_before_the_first_truth_is_counted_apart():
    node = LabelAccuracy()
    drive(node, {"truth": [Label(100, 1, 1.0)], "label": [Label(50, 1, 1.0)]})
    assert dict(node.skipped) == {"labels before the first truth": 1}
    assert node.results["unanswered"] == 1
