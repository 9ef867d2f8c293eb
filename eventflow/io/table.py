"""The one table of recording formats.

Adding a format is one module and one row here. A module offers `open_decoder(source, **options) -> Decoder` to be read
and `open_encoder(file, *, width, height, **options) -> Encoder` to be written (see decoder.py); it is imported when a
file of its format is met.

What a file is, its first bytes say. The suffix decides only between several formats that recognise the bytes, or names
a format that has no mark of its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Final

from eventflow.errors import RecordingError, UnknownFormatError
from eventflow.io.column_names import column_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventflow.io.source import ByteSource

HEAD_BYTES: Final = 4096
"""How many first bytes of a file a `sniff` function gets (fewer where the file is shorter)."""

_PERCENT_LINES = re.compile(rb"(?:% [^\n]*\n)*")
_NUMBER = rb"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?"
_DATA_LINE = re.compile(rb"[ \t]*" + _NUMBER + rb"(?:(?:[ \t]*[,;][ \t]*|[ \t]+)" + _NUMBER + rb"){3,}[ \t]*\r?")


@dataclass(frozen=True)
class Format:
    """One row: a recording format.

    Attributes:
        name: what the user passes as `format=`.
        title: what it is, for people.
        suffixes: usual file suffixes, lower case, with the dot; the first is the one written.
        module: where its decoder and encoder live, imported on first use.
        sniff: whether the first bytes of a file are of this format.
        reads: whether the module has a decoder.
        writes: whether the module has an encoder.
        unmarked: whether files exist whose bytes say nothing, so that the suffix alone is believed.
        inside: whether the bytes say no more than "HDF5", which many formats share. The module has then a function
            `holds(file: h5py.File) -> bool` that says whether the contents are of its format; of several that say so
            the first row is taken, so the more particular ones come first.
        folder: whether a folder is one recording of this format, where some are.
        own_files: whether the encoder makes its file or folder itself: `open_encoder` gets a path where nothing is yet.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    module: str
    sniff: Callable[[bytes], bool]
    reads: bool = True
    writes: bool = True
    unmarked: bool = False
    inside: bool = False
    folder: Callable[[Path], bool] | None = None
    own_files: bool = False

    def load(self) -> Any:
        """Return the format's module."""
        return import_module(self.module)


def _percent_header(head: bytes) -> bytes:
    match = _PERCENT_LINES.match(head)
    return b"" if match is None else match.group()


def _is_evt(version: bytes, name: bytes) -> Callable[[bytes], bool]:
    line = re.compile(rb"^% (?:evt " + re.escape(version) + rb"|format " + name + rb"(?:;.*)?)\s*$", re.M)
    return lambda head: line.search(_percent_header(head)) is not None


def _is_dat(head: bytes) -> bool:
    header = _percent_header(head)
    is_raw = re.search(rb"^% (?:evt |format |end\s*$)", header, re.M) is not None
    return b"% Data file containing" in header or (b"% Version " in header and not is_raw)


