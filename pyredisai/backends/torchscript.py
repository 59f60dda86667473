"""Scripts: TorchScript source to functions that run on tensors, with `redis` and `redisAI` inside.

The operators `redis::execute`, `redis::asList` and `redisAI::model_execute` are defined once for the
process; what they reach is the `Bridge` of the run that the calling thread is in.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Protocol

import torch
from torch.library import Library

from pyredisai.ai.tensor import Tensor
from pyredisai.backends.base import one_line
from pyredisai.backends.torch_gpu import StreamKey, end_of, return_to, stream_in_use, use_stream
from pyredisai.backends.torch_tensors import (
    CPU,
    device_of,
    fetched,
    from_torch,
    needs_copies,
    refuse_files,
    to_torch,
    without_gradients,
)
from pyredisai.errors import BackendError, PyRedisAIError, ai_texts


class Bridge(Protocol):
    """What a script reaches outside itself. Called on the worker's thread; errors are PyRedisAIError."""

    def execute(self, args: list[bytes]) -> object:
        """Run a Redis command; str, int, None or a list of these (and lists). Raises for an error reply."""

    def run_model(self, key: bytes, inputs: Sequence[Tensor], output_count: int) -> list[Tensor]:
        """Run a stored model."""


class _Run(threading.local):
    bridge: Bridge | None = None
    device = CPU
    error: PyRedisAIError | None = None


_run = _Run()


def _guarded(function: Any) -> Any:
    """Keep the error that an operator raises: torch hands on only its text, amid a traceback."""

    def call(*args: Any) -> Any:
        try:
            if _run.bridge is None:
                raise BackendError(ai_texts.SCRIPT_NO_BRIDGE)
            return function(_run.bridge, *args)
        except PyRedisAIError as error:
            _run.error = error
            raise

    return call


def _execute(bridge: Bridge, name: str, args: list[str]) -> object:
    return _for_script(bridge.execute([name.encode(), *(a.encode() for a in args)]))


def _for_script(value: object) -> object:
    # A list of mixed types must be a tuple for torch to take it as a value of type Any.
    if isinstance(value, list | tuple):
        return tuple(_for_script(item) for item in value)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _as_list(bridge: Bridge, value: object) -> list[object]:
    if not isinstance(value, tuple | list):
        raise BackendError(ai_texts.SCRIPT_NOT_A_LIST)
    return list(value)


def _model_execute(bridge: Bridge, key: str, inputs: list[torch.Tensor], count: int) -> list[torch.Tensor]:
    tensors = [from_torch(tensor, copy=True) for tensor in inputs]
    stream = stream_in_use()
    results = bridge.run_model(key.encode(), tensors, count)
    return_to(stream)
    return [to_torch(tensor, _run.device, copy=True) for tensor in results]


@cache
def _namespaces() -> dict[str, Any]:
    """What the bare names in a script mean; the libraries must live as long as the process."""
    redis, redis_ai = Library("redis", "DEF"), Library("redisAI", "DEF")
    for library, schema, function in (
        (redis, "execute(str fn_name, str[] args) -> Any?", _execute),
        (redis, "asList(Any value) -> Any[]", _as_list),
        (redis_ai, "model_execute(str model_key, Tensor[] inputs, int num_outputs) -> Tensor[]", _model_execute),
    ):
        # Not 'from schema': a call whose result is unused would be optimised away.
        library.define(schema, alias_analysis="CONSERVATIVE")
        library.impl(schema.partition("(")[0], _guarded(function), "CompositeExplicitAutograd")
    return {
        "redis": torch.ops.redis,
        "redisAI": torch.ops.redisAI,
        "torch": torch.ops.aten,
        "_libraries": (redis, redis_ai),
    }


