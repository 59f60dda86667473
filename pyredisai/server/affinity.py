"""The options `…_cpulist`: which CPUs the main thread and the work of helper threads keep to.

A thread inherits the CPUs of the one that starts it. The threads that run and open models, and with them the
frameworks' own pools, are kept out of that: they begin with the CPUs that the process was started with.
"""

from __future__ import annotations

from pyredisai.commands.context import Services
from pyredisai.execution.affinity import Cpus, bind, current_cpus, parse_cpu_list


def install_affinity(services: Services) -> None:
    """On the main thread, before any other is started."""
    config, background = services.config, services.background
    background.sync.cpus = _cpus(services, config["bio_cpulist"])
    background.rewrite.cpus = _cpus(services, config["aof_rewrite_cpulist"])
    background.save.cpus = _cpus(services, config["bgsave_cpulist"])
    own = _cpus(services, config["server_cpulist"])
    if own is not None:
        services.scheduler.cpus = current_cpus()
        if not bind(own):
            services.log("warning", f"server_cpulist: no CPU of {config['server_cpulist']} can be used")


def _cpus(services: Services, text: str) -> Cpus | None:
    if not text:
        return None
    cpus = parse_cpu_list(text)
    if cpus is None:
        services.log("warning", f"A list of CPUs is not valid and has no effect: {text}")
    return cpus
