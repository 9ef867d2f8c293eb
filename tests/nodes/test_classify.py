"""Labels in the stream: the kit's promises, equal to the whole run's sums, early exit, bad input."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st

from eventflow.errors import EventflowError
from eventflow.events import Events
from eventflow.graph.drive import drive
from eventflow.messages import Slice
from eventflow.snn import Conv2d, Flatten, Linear, Model
from eventflow.snn.engines.sparse import SparseEngine
from eventflow.snn.exit_rules import ConfidenceExit, GapCutoff, confidences, exits, write_rule
from eventflow.snn.neuron import Neuron
from eventflow.testing import NodeConformance, messages
from eventflow_nodes.snn.classify import Classify

ZERO = np.zeros(())


def network(seed=0):
    rng = np.random.default_rng(seed)
    neuron = Neuron(decay=np.array(0.75), gain=np.ones(()), offset=ZERO, threshold=np.array(0.5))
    layers = {
        "conv": Conv2d(weight=rng.integers(-2, 5, (3, 2, 3, 3)) / 4, stride=(2, 2)),
        "lif": neuron,
        "flat": Flatten(),
        "full": Linear(weight=rng.integers(-4, 5, (4, 60)) / 4),
        "out": neuron,
    }
    return Model.chain((2, 9, 12), layers, step_us=1000)


_FOLDER = tempfile.TemporaryDirectory()
FILE = Path(_FOLDER.name) / "small.safetensors"
network().save(FILE)
STREAMS = st.fixed_dictionaries({"stream": st.one_of(messages(Events), messages(Slice))})


def _conformance(**parameters):
    declared = {"node": Classify, "inputs": STREAMS, "parameters": {"model": str(FILE), **parameters}}
    return type("Kit", (NodeConformance,), declared)


TestEarly = _conformance(gap="5ms", confidence=0.6)
TestNever = _conformance(forgets="never", max_gap="20ms", confidence=0.9, every="2ms")
TestSlices = _conformance(forgets="slice", names=["a", "b"])


def bursts(count, seed=4):
    """Stretches of 20 ms with 80 ms between them."""
    rng = np.random.default_rng(seed)
    t = np.concatenate([np.sort(rng.integers(0, 20_000, 300)) + 100_000 * k for k in range(count)])
    places = [rng.integers(0, 12, len(t)), rng.integers(0, 9, len(t)), rng.integers(0, 2, len(t))]
    return Events.from_numpy(np.stack([t, *places], axis=1), columns="txyp", width=12, height=9)


def outputs(events, count, steps):
    """What the network puts out in `steps` steps of each burst, from its first event on."""
    engine = SparseEngine(Model.load(FILE))
    found = []
    for k in range(count):
        part = events.between(100_000 * k, 100_000 * (k + 1))
        frames = np.zeros((100, 2, 9, 12), np.float32)
        np.add.at(frames, (part.t // 1000 - 100 * k, part.p.astype(int), part.y, part.x), 1)
        first = int(part.t[0]) // 1000 - 100 * k
        found.append(engine.run(frames[first : first + steps], engine.start())[0])
    return np.stack(found)


def test_a_stretch_is_decided_when_its_gap_is_over():
    events = bursts(5)
    node = Classify(model=str(FILE), gap="30ms")
    labels = drive(node, {"stream": [events]})["label"]
    sums = [each.sum(axis=0) for each in outputs(events, 5, 20)]
    rest = [outputs(events, 5, 50)[k].sum(axis=0) for k in range(5)]
    assert [label.label for label in labels] == [int(each.argmax()) for each in rest]
    np.testing.assert_array_equal([label.scores for label in labels[:-1]], rest[:-1])
    assert all(100_000 * k + 20_000 < label.t <= 100_000 * k + 51_000 for k, label in enumerate(labels[:-1]))
    assert labels[0].confidence == pytest.approx(float(confidences(rest[0])))
    assert node.results["decisions"] == 5
    assert node.results["early"] == node.results["steps_saved"] == 0
    assert len(sums) == 5


@pytest.mark.parametrize("rule", [ConfidenceExit(0.35, 2.0), GapCutoff((2.0, 1.5, 0.5))])
def test_an_early_decision_is_that_of_the_rule_on_the_whole_run(rule, tmp_path):
    events = bursts(6)
    write_rule(rule, tmp_path / "rule.json", step_us=1000)
    node = Classify(model=str(FILE), gap="30ms", exit=str(tmp_path / "rule.json"))
    labels = drive(node, {"stream": [events]}, cuts=[17])["label"]
    expected = exits(rule, outputs(events, 6, 50))
    assert [label.label for label in labels] == expected.labels.tolist()
    first = [int(events.between(100_000 * k, 100_000 * (k + 1)).t[0]) // 1000 for k in range(6)]
    early = expected.steps < 50
    assert early.any()
    ends = [(a + b) * 1000 for a, b in zip(first, expected.steps, strict=True)]
    assert [label.t for label, is_early in zip(labels, early, strict=True) if is_early] == [
        end for end, is_early in zip(ends, early, strict=True) if is_early
    ]
    assert node.results["early"] == early.sum()
    assert node.results["steps_saved"] > 0


def test_a_saved_step_is_not_computed():
    events = bursts(6)
    early, whole = (Classify(model=str(FILE), gap="30ms", confidence=c) for c in (0.5, None))
    for node in (early, whole):
        drive(node, {"stream": [events]})
    assert early.results["steps"] + early.results["steps_saved"] == whole.results["steps"]
    assert early.results["synops"] < whole.results["synops"]
    assert early._streamed.steps == early.results["steps"]


def test_slices_are_decided_at_their_end():
    events = bursts(3)
    slices = [Slice(events.between(t, t + 20_000), t, t + 20_000, t // 20_000) for t in range(0, 300_000, 100_000)]
    labels = drive(Classify(model=str(FILE), forgets="slice", names=["a", "b", "c", "d"]), {"stream": slices})["label"]
    assert [label.t for label in labels] == [20_000, 120_000, 220_000]
    assert all(label.name == "abcd"[label.label] for label in labels)


def test_the_leading_class_is_said_while_it_runs():
    labels = drive(Classify(model=str(FILE), gap="30ms", every="5ms"), {"stream": [bursts(1)]})["label"]
    assert [label.t for label in labels[:4]] == [5000, 10_000, 15_000, 20_000]


def test_bad_rules_and_networks_are_refused(tmp_path):
    write_rule(ConfidenceExit(0.8), tmp_path / "rule.json", step_us=1000, model="0123456789abcdef")
    cases = [
        ({"exit": str(tmp_path / "rule.json")}, "calibrated for network 0123456789ab"),
        ({"exit": str(tmp_path / "absent.json")}, "absent.json: cannot be read"),
    ]
    for given, message in cases:
        with pytest.raises(EventflowError, match=message):
            drive(Classify(model=str(FILE), **given), {"stream": []})
    planes = Model.chain((2, 9, 12), {"conv": Conv2d(weight=np.ones((1, 2, 3, 3)))}, step_us=1000)
    planes.save(tmp_path / "planes.safetensors")
    with pytest.raises(EventflowError, match=r"a classifier needs one value a class"):
        drive(Classify(model=str(tmp_path / "planes.safetensors")), {"stream": []})
