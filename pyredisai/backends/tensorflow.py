"""The TF backend: frozen TensorFlow graphs, with the INPUTS and OUTPUTS that MODELSTORE names.

Each model has a graph and a session of its own. Handing a small graph to TensorFlow's pool of inter-op threads
costs several times its run, so runs take place on the calling thread; a model whose runs turn out to be long
goes to the pool, unless INTER_OP_PARALLELISM is 1.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np

from pyredisai.ai.dtype import DTYPES, STRING
from pyredisai.ai.model import ModelOptions
from pyredisai.ai.tensor import Tensor
from pyredisai.backends.base import BackendSettings, InputType, SessionBase, one_line
from pyredisai.backends.devices import Device, parse_device
from pyredisai.backends.frameworks import import_framework
from pyredisai.backends.native import load_beside_others
from pyredisai.errors import BackendError, ai_texts

_BY_NUMPY = {dtype.numpy: dtype for dtype in DTYPES.values()}
_CALLER: Final = -1
_LONG_RUN_S: Final = 0.001
_PATIENCE, _MOST_PATIENCE = 3, 1024

# Operators that read or write files, or run code that is not the graph's.
_FILES: Final = re.compile(
    r".*(Dataset|Reader)(V\d+)?|ReadFile|WriteFile|MatchingFiles|(Save|Restore)(Slices?|V2)?|MergeV2Checkpoints|"
    r"InitializeTableFromTextFile(V2)?|PrintV2|.*PyFunc.*|Debug.*|Create\w*Summary\w*|ImmutableConst|"
    r"GenerateVocabRemapping|LoadAndRemapMatrix|(Encode|Decode)Proto(V2)?|FileSystem.*|Cache\w*V2|Snapshot.*"
)

# Operators that gain from being fused with what follows them. A product of matrices does not: oneDNN sets each fused
# one up anew at every run, which takes longer than a small product and the sum after it, and saves little in a large
# one. Not fused, it is also closer to what TensorFlow computes without oneDNN, as RedisAI's does.
_FUSED: Final = re.compile(r"(Depthwise)?Conv\d?D?.*|FusedBatchNorm.*|Erf")

# Operators that keep something from one run to the next.
_STATE: Final = re.compile(
    r"Var.*|Assign.*|.*(Queue|Stack|Barrier|HashTable|Accumulator|Random|Multinomial|Map|Stage).*(V\d+)?"
)


def load(settings: BackendSettings, directory: Path | None) -> TensorFlowBackend:
    """Import TensorFlow; takes seconds."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if directory is None:
        for library in (
            "libtensorflow_framework.so.2",
            "libtensorflow_cc.so.2",
            "python/lib_pywrap_tensorflow_common.so",
        ):
            load_beside_others("tensorflow", library)
    return TensorFlowBackend(import_framework("tensorflow", directory, "tf"), settings)


class TensorFlowBackend:
    """TensorFlow, imported."""

    name = "TF"

    def __init__(self, tf: Any, settings: BackendSettings) -> None:
        self.version: str = tf.__version__
        self._tf = tf
        self._settings = settings

    def has_device(self, device: str) -> bool:
        """A CPU always; a GPU that TensorFlow lists."""
        found = parse_device(device)
        if found is None:
            return False
        return not found.is_gpu or (found.index or 0) < len(self._tf.config.list_physical_devices("GPU"))

    def open_model(self, blob: bytes | memoryview, device: str, options: ModelOptions) -> TensorFlowSession:
        """Open a frozen graph. Raises BackendError: no GraphDef, no such nodes, no such device."""
        place = parse_device(device)
        definition = self._definition(blob, options)
        graph = self._graph(definition, place or Device("CPU"))
        if place is None or not self.has_device(device):
            raise BackendError(ai_texts.TF_NO_CUDA)
        v1 = self._tf.compat.v1
        config = v1.ConfigProto(
            intra_op_parallelism_threads=self._settings.intra_op_threads,
            inter_op_parallelism_threads=self._settings.inter_op_threads,
            allow_soft_placement=True,
        )
        # Threads that spin for work take the cores from the loop and from other sessions.
        config.experimental.disable_thread_spinning = True
        if place.is_gpu:
            config.gpu_options.allow_growth = True
        else:
            config.device_count["GPU"] = 0
            if not any(_FUSED.fullmatch(node.op) for node in _nodes(definition)):
                rewrites = config.graph_options.rewrite_options
                rewrites.remapping = rewrites.OFF
        try:
            session = v1.Session(graph=graph, config=config)
        except Exception as error:
            raise BackendError(_text(error)) from error
        return TensorFlowSession(session, options, self._settings.inter_op_threads)

    def _definition(self, blob: bytes | memoryview, options: ModelOptions) -> Any:
        definition = self._tf.compat.v1.GraphDef()
        try:
            definition.ParseFromString(bytes(blob))
        except Exception as error:
            raise BackendError(ai_texts.TF_INVALID_GRAPH) from error
        nodes = {node.name: node.op for node in definition.node}
        for name in options.inputs:
            if nodes.get(name) != "Placeholder":
                raise BackendError(ai_texts.tf_no_input(name))
        for name in options.outputs:
            if name not in nodes:
                raise BackendError(ai_texts.tf_no_output(name))
        _refuse_files(definition)
        return definition

    def _graph(self, definition: Any, device: Device) -> Any:
        graph = self._tf.Graph()
        try:
            with graph.as_default(), self._tf.device(f"/GPU:{device.index or 0}" if device.is_gpu else None):
                self._tf.graph_util.import_graph_def(definition, name="")
        except Exception as error:
            raise BackendError(_text(error)) from error
        return graph


