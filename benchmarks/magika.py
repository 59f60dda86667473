"""The demo's model: magika, which tells what kind of content a file holds. Standard library only.

The package ships an ONNX model, its configuration and a table of descriptions. The model takes int32 [N, 2048]: the
first and the last bytes of a file, each cut to size after white space is stripped, padded with a token that is no
byte; it gives float32 [N, 214], a probability for each label. Source of these facts: the package's own `magika.py` and
`config.min.json`.
"""

from __future__ import annotations

import json
from array import array
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Verdict:
    """What the model says of one file: a label, its description, its probability; `sure` when over its threshold."""

    label: str
    description: str
    probability: float
    sure: bool


class Magika:
    """The files of the package in `folder` (as `pip install --target folder` leaves them)."""

    def __init__(self, folder: Path) -> None:
        self.model_file = next(iter(sorted(folder.glob("magika/models/*/model.onnx"))), None) or _missing(folder)
        self.config = json.loads(self.model_file.with_name("config.min.json").read_text("utf-8"))
        kinds = folder / "magika" / "config" / "content_types_kb.min.json"
        self.kinds = json.loads(kinds.read_text("utf-8"))
        self.labels: list[str] = self.config["target_labels_space"]

    @property
    def width(self) -> int:
        """Number of input features."""
        return int(self.config["beg_size"] + self.config["mid_size"] + self.config["end_size"])

    def suits(self, path: Path) -> bool:
        """Whether the file is long enough for the model."""
        return path.is_file() and path.stat().st_size >= self.config["min_file_size_for_dl"]

    def features(self, path: Path) -> bytes:
        """The model's input for a file: `width` int32, in native byte order."""
        first, last = self._ends(path)
        first, last = first.lstrip()[: self.config["beg_size"]], last.rstrip()
        last = last[max(0, len(last) - self.config["end_size"]) :]
        pad = self.config["padding_token"]
        values = [*first, *[pad] * (self.config["beg_size"] - len(first))]
        values += [*[pad] * (self.config["end_size"] - len(last)), *last]
        return array("i", values).tobytes()

    def _ends(self, path: Path) -> tuple[bytes, bytes]:
        block = self.config["block_size"]
        with path.open("rb") as file:
            first = file.read(block)
            file.seek(max(0, path.stat().st_size - block))
            return first, file.read(block)

    def verdict(self, scores: bytes) -> Verdict:
        """The likeliest label, from the model's output for one file (float32 [214])."""
        values = array("f", scores)
        best = max(range(len(values)), key=values.__getitem__)
        raw = self.labels[best]
        label = self.config["overwrite_map"].get(raw, raw)
        threshold = self.config["thresholds"].get(raw, self.config["medium_confidence_threshold"])
        description = self.kinds.get(label, {}).get("description") or label
        return Verdict(label, description, values[best], values[best] >= threshold)


def _missing(folder: Path) -> Path:
    raise FileNotFoundError(f"no magika model in {folder}: pip install --no-deps --target {folder} magika==1.0.3")
