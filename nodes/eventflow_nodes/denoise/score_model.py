"""Any network as a denoiser: it sees the neighbourhood of each event and says how much it looks like signal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from eventflow.errors import ParameterError, missing_extra
from eventflow.events import Events
from eventflow.graph.node import Node
from eventflow.graph.parameters import Live, Range
from eventflow.kernels import denoise
from eventflow.kernels.patches import patches
from eventflow.messages import StreamInfo
from eventflow.units import Duration, ms

Scorer = Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]


class ScoreModel(Node):
    """Drop events that a torch or ONNX model scores below a threshold.

    The model gets float32 of shape (batch, 2, side, side) with side = 2 radius + 1: ages (1 now, 0 at `window`) and
    signed polarities of the last events near each event; or (batch, 2 side²), if `flat`. It gives one number an event.
    Every call has the same batch size, the last one filled up with zeros, so that results do not depend on packets.
    In unordered streams an age is the distance in time, to an earlier event or a later one.

    Args:
        model: an .onnx file (extra `onnx`), a .pt2 file of torch.export, or a TorchScript file (extra `snn`).
        radius: of the neighbourhood, px.
        window: age that counts as 0.
        threshold: score from which an event is kept.
        batch: events a call.
        flat: give the model rows instead of pictures.
        mark: keep all events and fill their scores.
    """

    heavy = True

    model: Path
    radius: Annotated[int, Range(1, 15)] = 3
    window: Annotated[Duration, Range(1, 1 << 27)] = ms(100)
    threshold: Annotated[float, Live()] = 0.5
    batch: Annotated[int, Range(1, 65536)] = 256
    flat: bool = False
    mark: bool = False

    def start(self, events: StreamInfo) -> None:
        """Load the model and forget all events."""
        self._last = denoise.surface(events.width, events.height, radius=self.radius)
        self._scorer = _loaded(self.model)

    def events(self, events: Events) -> Events:
        """Filter a packet."""
        scores = self._scores(patches(events, self._last, self.radius, self.window))
        if self.mark:
            return events.with_columns(scores=scores)
        return events[scores >= self.threshold]

    def _scores(self, inputs: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        found = np.empty(len(inputs), np.float32)
        for begin in range(0, len(inputs), self.batch):
            part = inputs[begin : begin + self.batch]
            filled = np.zeros((self.batch, *part.shape[1:]), np.float32)
            filled[: len(part)] = part
            scores = np.asarray(self._scorer(filled.reshape(self.batch, -1) if self.flat else filled), np.float32)
            if scores.size != self.batch:
                raise ParameterError(
                    f"{self.model}: gives shape {scores.shape} for {self.batch} events, expected one each"
                )
            found[begin : begin + len(part)] = scores.reshape(-1)[: len(part)]
        return found


def _loaded(path: Path) -> Scorer:
    if not path.is_file():
        raise ParameterError(f"{path}: no such file; give an .onnx, .pt2 or TorchScript model")
    return _onnx(path) if path.suffix == ".onnx" else _torch(path)


def _onnx(path: Path) -> Scorer:
    try:
        import onnxruntime
    except ImportError:
        raise missing_extra("onnxruntime", "onnx", "ONNX models") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # sums in one order, whatever the machine
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors share no base class
        raise ParameterError(f"{path} is no model that onnxruntime can run: {error}") from None
    name = session.get_inputs()[0].name
    return lambda inputs: np.asarray(session.run(None, {name: inputs})[0])


def _torch(path: Path) -> Scorer:
    try:
        import torch
    except ImportError:
        raise missing_extra("torch", "snn", "torch models") from None
    try:
        module = torch.export.load(path).module() if path.suffix == ".pt2" else torch.jit.load(path).eval()
    except (RuntimeError, ValueError, OSError) as error:
        raise ParameterError(f"{path} is no model that torch can run: {error}") from None

    def score(inputs: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        with torch.inference_mode():
            return np.asarray(module(torch.from_numpy(inputs)).numpy())

    return score
