"""An engine is the one named; `auto` goes by the activity expected, never by the clock."""

import numpy as np
import pytest

from eventflow.errors import ParameterError
from eventflow.snn.engines.choosing import engine_of, faster_engine
from eventflow.snn.layers import Linear
from eventflow.snn.model import Model
from eventflow.snn.neuron import Neuron


def network():
    cells = Neuron(decay=np.ones(()), gain=np.ones(()), offset=np.zeros(()), threshold=np.ones(()))
    return Model.chain((4,), {"linear": Linear(weight=np.eye(4)), "cells": cells})


def kind(*args, **options):
    return type(engine_of(network(), *args, **options)).__name__


def test_auto_is_sparse_until_much_of_the_network_is_reached():
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    assert kind() == kind("sparse") == kind("auto", activity=0.02) == "SparseEngine"
    assert kind("onnx") == kind("auto", activity=0.5) == "OnnxEngine"
    assert faster_engine(network(), np.zeros((3, 4), np.float32)) in ("sparse", "onnx")


def test_an_engine_that_is_none_is_refused():
    with pytest.raises(ParameterError, match="engine is 'fast', expected one of auto, sparse, onnx, torch"):
        kind("fast")


def test_all_engines_answer_alike():
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    pytest.importorskip("torch")
    frames = np.random.default_rng(1).integers(0, 2, (20, 4)).astype(np.float32)
    answers = []
    for name in ("sparse", "onnx", "torch"):
        engine = engine_of(network(), name)
        answers.append(engine.run(frames, engine.start())[0])
    assert np.array_equal(answers[0], answers[1])
    assert np.array_equal(answers[0], answers[2])