class TensorFlowSession(SessionBase):
    """A graph in a session; runs may overlap."""

    batch_mismatch: ClassVar[str] = ai_texts.TF_BATCH_SIZE_MISMATCH

    def __init__(self, session: Any, options: ModelOptions, inter_op_threads: int) -> None:
        super().__init__(options.inputs, options.outputs)
        self.shareable = not any(_STATE.fullmatch(each.type) for each in session.graph.get_operations())
        self.input_types = _types(session.graph, self.input_names)
        self._session = session
        self._on_pool = inter_op_threads > 1
        self._may_change = inter_op_threads == 0
        self._misplaced_runs, self._patience = 0, _PATIENCE
        try:
            self._call = self._callable(self._on_pool)
        except BackendError as error:
            # A node given twice, or fed and fetched: RedisAI stores such a model, and its runs fail.
            self._call = _failing(str(error))

    def run(self, inputs: Sequence[Tensor]) -> list[Tensor | None]:
        """Run the graph. Raises BackendError."""
        if len(inputs) != len(self.input_names):
            raise BackendError(ai_texts.INPUT_COUNT_INCONSISTENT)
        start = time.perf_counter()
        try:
            outputs = self._call(*[tensor.array for tensor in inputs])
        except BackendError:
            raise
        except Exception as error:
            raise BackendError(_text(error)) from error
        if self._may_change:
            self._judge(time.perf_counter() - start)
        return [_tensor(output) for output in outputs]

    def close(self) -> None:
        """Close TensorFlow's session."""
        self._session.close()

    def _callable(self, on_pool: bool) -> Any:
        from tensorflow.core.protobuf.config_pb2 import CallableOptions

        options = CallableOptions()
        options.feed.extend(f"{name}:0" for name in self.input_names)
        options.fetch.extend(f"{name}:0" for name in self.output_names)
        if not on_pool:
            options.run_options.inter_op_thread_pool = _CALLER
        try:
            return self._session._make_callable_from_options(options)
        except Exception as error:
            raise BackendError(_text(error)) from error

    def _judge(self, seconds: float) -> None:
        """The pool's threads are worth their cost for long runs only; a few of the other kind in a row change sides.

        A busy machine makes short runs long for a while, so each change takes more of them than the last.
        """
        if (seconds >= _LONG_RUN_S) == self._on_pool:
            self._misplaced_runs = 0
            return
        self._misplaced_runs += 1
        if self._misplaced_runs > self._patience:
            self._misplaced_runs, self._patience = 0, min(2 * self._patience, _MOST_PATIENCE)
            self._on_pool = not self._on_pool
            self._call = self._callable(self._on_pool)


def _failing(text: str) -> Callable[..., Any]:
    def call(*_: Any) -> Any:
        raise BackendError(text)

    return call


def _types(graph: Any, names: Sequence[str]) -> tuple[InputType, ...]:
    """What the placeholders declare; nothing if one of them has no rank or a type that we lack."""
    found = []
    for name in names:
        tensor = graph.get_tensor_by_name(f"{name}:0")
        dtype = _BY_NUMPY.get(np.dtype(tensor.dtype.as_numpy_dtype))
        if tensor.shape.rank is None or dtype is None:
            return ()
        found.append(InputType(dtype, tuple(-1 if n is None else n for n in tensor.shape.as_list())))
    return tuple(found)


def _tensor(output: Any) -> Tensor:
    if not isinstance(output, np.ndarray):  # a scalar comes as numpy's, or as bytes
        output = np.array(output, object if isinstance(output, bytes) else None)
    dtype = _BY_NUMPY.get(output.dtype)
    if dtype is None:
        raise BackendError(f"ERR unsupported output type {output.dtype}")
    if dtype is STRING and output.size and not isinstance(output.flat[0], bytes):
        raise BackendError("ERR unsupported output type")
    return Tensor.from_array(output, dtype)


def _nodes(definition: Any) -> Iterator[Any]:
    """The graph's nodes and those of its functions."""
    yield from definition.node
    for function in definition.library.function:
        yield from function.node_def


def _refuse_files(definition: Any) -> None:
    """Raise BackendError for operators on files, also in the functions that the graph can reach."""
    functions = {function.signature.name: function.node_def for function in definition.library.function}
    todo = [definition.node]
    while todo:
        for node in todo.pop():
            if _FILES.fullmatch(node.op):
                raise BackendError(ai_texts.files_refused(node.op))
            values = node.attr.values()
            named = [each.name for value in values for each in (value.func, *value.list.func)]
            todo += [functions.pop(name) for name in {node.op, *named} if name in functions]


def _text(error: Exception) -> str:
    """TensorFlow's own message, without the trace of the graph's making that it may add."""
    text = str(getattr(error, "message", "") or error)
    return one_line(text.split("\n\n")[0]) or "ERR TensorFlow failed"
