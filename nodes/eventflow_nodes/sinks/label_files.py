"""Labels as CSV: one label a line."""

from __future__ import annotations

import csv
from contextlib import suppress
from pathlib import Path

from eventflow.io.parts import writing
from eventflow.messages import Label


class LabelsCsv:
    """The header t,label,confidence,name and one line for each label; numbers read back as exactly the same values."""

    def __init__(self, part: Path, path: Path) -> None:
        self._path = path
        with writing(path):
            self._file = part.open("w", encoding="utf-8", newline="")
            self._rows = csv.writer(self._file, lineterminator="\n")
            self._rows.writerow(("t", "label", "confidence", "name"))

    def add(self, label: Label) -> None:
        """Append a label."""
        with writing(self._path):
            self._rows.writerow((label.t, label.label, repr(label.confidence), label.name))

    def finish(self) -> None:
        """Close the file."""
        with writing(self._path):
            self._file.close()

    def discard(self) -> None:
        """Close the file."""
        with suppress(OSError):  # a full disk refuses the last buffer too, and the file goes anyway
            self._file.close()