def _is_aedat(version: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(b"#!AER-DAT" + version)


def _is_event_stream(head: bytes) -> bool:
    return head.startswith(b"Event Stream")


def _has_no_mark(head: bytes) -> bool:
    return False


def _is_npz(head: bytes) -> bool:
    return head.startswith((b"PK\x03\x04", b"PK\x05\x06")) and (b".npy" in head or head.startswith(b"PK\x05\x06"))


def _is_npy(head: bytes) -> bool:
    return head.startswith(b"\x93NUMPY")


def _is_hdf5(head: bytes) -> bool:
    return any(head[at:].startswith(b"\x89HDF\r\n\x1a\n") for at in (0, 512, 1024, 2048))  # after a user block


def _is_ros1_bag(head: bytes) -> bool:
    return head.startswith(b"#ROSBAG V2.0\n")


def _is_sqlite(head: bytes) -> bool:
    return head.startswith(b"SQLite format 3\x00")


def _is_ros2_bag(folder: Path) -> bool:
    from eventflow.io.ros2_log import is_bag

    return is_bag(folder)


def _is_mcap(head: bytes) -> bool:
    return head.startswith(b"\x89MCAP0\r\n")


def _is_text(head: bytes) -> bool:
    if b"\x00" in head:
        return False
    lines = [line for line in head.split(b"\n")[:50] if line.strip() and not line.lstrip().startswith(b"#")]
    return any(_DATA_LINE.fullmatch(line) for line in lines[:2]) or (bool(lines) and _names_columns(lines[0]))


def _names_columns(line: bytes) -> bool:
    separator = r"[,;\t]" if re.search(rb"[,;\t]", line) else r"\s+"
    names = re.split(separator, re.sub(r"@\d+", "", line.decode("utf-8", "replace")))
    return {column_of(name)[0] for name in names} >= set("txyp")


def _is_zipped_text(head: bytes) -> bool:
    size = int.from_bytes(head[26:28], "little")
    return head.startswith(b"PK\x03\x04") and head[30 : 30 + size].lower().endswith((b".txt", b".csv", b".tsv"))


_UNPACK: Final = "a recording in it is read once it is unpacked"
_EMPTY_AT_TIMES: Final = "nmnist"
"""The format whose file is empty where there are no events."""

_OTHERS: Final = (
    (b"\x89PNG\r\n", "a PNG image, no recording"),
    (b"\xff\xd8\xff", "a JPEG image, no recording"),
    (b"\x1f\x8b", f"gzip-compressed: {_UNPACK} (gunzip)"),
    (b"\x28\xb5\x2f\xfd", f"Zstandard-compressed: {_UNPACK} (unzstd)"),
    (b"\xfd7zXZ", f"xz-compressed: {_UNPACK} (unxz)"),
    (b"BZh", f"bzip2-compressed: {_UNPACK} (bunzip2)"),
    (b"PK\x03\x04", "a zip archive without arrays or text (a PyTorch file is one), no recording"),
    (b"\x80\x04\x95", "a Python pickle, which is never read: it could run anything; save arrays as .npz instead"),
    (b"%PDF", "a PDF document, no recording"),
)
"""What files beside recordings often are, by their first bytes."""

FORMATS: Final[tuple[Format, ...]] = (
    Format("evt3", "Prophesee RAW, EVT 3.0", (".raw",), "eventflow.io.evt3", _is_evt(b"3.0", b"EVT3")),
    Format("evt2", "Prophesee RAW, EVT 2.0", (".raw",), "eventflow.io.evt2", _is_evt(b"2.0", b"EVT2")),
    Format("evt21", "Prophesee RAW, EVT 2.1", (".raw",), "eventflow.io.evt21", _is_evt(b"2.1", b"EVT21")),
    Format("evt4", "Prophesee RAW, EVT 4", (".raw",), "eventflow.io.evt4", _is_evt(b"4.0", b"EVT4"), writes=False),
    Format("dat", "Prophesee DAT", (".dat",), "eventflow.io.dat", _is_dat, unmarked=True),
    Format("aedat4", "iniVation AEDAT 4", (".aedat4",), "eventflow.io.aedat4", _is_aedat(b"4.")),
    Format("aedat3", "iniVation AEDAT 3", (".aedat", ".aedat31"), "eventflow.io.aedat3", _is_aedat(b"3.")),
    Format("aedat2", "jAER AEDAT 2", (".aedat", ".aedat2"), "eventflow.io.aedat2", _is_aedat(b"2.")),
    Format("aedat1", "jAER AEDAT 1", (".aedat",), "eventflow.io.aedat2", _is_aedat(b"1."), writes=False, unmarked=True),
    Format("es", "Event Stream 2", (".es",), "eventflow.io.event_stream", _is_event_stream),
    Format("nmnist", "N-MNIST and N-Caltech101", (".bin",), "eventflow.io.address_bin", _has_no_mark, unmarked=True),
    Format("csv", "text, one event a line", (".csv", ".txt", ".tsv"), "eventflow.io.text", _is_text, unmarked=True),
    Format("zip", "text in a zip archive, as E2VID reads it", (".zip",), "eventflow.io.text_zip", _is_zipped_text),
    Format("npz", "NumPy archive", (".npz",), "eventflow.io.numpy_archive", _is_npz),
    Format("npy", "NumPy array", (".npy",), "eventflow.io.numpy_archive", _is_npy, writes=False),
    Format(
        "hdf5",
        "Prophesee HDF5",
        (".hdf5", ".h5"),
        "eventflow.io.prophesee_hdf5",
        _is_hdf5,
        inside=True,
    ),
    Format("dsec", "DSEC HDF5", (".h5", ".hdf5"), "eventflow.io.dsec", _is_hdf5, inside=True),
    Format("m3ed", "M3ED HDF5", (".h5", ".hdf5"), "eventflow.io.m3ed", _is_hdf5, inside=True),
    Format("mvsec", "MVSEC HDF5", (".hdf5", ".h5"), "eventflow.io.mvsec", _is_hdf5, inside=True),
    Format("event_utils", "event_utils HDF5", (".h5", ".hdf5"), "eventflow.io.event_utils", _is_hdf5, inside=True),
    Format(
        "hdf5_columns",
        "HDF5 with columns t, x, y, p anywhere",
        (".h5", ".hdf5"),
        "eventflow.io.hdf5_found",
        _is_hdf5,
        writes=False,
        inside=True,
    ),
    Format("rosbag1", "ROS 1 bag", (".bag",), "eventflow.io.rosbag1", _is_ros1_bag, own_files=True),
    Format(
        "rosbag2",
        "ROS 2 bag",
        (".db3",),
        "eventflow.io.rosbag2",
        _is_sqlite,
        folder=_is_ros2_bag,
        own_files=True,
    ),
    Format("mcap", "MCAP", (".mcap",), "eventflow.io.mcap", _is_mcap),
)


def formats() -> tuple[Format, ...]:
    """Return every known format, in the order of the table."""
    return FORMATS


def format_named(name: str) -> Format:
    """Return the row called `name`.

    Raises:
        UnknownFormatError: there is none; the message lists all.
    """
    for row in FORMATS:
        if row.name == name:
            return row
    raise UnknownFormatError(f"no format is named {name!r}; known: {', '.join(row.name for row in FORMATS)}")


def format_at(source: ByteSource) -> Format:
    """Return the format of what a source has: see format_of, or of a folder.

    Raises:
        UnknownFormatError: it is of no known format.
    """
    if not source.folder:
        return format_of(source.peek(HEAD_BYTES), source.path)
    for row in FORMATS:
        if row.reads and row.folder is not None and row.folder(Path(source.path)):
            return row
    known = ", ".join(row.title for row in FORMATS if row.folder is not None)
    raise UnknownFormatError(f"{source.path}: is a directory and no recording ({known}); name a recording inside it")


def format_of(head: bytes, name: str) -> Format:
    """Return the format of a file from its first bytes and, where they leave a choice, the suffix of `name`.

    Raises:
        UnknownFormatError: the bytes are of no known format, and no format without a mark has this suffix.
        RecordingError: it is an HDF5 file that cannot be opened.
    """
    suffix = PurePath(name).suffix.lower()
    by_content = [row for row in FORMATS if row.reads and row.sniff(head)]
    if by_content and all(row.inside for row in by_content):
        return _by_inside(by_content, name)
    by_suffix = [row for row in FORMATS if row.reads and suffix in row.suffixes]
    for row in by_content:
        if row in by_suffix:
            return row
    if by_content:
        return by_content[0]
    for row in by_suffix:
        if row.unmarked and (head or row.name == _EMPTY_AT_TIMES):
            return row
    raise UnknownFormatError(_unknown(head, name, by_suffix))


def _by_inside(rows: list[Format], name: str) -> Format:
    """Return the first of several HDF5 formats that knows what is in a file."""
    from eventflow.io.hdf5 import contents, opened

    with opened(name) as file:
        for row in rows:
            if row.load().holds(file):
                return row
        found = contents(file)
    raise UnknownFormatError(
        f"{name}: an HDF5 file with {found}, which is no layout of events that is known here: "
        f"{', '.join(f'{row.name} ({row.title})' for row in rows)}"
    )


def _unknown(head: bytes, name: str, by_suffix: list[Format]) -> str:
    if not head:
        named = f"; expected {' or '.join(row.title for row in by_suffix)}, as it is named" if by_suffix else ""
        return f"{name}: the file is empty (0 bytes){named}"
    start = head[:16].hex(" ")
    for beginning, what in _OTHERS:
        if head.startswith(beginning):
            return f"{name}: is {what}"
    if by_suffix:
        known = " or ".join(row.title for row in by_suffix)
        return (
            f"{name}: named like {known}, but its first bytes ({start}) are not; "
            f"if it is one all the same, pass format={by_suffix[0].name!r} (--format)"
        )
    titles = ", ".join(f"{row.name} ({row.title})" for row in FORMATS if row.reads)
    found = f"begins as text ({head[:24]!r}) and is" if _is_plain_text(head) else f"its first bytes ({start}) are"
    return f"{name}: {found} of no known format; known: {titles}; pass format= (--format) to insist on one"


def _is_plain_text(head: bytes) -> bool:
    return bool(head) and all(byte >= 32 or byte in b"\t\r\n" for byte in head[:200])


def format_to_write(name: str) -> Format:
    """Return the format that files named so are written in: the first row that writes this suffix.

    Raises:
        RecordingError: no format that can be written has this suffix.
    """
    suffix = PurePath(name).suffix.lower()
    for row in FORMATS:
        if row.writes and suffix in row.suffixes:
            return row
    choices = ", ".join(f"{row.suffixes[0]} ({row.name})" for row in FORMATS if row.writes)
    raise RecordingError(f"{name}: no format is written with the suffix {suffix!r}; use {choices}, or pass format=")
