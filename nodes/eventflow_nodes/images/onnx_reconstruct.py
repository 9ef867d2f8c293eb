"""Images from grids by a network of the user's own: E2VID, FireNet and their kind, as ONNX files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np

from eventflow.errors import ParameterError, missing_extra
from eventflow.graph.node import Node
from eventflow.graph.parameters import Range
from eventflow.messages import Frame, Grid, StreamInfo


class OnnxReconstruct(Node):
    """Run a network on every grid: its first output is the image, 0 to 1, its further outputs the state.

    The network's first input takes the grid as (1, channels, height, width), padded with zeros below and to the right;
    its further inputs take the state, zeros at first, in the order of the further outputs. One thread, CPU: the same
    bytes wherever the node is placed. Needs the extra `onnx`.

    Args:
        model: the network, an ONNX file.
        normalize: subtract the mean of the grid's values that are not 0 and divide by their deviation, as E2VID does.
        multiple: sides are padded to multiples of this, px.
    """

    heavy: ClassVar[bool] = True
    model: Path
    normalize: Literal["nonzero", "none"] = "nonzero"
    multiple: Annotated[int, Range(1, 512)] = 8

    def start(self, grid: StreamInfo) -> None:
        """Load the network and begin with a state of zeros."""
        try:
            import onnxruntime
        except ImportError:
            raise missing_extra("onnxruntime", "onnx", "onnx_reconstruct") from None
        if not self.model.is_file():
            raise ParameterError(f"model: {self.model}: no such file")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.use_deterministic_compute = True
        self._session: Any = onnxruntime.InferenceSession(str(self.model), options, ["CPUExecutionProvider"])
        self._inputs = [each.name for each in self._session.get_inputs()]
        self._memory: list[np.ndarray] = [self._zeros(each) for each in self._session.get_inputs()[1:]]
        outputs = len(self._session.get_outputs())
        if outputs != len(self._inputs):
            raise ParameterError(
                f"{self.model} has {len(self._inputs)} inputs and {outputs} outputs; expected a grid in and an image "
                "out, and for each further input, which takes a state, an output that gives it"
            )

    def grid(self, grid: Grid) -> Frame:
        """Return the image of one grid."""
        height, width = grid.data.shape[1:]
        given = [self._padded(self._normalized(grid.data)), *self._memory]
        image, *self._memory = self._session.run(None, dict(zip(self._inputs, given, strict=True)))
        plane = np.asarray(image, np.float32).reshape(image.shape[-2:])[:height, :width]
        plane = np.nan_to_num(plane, nan=0.0, posinf=1.0, neginf=0.0)
        return Frame(np.rint(np.clip(plane, 0, 1) * 255).astype(np.uint8), grid.t1)

    def _zeros(self, given: Any) -> np.ndarray:
        if not all(isinstance(size, int) for size in given.shape):
            raise ParameterError(
                f"{self.model}: the state {given.name!r} has the open shape {given.shape}; "
                "export the network for one size"
            )
        return np.zeros(given.shape, np.float32)

    def _normalized(self, data: np.ndarray) -> np.ndarray:
        values = data.astype(np.float32)
        touched = values != 0
        if self.normalize == "none" or not touched.any():
            return values
        mean, deviation = values[touched].mean(), values[touched].std()
        values[touched] = (values[touched] - mean) / (deviation if deviation > 0 else 1)
        return values

    def _padded(self, data: np.ndarray) -> np.ndarray:
        below, right = (-side % self.multiple for side in data.shape[1:])
        return np.pad(data, ((0, 0), (0, below), (0, right)))[None]
