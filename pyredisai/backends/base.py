"""What a backend is. Third parties register a module or class with these names (docs/backends.md)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple, Protocol

from pyredisai.ai.dtype import DType
from pyredisai.ai.model import ModelOptions
from pyredisai.ai.tensor import Tensor
from pyredisai.errors import ai_texts


class BackendSettings(NamedTuple):
    """What the configuration says to every backend. 0 threads: the framework's default; 0 MB: no limit.

    `execution_timeout_ms` bounds one run (ONNX only), `memory_limit_mb` creation and runs (ONNX only).
    """

    inter_op_threads: int = 0
    intra_op_threads: int = 0
    execution_timeout_ms: int = 5000
    memory_limit_mb: int = 0


class InputType(NamedTuple):
    """An input as the model declares it. A dimension that may be any is -1."""

    dtype: DType
    shape: tuple[int, ...]


class Session(Protocol):
    """A model opened on a device. `run` is called from several worker threads at a time.

    The names are those that AI.MODELGET META shows: for TF the ones that MODELSTORE gave, for the others
    the model's own (a TorchScript output has none: the empty text). Their numbers are the counts that
    MODELEXECUTE asks for; an empty tuple stands for 'not known before a run', any count is taken then.
    """

    input_names: tuple[str, ...]
    output_names: tuple[str, ...]

    def run(self, inputs: Sequence[Tensor]) -> list[Tensor | None]:
        """Run once. None stands for an output that is no tensor (an ONNX map or sequence).

        Raises BackendError (the framework's first line) or RunTimeout.
        """

    def close(self) -> None:
        """Release what the session holds; called once, when the model is gone and nothing runs."""


class SessionBase:
    """What a session that does not wait for the server's loop inherits.

    `estimates` is the scheduler's notebook: with it, runs known to be short take place on the loop. A session
    whose `run` waits for the loop in any way must not have it. `batch_mismatch` is the error of a batch
    whose output has another first dimension than its inputs. `shareable`: no run leaves anything behind, so that
    models of equal blobs may have one session. `input_types`: what the model declares, empty where it does not.
    """

    batch_mismatch: ClassVar[str] = ai_texts.BATCH_SIZE_MISMATCH

    def __init__(self, input_names: Sequence[str], output_names: Sequence[str]) -> None:
        self.input_names = tuple(input_names)
        self.output_names = tuple(output_names)
        self.estimates: dict[Any, Any] = {}
        self.shareable = False
        self.input_types: tuple[InputType, ...] = ()

    def close(self) -> None:
        """Nothing to release."""


class Backend(Protocol):
    """A framework, imported. Made by the module's `load(settings)` on a helper thread.

    A backend that has more to tell in INFO MODULES has `info() -> dict[str, str | int]` as well.
    """

    name: str
    version: str

    def has_device(self, device: str) -> bool:
        """Whether `device` (CPU, CPU:1, GPU, GPU:0 …, upper case) is there."""

    def open_model(self, blob: bytes | memoryview, device: str, options: ModelOptions) -> Session:
        """Open a model. Raises BackendError with the text that the client gets, for a device that is not there too."""


def one_line(text: str) -> str:
    """A framework's message as it stands in an error reply: without line breaks, without trailing blanks."""
    return text.strip().replace("\r", " ").replace("\n", " ")
