"""The dense engine on ONNX Runtime: every neuron every step, state passed in and out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.errors import ParameterError, missing_extra
from eventflow.snn.engines.onnx_graph import NEXT, onnx_step
from eventflow.snn.model import INPUT

if TYPE_CHECKING:
    from eventflow.snn.engine import State
    from eventflow.snn.model import Model
    from eventflow.snn.neuron import Array


class OnnxEngine:
    """Runs the model's ONNX graph on the CPU, float32. Its time does not depend on the input.

    Args:
        model: discrete.
        threads: of ONNX Runtime within an operation; one gives the same bytes wherever it runs.
    """

    def __init__(self, model: Model, *, threads: int = 1) -> None:
        self.model = model
        self.dtype = np.dtype(np.float32)
        self._threads = threads
        self._shapes = model.state_shapes()
        self._names = [name for name, shape in self._shapes.items() if 0 not in shape]
        self._sessions: dict[int, Any] = {}
        self.session(1)

    def start(self, batch: int = 1) -> State:
        """Return the state of streams that have seen nothing."""
        state = {name: np.zeros((batch, *shape), np.float32) for name, shape in self._shapes.items()}
        for name, layer in self.model.layers.items():
            start = getattr(layer, "v_start", None)
            if start is not None:
                state[f"{name}.v"] += start.astype(np.float32)
        return state

    def step(self, x: Array, state: State) -> tuple[Array, State]:
        """Run one step: (C, H, W) or (batch, C, H, W) of spikes or counts -> output of the same kind, state."""
        given = np.asarray(x, np.float32)
        single = given.shape == self.model.input_shape
        if single:
            given = given[None]
        batch = len(given)
        if given.shape[1:] != self.model.input_shape:
            raise ParameterError(f"the input of a step has shape {x.shape}, expected {self.model.input_shape}")
        if not np.isfinite(given).all():
            raise ParameterError("the input of a step holds NaN or infinity")
        feeds = {name: state[name] for name in self._names}
        feeds[INPUT] = given
        try:
            session, outputs = self.session(batch)
            out, *following = session.run(outputs, feeds)
        except Exception as error:
            self._explain(feeds, batch, error)
        fresh = dict(zip(self._names, following, strict=True))
        fresh.update({name: state[name] for name in self._shapes if name not in fresh})
        return (out[0] if single else out), fresh

    def run(self, inputs: Array, state: State) -> tuple[Array, State]:
        """Run T steps: (T, C, H, W) or (T, batch, C, H, W) -> outputs (T, …), state."""
        outputs = []
        for x in inputs:
            out, state = self.step(x, state)
            outputs.append(out)
        shape = (0, *self.model.output_shape)
        return (np.stack(outputs) if outputs else np.zeros(shape, np.float32)), state

    def session(self, batch: int) -> tuple[Any, list[str]]:
        """Return ONNX Runtime's session for a batch, and the outputs to ask it for: the output, then every state."""
        if batch not in self._sessions:
            try:
                import onnxruntime
            except ImportError:
                raise missing_extra("onnxruntime", "onnx", "the ONNX engine") from None
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads, options.inter_op_num_threads = self._threads, 1
            options.use_deterministic_compute = True
            serialized = onnx_step(self.model, batch)
            self._sessions[batch] = onnxruntime.InferenceSession(serialized, options, ["CPUExecutionProvider"])
        return self._sessions[batch], ["output", *(name + NEXT for name in self._names)]

    def _explain(self, feeds: dict[str, Array], batch: int, error: Exception) -> None:
        """Raise ParameterError where a state does not fit, else what ONNX Runtime raised."""
        for name in self._names:
            expected = (batch, *self._shapes[name])
            if feeds[name].shape != expected or feeds[name].dtype != np.float32:
                raise ParameterError(
                    f"{name} is {feeds[name].dtype} of shape {feeds[name].shape}, expected float32 of {expected}"
                ) from error
        raise error
