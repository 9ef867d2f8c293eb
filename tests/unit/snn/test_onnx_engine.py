"""The ONNX engine gives what the dense simulation gives, and takes and gives state under the model's names."""

import numpy as np
import pytest
from dense_reference import Dense
from random_networks import random_chain, random_inputs

from eventflow.errors import ParameterError
from eventflow.snn.engines.sparse import SparseEngine

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


@pytest.mark.parametrize("seed", range(25))
def test_random_chains_equal_the_dense_simulation(seed):
    from eventflow.snn.engines.onnx import OnnxEngine

    rng = np.random.default_rng(1000 + seed)
    model = random_chain(rng)
    engine, dense = OnnxEngine(model), Dense(model, np.float32)
    state = engine.start()
    differing = total = 0
    for x in random_inputs(rng, model.input_shape, 20):
        out, state = engine.step(x, state)
        expected = dense.step(x)
        differing += int((np.abs(out - expected) > 1e-4).sum())
        total += out.size
    assert differing <= total * 0.02
    assert {name: value.shape[1:] for name, value in state.items()} == model.state_shapes()


def test_state_moves_between_engines():
    from eventflow.snn.engines.onnx import OnnxEngine

    rng = np.random.default_rng(3)
    model = random_chain(rng, kind="lif")
    inputs = random_inputs(rng, model.input_shape, 30, density=0.3).astype(np.float32)
    sparse, dense = SparseEngine(model), OnnxEngine(model)
    whole, _ = sparse.run(inputs, sparse.start())
    _, state = dense.run(inputs[:15], dense.start())
    rest, state = sparse.run(inputs[15:25], state)
    last, _ = dense.run(inputs[25:], {name: state[name] for name in model.state_shapes()})
    assert np.allclose(np.concatenate([rest, last]), whole[15:], atol=1e-4)
    assert whole.any()


def test_a_wrong_input_or_state_is_named():
    from eventflow.snn.engines.onnx import OnnxEngine

    model = random_chain(np.random.default_rng(3), kind="lif")
    engine = OnnxEngine(model)
    with pytest.raises(ParameterError, match="expected"):
        engine.step(np.zeros((1, 1, 1), np.float32), engine.start())
    x = np.zeros(model.input_shape, np.float32)
    state = engine.start()
    name = next(name for name in state if name.endswith(".v"))
    with pytest.raises(ParameterError, match=name):
        engine.step(x, state | {name: np.zeros((1, 99), np.float32)})
    with pytest.raises(ParameterError, match="NaN"):
        engine.step(x * np.nan, state)
