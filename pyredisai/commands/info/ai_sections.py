"""What INFO says of the AI module. Fields as RedisAI 1.2 names them."""

from __future__ import annotations

import resource
from collections.abc import Callable, Sequence
from typing import Any

from pyredisai import __version__
from pyredisai.commands.context import Services
from pyredisai.commands.module_info import REDISAI_VERSION, loaded_modules

_BACKENDS = (("TF", "TensorFlow"), ("TFLITE", "TensorFlowLite"), ("TORCH", "Torch"), ("ONNX", "onnxruntime"))


def modules(services: Services) -> dict[str, object]:
    """The modules, a line each."""
    lines: dict[str, object] = {}
    for module in loaded_modules(services):
        rest = "api=1,filters=0,usedby=[],using=[],options=[handle-io-errors]"
        lines["module"] = f"name={module.name},ver={module.version},{rest}"
    return lines


def versions(services: Services) -> dict[str, object]:
    """The module's versions."""
    return {
        "ai_RedisAI_version": REDISAI_VERSION,
        "ai_low_level_API_version": 1,
        "ai_rdb_version": 4,
    }


def git(services: Services) -> dict[str, object]:
    """Where RedisAI shows a commit: a release has its version."""
    return {"ai_git_sha": f"pyredisai-{__version__}"}


def load_time_configs(services: Services) -> dict[str, object]:
    """The options that are taken at start only."""
    names = "threads_per_queue inter_op_parallelism intra_op_parallelism model_execution_timeout backend_memory_limit"
    return {f"ai_{name}": services.config["ai." + name.replace("_", "-")] for name in names.split()}


def backends_info(services: Services) -> dict[str, object]:
    """The backends that are loaded: version, and for ONNX Runtime what its arena and watchdog report."""
    loaded: dict[str, Any] = getattr(services.loader, "loaded", dict)()
    fields: dict[str, object] = {}
    for name, field in _BACKENDS:
        backend = loaded.get(name)
        if backend is None:
            continue
        fields[f"ai_{field}_version"] = backend.version
        statistics = getattr(backend, "info", None)
        if statistics is not None:
            fields.update({f"ai_{key}": value for key, value in statistics().items()})
        if name == "ONNX":  # RedisAI counts the places of its table of runs: one a worker
            fields["ai_onnxruntime_maximum_run_sessions_number"] = sum(map(len, _worker_seconds(services).values()))
    return fields


def _worker_seconds(services: Services) -> dict[str, Sequence[float]]:
    """The CPU seconds of each queue's workers.

    RedisAI has the queue of device CPU from the start; here it is made when a model first names the device.
    """
    used: dict[str, Sequence[float]] = {
        queue.device: queue.cpu_seconds for queue in getattr(services.scheduler, "queues", list)()
    }
    used.setdefault("CPU", (0.0,) * services.config["ai.threads-per-queue"])
    return used


def cpu(services: Services) -> dict[str, object]:
    """CPU seconds of the process, its children, the loop's thread and each worker of each queue."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    thread = resource.getrusage(getattr(resource, "RUSAGE_THREAD", resource.RUSAGE_SELF))
    fields: dict[str, object] = {
        "ai_self_used_cpu_sys": f"{own.ru_stime:.6f}",
        "ai_self_used_cpu_user": f"{own.ru_utime:.6f}",
        "ai_children_used_cpu_sys": f"{children.ru_stime:.6f}",
        "ai_children_used_cpu_user": f"{children.ru_utime:.6f}",
        "ai_main_thread_used_cpu_sys": f"{thread.ru_stime:.6f}",
        "ai_main_thread_used_cpu_user": f"{thread.ru_utime:.6f}",
    }
    for device, threads in sorted(_worker_seconds(services).items()):
        for number, seconds in enumerate(threads, 1):
            fields[f"ai_queue_{device}_bthread_n{number}_used_cpu_total"] = f"{seconds:.6f}"
    return fields


SECTIONS: dict[str, Callable[[Services], dict[str, object]]] = {
    "ai_versions": versions,
    "ai_git": git,
    "ai_load_time_configs": load_time_configs,
    "ai_backends_info": backends_info,
    "ai_cpu": cpu,
}
