"""Networks as files: safetensors (a JSON header, then plain arrays), with a checksum that covers both."""

from __future__ import annotations

import json
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eventflow.errors import ParameterError
from eventflow.snn import dynamics, layers, neuron

if TYPE_CHECKING:
    from eventflow.snn.model import Layer, Model

_FORMAT = "eventflow-snn-1"
_KINDS: dict[str, Any] = {
    kind.__name__: kind
    for module in (dynamics, layers, neuron)
    for kind in vars(module).values()
    if hasattr(kind, "__dataclass_fields__") and kind not in (dynamics.Choice, dynamics.Continuous)
}
_ENUMS = {"reset": neuron.Reset, "fires": neuron.Fires}
_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U8": "u1"}
_NAMES = {np.dtype(code): name for name, code in _DTYPES.items()}
_HEADER_LIMIT = 100_000_000


def save_model(model: Model, path: str | Path) -> None:
    """Write `model` to `path`."""
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    structure = {
        "input_shape": list(model.input_shape),
        "output": model.output,
        "step_us": model.step_us,
        "edges": [list(edge) for edge in model.edges],
        "feedback": sorted(list(edge) for edge in model.feedback or ()),
        "layers": {name: _plain(name, layer, arrays) for name, layer in model.layers.items()},
    }
    Path(path).write_bytes(_packed(json.dumps(structure), arrays))


def load_model(path: str | Path) -> Model:
    """Read the network that `save_model` wrote to `path`."""
    from eventflow.snn.model import Model

    structure, arrays = _unpacked(Path(path))
    return Model(
        input_shape=tuple(structure["input_shape"]),
        layers={name: _layer(name, plain, arrays) for name, plain in structure["layers"].items()},
        edges=tuple((a, b) for a, b in structure["edges"]),
        output=structure["output"],
        step_us=structure["step_us"],
        feedback=frozenset((a, b) for a, b in structure["feedback"]),
    )


def _plain(name: str, layer: Layer, arrays: dict[str, np.ndarray[Any, Any]]) -> dict[str, Any]:
    """Return the layer's plain values; its arrays go to `arrays` as NAME.FIELD, with None in their place left out."""
    plain: dict[str, Any] = {"kind": type(layer).__name__}
    for field, value in vars(layer).items():
        if isinstance(value, np.ndarray):
            arrays[f"{name}.{field}"] = value
        elif value is not None:
            plain[field] = value.value if field in _ENUMS else value
    return plain


def _layer(name: str, plain: dict[str, Any], arrays: dict[str, np.ndarray[Any, Any]]) -> Layer:
    kind = _KINDS[plain["kind"]]
    values: dict[str, Any] = {}
    for field in kind.__dataclass_fields__:
        if f"{name}.{field}" in arrays:
            values[field] = arrays[f"{name}.{field}"]
        elif field in plain:
            values[field] = _ENUMS[field](plain[field]) if field in _ENUMS else _tuples(plain[field])
        elif field in _ABSENT:
            values[field] = None
    layer: Layer = kind(**values)
    return layer


_ABSENT = {"bias", "threshold"}


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def _packed(structure: str, arrays: dict[str, np.ndarray[Any, Any]]) -> bytes:
    header: dict[str, Any] = {}
    data = bytearray()
    for name, value in arrays.items():
        array = np.ascontiguousarray(value).reshape(value.shape)
        kind = _NAMES[array.dtype.newbyteorder("<")]
        begin = len(data)
        data += array.astype(_DTYPES[kind], copy=False).tobytes()
        header[name] = {"dtype": kind, "shape": list(value.shape), "data_offsets": [begin, len(data)]}
    checksum = _checksum(structure, header, data)
    header["__metadata__"] = {"format": _FORMAT, "model": structure, "blake2b": checksum}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)  # the specification has the data begin at a multiple of eight
    return len(text).to_bytes(8, "little") + text + bytes(data)


def _checksum(structure: str, tensors: dict[str, Any], data: bytes | bytearray) -> str:
    hasher = blake2b(json.dumps([_FORMAT, structure, tensors], sort_keys=True).encode(), digest_size=32)
    hasher.update(data)
    return hasher.hexdigest()


def _unpacked(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray[Any, Any]]]:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ParameterError(f"{path}: the network cannot be read: {error.strerror}") from None
    try:
        size = int.from_bytes(raw[:8], "little")
        if len(raw) < 8 or not 2 <= size <= min(_HEADER_LIMIT, len(raw) - 8):
            raise ValueError
        header = json.loads(raw[8 : 8 + size])
        meta = header.pop("__metadata__")
        known = meta["format"] == _FORMAT
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ParameterError(f"{path}: not a network saved by eventflow (or cut off); expected safetensors") from None
    if not known:
        raise ParameterError(f"{path}: holds the format {meta['format']!r}, expected {_FORMAT!r}")
    data = raw[8 + size :]
    if _checksum(meta.get("model", ""), header, data) != meta.get("blake2b"):
        raise ParameterError(f"{path}: the checksum does not match: the file was changed or damaged; get it again")
    return json.loads(meta["model"]), {name: _array(entry, data) for name, entry in header.items()}


def _array(entry: dict[str, Any], data: bytes) -> np.ndarray[Any, Any]:
    begin, end = entry["data_offsets"]
    return np.frombuffer(data[begin:end], _DTYPES[entry["dtype"]]).reshape(entry["shape"]).copy()
