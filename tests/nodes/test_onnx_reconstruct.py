"""A user's network keeps its state from grid to grid, sees padded, normalised grids, and gives images."""

from __future__ import annotations

import numpy as np
import pytest

from eventflow.errors import ParameterError
from eventflow.messages import Grid, StreamInfo
from eventflow.testing import NodeConformance
from eventflow_nodes.images.onnx_reconstruct import OnnxReconstruct

pytest.importorskip("onnxruntime")
onnx = pytest.importorskip("onnx")

WIDTH, HEIGHT = 12, 9


def network(path, *, outputs=2):
    """The image is the grid's sum over channels plus half the state, which becomes the image."""
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    nodes = [
        helper.make_node("ReduceSum", ["grid", "axis"], ["sum"], keepdims=1),
        helper.make_node("Mul", ["state", "half"], ["faded"]),
        helper.make_node("Add", ["sum", "faded"], ["image"]),
        helper.make_node("Identity", ["image"], ["next"]),
    ]
    size = [1, 1, 16, 16]
    given = [
        helper.make_tensor_value_info("grid", kind, [1, None, 16, 16]),
        helper.make_tensor_value_info("state", kind, size),
    ]
    made = [helper.make_tensor_value_info(name, kind, size) for name in ("image", "next")[:outputs]]
    constants = [
        helper.make_tensor("axis", onnx.TensorProto.INT64, [1], [1]),
        helper.make_tensor("half", kind, [], [0.5]),
    ]
    graph = helper.make_graph(nodes, "reconstruct", given, made, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)
    return path


@pytest.fixture(scope="module", autouse=True)
def model(tmp_path_factory):
    path = network(tmp_path_factory.mktemp("model") / "sum.onnx")
    TestConformance.parameters = {"model": str(path), "normalize": "none"}
    return path


class TestConformance(NodeConformance):
    node = OnnxReconstruct
    geometry = (WIDTH, HEIGHT)
    parameters = {"model": "set by the fixture"}  # noqa: RUF012


def made(model, **parameters):
    node = OnnxReconstruct(model=str(model), **parameters)
    node.start(grid=StreamInfo(WIDTH, HEIGHT))
    return node


def test_state_goes_from_grid_to_grid(model):
    node = made(model, normalize="none")
    data = np.zeros((2, HEIGHT, WIDTH), np.float32)
    data[:, 3, 4] = 0.2
    levels = [int(node.grid(Grid(data, t, t + 1)).image[3, 4]) for t in range(3)]
    assert levels == pytest.approx([102, 153, 178], abs=1)  # 0.4, 0.4 + 0.2, 0.4 + 0.3


def test_values_that_are_not_zero_are_normalised(model):
    data = np.zeros((1, HEIGHT, WIDTH), np.float32)
    data[0, 0, :2] = 3, 5
    image = made(model).grid(Grid(data, 0, 1)).image
    assert image[0, :3].tolist() == [0, 255, 0]
    assert not made(model).grid(Grid(data * 0, 0, 1)).image.any()


def test_a_network_of_another_form_is_refused(tmp_path):
    with pytest.raises(ParameterError, match="2 inputs and 1 outputs"):
        made(network(tmp_path / "short.onnx", outputs=1))
    with pytest.raises(ParameterError, match="no such file"):
        made(tmp_path / "none.onnx")