class ScriptProgram:
    """Compiled source. Functions run on any thread, several at a time."""

    def __init__(self, unit: Any, device: str, entry_points: frozenset[str]) -> None:
        self._unit = unit
        self._device = device_of(device)
        self._fetch = from_torch if self._device is CPU else fetched
        self._entry_points = entry_points
        self._functions: dict[str, tuple[Any, bool]] = {}

    def run(
        self,
        name: str,
        tensors: Sequence[Tensor],
        keys: Sequence[bytes],
        args: Sequence[bytes],
        output_count: int,
        bridge: Bridge,
    ) -> list[Tensor]:
        """Call a function; without results asked for (`output_count` 0) whatever it returns is dropped.

        A function that is no entry point takes tensors only (scripts of the deprecated AI.SCRIPTSET).
        Raises BackendError, with the error that a Redis command inside ended it by.
        """
        function, copies = self._functions.get(name) or self._found(name)
        stream = None
        try:  # what a GPU runs into may be told when its results are fetched
            if self._device is not CPU:
                stream = use_stream(StreamKey(self._device, True))
            inputs = (to_torch(tensor, self._device, copy=copies) for tensor in tensors)
            if name in self._entry_points:
                arguments: list[Any] = [list(inputs), _c_strings(keys), _c_strings(args)]
            else:
                arguments = _best_effort(name, function, inputs, len(tensors))
            value = _called(function, arguments, bridge, self._device)
            return [self._fetch(item, copy=copies) for item in _results(name, value, output_count)]
        except BackendError:
            raise
        except Exception as error:
            raise BackendError(one_line(str(error))) from error
        finally:
            if stream is not None:
                end_of(stream)

    def _found(self, name: str) -> tuple[Any, bool]:
        """A function, and whether it needs copies; kept, as the source does not change."""
        function = self._unit.find_function(name) if name else None
        if function is None:
            raise BackendError(ai_texts.script_no_function(name))
        found = self._functions[name] = (function, needs_copies(function.inlined_graph))
        return found


def compile_script(source: bytes, device: str, entry_points: Sequence[str]) -> ScriptProgram:
    """Compile a script and check its entry points. Raises BackendError with the compiler's own text."""
    if device_of(device).type == "cuda" and not torch.cuda.is_available():
        raise BackendError(ai_texts.TORCH_NO_CUDA)
    names = _namespaces()
    unit = torch._C.CompilationUnit()
    try:
        unit.define(source.decode("utf-8", "replace"), lambda name: names.get(name) if name[:1] != "_" else None)
    except RuntimeError as error:
        raise BackendError(one_line(str(error))) from None
    for function in unit.get_functions():
        refuse_files(function.inlined_graph)
    for name in entry_points:
        _check_entry_point(unit, name)
    return ScriptProgram(unit, device, frozenset(entry_points))


def _check_entry_point(unit: Any, name: str) -> None:
    function = unit.find_function(name) if name else None
    if function is None:
        raise BackendError(ai_texts.script_entry_point_missing(name))
    kinds = [str(argument.type) for argument in function.schema.arguments]
    if len(kinds) != 3:
        raise BackendError(ai_texts.script_entry_point_arity(name, len(kinds)))
    if kinds != ["List[Tensor]", "List[str]", "List[str]"]:
        raise BackendError(ai_texts.script_entry_point_types(name))


def _c_strings(texts: Sequence[bytes]) -> list[bytes]:
    """Strings for a script, which sees them up to a null byte; bytes, as they need not be UTF-8."""
    return [text.partition(b"\0")[0] for text in texts]


def _best_effort(name: str, function: Any, inputs: Iterator[torch.Tensor], count: int) -> list[Any]:
    """The arguments of a function without entry point; tensors beyond those that it takes are not looked at."""
    kinds = [str(argument.type) for argument in function.schema.arguments]
    if len(kinds) > count:
        raise BackendError(ai_texts.script_too_few_inputs(name))
    arguments: list[Any] = []
    for kind in kinds:
        if kind == "Tensor":
            arguments.append(next(inputs))
        elif kind == "List[Tensor]":
            arguments.append(list(inputs))
            break
        else:
            raise BackendError(ai_texts.script_bad_argument(name))
    return arguments


def _called(function: Any, arguments: list[Any], bridge: Bridge, device: torch.device) -> object:
    _run.bridge, _run.device, _run.error = bridge, device, None
    try:
        without_gradients()
        return function(*arguments)
    except Exception as error:
        raise BackendError(_explained(str(error), _run.error)) from None
    finally:
        _run.bridge = _run.error = None


def _explained(text: str, cause: PyRedisAIError | None) -> str:
    """TorchScript's traceback; in place of Python's own part of it, the error that a command ended by."""
    if cause is not None:
        text = f"{text.partition('RuntimeError: ')[0]}RuntimeError: {cause}"
    return one_line(text)


def _results(name: str, value: object, count: int) -> list[torch.Tensor]:
    if count == 0:
        return []
    values = list(value) if isinstance(value, tuple | list) else [value]
    if not all(isinstance(item, torch.Tensor) for item in values):
        raise BackendError(ai_texts.script_no_tensors(name))
    if len(values) != count:
        raise BackendError(ai_texts.script_output_count(name))
    return values
