"""The options of the AI module: names, bounds and defaults of the specification.

`THREADS_PER_QUEUE` in module arguments and AI.CONFIG is `ai.threads-per-queue` in CONFIG and conf files.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from pyredisai.config.param import Param
from pyredisai.config.types import LLONG_MAX, Bool, Int, ParamType, Text

BACKENDS: Final = {"TF": "tensorflow", "TFLITE": "tflite", "TORCH": "torch", "ONNX": "onnxruntime"}
# The specification names no upper bound; a process that is asked for more threads dies of it.
MAX_THREADS: Final = 10_000
DEFAULT_CHUNK_SIZE: Final = 511 * 1024 * 1024
# The module is built in: without a loadmodule line its directory is the package's own.
MODULE_DIRECTORY: Final = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))


def _row(
    option: str,
    kind: ParamType,
    default: str,
    doc: str,
    *,
    name: str = "",
    runtime: bool = False,
    guarded: bool = False,
    shown_default: str = "",
) -> Param:
    return Param(
        name or f"ai.{option.lower().replace('_', '-')}",
        kind,
        default,
        doc,
        runtime=runtime,
        protected_by="enable-module-command" if guarded else "",
        group="ai",
        option=option,
        shown_default=shown_default,
    )


AI_PARAMS: Final = (
    _row("THREADS_PER_QUEUE", Int(1, MAX_THREADS), "1", "Worker threads of each device's queue."),
    _row("INTER_OP_PARALLELISM", Int(0, MAX_THREADS), "0", "Threads between operations; 0 is the backend's default."),
    _row("INTRA_OP_PARALLELISM", Int(0, MAX_THREADS), "0", "Threads within an operation; 0 is the backend's default."),
    _row(
        "MODEL_CHUNK_SIZE",
        Int(1, LLONG_MAX),
        str(DEFAULT_CHUNK_SIZE),
        "Bytes of a chunk in which a model's blob is saved, replicated and returned by AI.MODELGET.",
        runtime=True,
    ),
    _row("MODEL_EXECUTION_TIMEOUT", Int(1000, LLONG_MAX), "5000", "Milliseconds after which a run is stopped (ONNX)."),
    _row(
        "INLINE_RUN_US",
        Int(0, 1_000_000),
        "120",
        "Models whose runs are known to take fewer microseconds run on the main thread; 0 is none.",
        runtime=True,
    ),
    _row(
        "WORKER_NICE",
        Int(0, 19),
        "0",
        "How far the threads that run models, open them and save give way to others (nice; on Linux only).",
    ),
    _row("BACKEND_MEMORY_LIMIT", Int(0, LLONG_MAX), "0", "MB that sessions may take (ONNX); 0 is no limit."),
    _row(
        "BACKENDSPATH",
        Text("absolute path"),
        MODULE_DIRECTORY + "/backends",
        "Directory in which backends are looked for; by default `backends` beside the module.",
        name="ai.backends-path",
        runtime=True,
        guarded=True,
        shown_default="<directory of the module>/backends",
    ),
    _row(
        "ACCEPT_WIDE_UINT",
        Bool(),
        "no",
        "Take the data types UINT32 and UINT64 in AI.TENSORSET; RedisAI refuses them. Outputs of models may have them.",
        runtime=True,
    ),
    *(
        _row(
            option,
            Text("path, absolute or in BACKENDSPATH"),
            "",
            f"Load this backend at start, from this path; else redisai_{folder}/ in BACKENDSPATH when needed.",
            shown_default="loaded when first needed",
        )
        for option, folder in BACKENDS.items()
    ),
)

BY_OPTION: Final = {param.option: param for param in AI_PARAMS}
FILE_NAMES: Final = ("redisai.so", "redisai")


class Module(NamedTuple):
    """The module as MODULE LIST shows it. `loaded` tells that a loadmodule line or MODULE LOAD named it.

    `values` are what its path and arguments made of the AI parameters.
    """

    path: str = os.path.join(MODULE_DIRECTORY, FILE_NAMES[0])
    arguments: Sequence[str] = ()
    loaded: bool = False
    values: Mapping[str, Any] = MappingProxyType({})
