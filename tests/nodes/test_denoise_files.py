"""Denoisers that read a file: a mask, the weights of a network, a model."""

from __future__ import annotations

import cv2
import h5py
import numpy as np
import pytest

from eventflow.errors import EventflowError, ParameterError
from eventflow.events import EVENT_DTYPE, Events
from eventflow.graph.drive import drive
from eventflow.kernels import denoise, mlp
from eventflow.kernels.patches import patches
from eventflow.messages import StreamInfo
from eventflow_nodes.denoise.mask import Mask
from eventflow_nodes.denoise.mlpf import MlpFilter
from eventflow_nodes.denoise.score_model import ScoreModel

INFO = {"events": StreamInfo(12, 9)}


def stream(count: int = 700) -> Events:
    rng = np.random.default_rng(0)
    records = np.zeros(count, EVENT_DTYPE)
    records["t"] = np.arange(count) * 900
    records["x"], records["y"], records["p"] = (rng.integers(0, n, count) for n in (12, 9, 2))
    return Events(records, 12, 9)


def through(node, events, size=None) -> Events:
    packets = [events] if size is None else [events[i : i + size] for i in range(0, len(events), size)]
    return Events.concat(drive(node, {"events": packets}, infos=INFO)["events"])


def test_a_mask_from_a_picture_or_an_array(tmp_path):
    picture = np.zeros((9, 12), np.uint8)
    picture[2:5, 3:7] = 255
    cv2.imwrite(str(tmp_path / "mask.png"), picture)
    np.save(tmp_path / "mask.npy", picture > 0)
    events = stream()
    inside = picture[events.y, events.x] > 0
    for name in ("mask.png", "mask.npy"):
        assert through(Mask(path=tmp_path / name), events).records.tolist() == events[inside].records.tolist()
        rest = through(Mask(path=tmp_path / name, invert=True), events)
        assert rest.records.tolist() == events[~inside].records.tolist()
    (tmp_path / "bad.png").write_bytes(b"no picture")
    for name in ("bad.png", "absent.npy"):
        with pytest.raises(ParameterError):
            through(Mask(path=tmp_path / name), events)


@pytest.mark.samples
def test_the_network_of_jaer(samples):
    path = samples / "denoise/mlpf_98_20_1_tau100ms.h5"
    events = stream()
    marked = through(MlpFilter(weights=path, mark=True), events)
    network = mlp.read_mlp(path)
    assert network.w1.shape == (98, 20)
    cut = patches(events, denoise.surface(12, 9, radius=3), 3, 100_000)
    inputs = cut[:, :, ::-1].transpose(0, 1, 3, 2).reshape(len(events), -1)
    logits = np.maximum(inputs @ network.w1 + network.b1, 0) @ network.w2 + network.b2
    np.testing.assert_allclose(marked.scores, logits, rtol=1e-4, atol=1e-4)
    kept = through(MlpFilter(weights=path), events, 100)
    assert kept.records.tolist() == events[marked.scores > 0].records.tolist()


def test_weights_that_are_none(tmp_path):
    (tmp_path / "text.h5").write_text("no HDF5")
    with pytest.raises(EventflowError, match=r"text\.h5"):
        mlp.read_mlp(tmp_path / "text.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["model_weights/conv"] = np.zeros(3)
    with pytest.raises(EventflowError, match="fc1 and output"):
        mlp.read_mlp(tmp_path / "other.h5")


def model(flat: bool):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    layers = [torch.nn.Flatten()] if not flat else []
    return torch.nn.Sequential(*layers, torch.nn.Linear(98, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))


def check_model(path, net, flat):
    torch = pytest.importorskip("torch")
    events = stream()
    cut = patches(events, denoise.surface(12, 9, radius=3), 3, 100_000)
    with torch.inference_mode():
        expected = net(torch.from_numpy(cut.reshape(len(cut), -1) if flat else cut)).numpy()[:, 0]
    options = {"model": path, "flat": flat, "batch": 32, "threshold": float(np.median(expected))}
    marked = through(ScoreModel(**options, mark=True), events)
    np.testing.assert_allclose(marked.scores, expected, rtol=1e-4, atol=1e-5)
    for size in (1, 50):
        assert through(ScoreModel(**options, mark=True), events, size).scores.tolist() == marked.scores.tolist()
    kept = through(ScoreModel(**options), events)
    assert kept.records.tolist() == events[marked.scores >= options["threshold"]].records.tolist()


@pytest.mark.parametrize("flat", [True, False])
def test_a_torch_model(tmp_path, flat):
    torch = pytest.importorskip("torch")
    net = model(flat).eval()
    example = torch.zeros((32, 98) if flat else (32, 2, 7, 7))
    torch.export.save(torch.export.export(net, (example,)), tmp_path / "net.pt2")
    check_model(tmp_path / "net.pt2", net, flat)


def test_an_onnx_model(tmp_path):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    net = model(True).eval()
    weights = [value.detach().numpy() for value in net.parameters()]
    names = ["w1", "b1", "w2", "b2"]
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["x", "w1", "b1"], ["h"], transB=1),
            helper.make_node("Relu", ["h"], ["r"]),
            helper.make_node("Gemm", ["r", "w2", "b2"], ["y"], transB=1),
        ],
        "net",
        [helper.make_tensor_value_info("x", kind, [None, 98])],
        [helper.make_tensor_value_info("y", kind, [None, 1])],
        [onnx.numpy_helper.from_array(value, name) for name, value in zip(names, weights, strict=True)],
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), tmp_path / "net.onnx"
    )
    check_model(tmp_path / "net.onnx", net, True)


def test_models_that_are_none(tmp_path):
    with pytest.raises(ParameterError, match="no such file"):
        through(ScoreModel(model=tmp_path / "absent.onnx"), stream())
    pytest.importorskip("onnxruntime")
    (tmp_path / "bad.onnx").write_bytes(b"no model")
    with pytest.raises(ParameterError, match=r"bad\.onnx"):
        through(ScoreModel(model=tmp_path / "bad.onnx"), stream())
