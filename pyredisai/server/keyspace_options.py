"""Makes the keyspace follow the configuration: what is freed lazily, and what is noted of the use of keys."""

from __future__ import annotations

from functools import partial
from typing import Final

from pyredisai.commands.context import Services
from pyredisai.keyspace.database import Database
from pyredisai.keyspace.events import Removal
from pyredisai.keyspace.usage import Frequencies, FrequencyScale, IdleTimes

_LAZY: Final[dict[str, Removal]] = {
    "lazyfree-lazy-expire": "expire",
    "lazyfree-lazy-eviction": "eviction",
    "lazyfree-lazy-server-del": "server-del",
    "lazyfree-lazy-user-del": "user-del",
}


def install_keyspace_options(services: Services) -> None:
    """Called once, when the services are built."""
    config = services.config
    scale = FrequencyScale()
    for option, reason in _LAZY.items():
        config.watch(option, partial(_free_lazily, services, reason))
    config.watch("lfu-log-factor", partial(setattr, scale, "log_factor"))
    config.watch("lfu-decay-time", partial(setattr, scale, "decay_minutes"))
    config.watch("maxmemory-policy", partial(_follow_policy, services, scale))
    services.cron.append(partial(_tick, services))


def _free_lazily(services: Services, reason: Removal, on: bool) -> None:
    lazily = services.events.lazily
    if on:
        lazily[reason] = services.freeing.add_value
    else:
        lazily.pop(reason, None)
    for db in services.databases:
        db.attend(db.usage)


def _follow_policy(services: Services, scale: FrequencyScale, policy: str) -> None:
    for db in services.databases:
        if policy.endswith("lfu"):
            if not isinstance(db.usage, Frequencies):
                db.attend(Frequencies(scale))
        else:
            _note_idle_times(db, wanted=policy.endswith("lru"))


def _tick(services: Services) -> None:
    for db in services.databases:
        if db.usage is not None:
            db.usage.tick()


def _note_idle_times(db: Database, *, wanted: bool) -> None:
    """Under a policy that goes by it, and as long as somebody has asked OBJECT IDLETIME."""
    usage = db.usage
    if isinstance(usage, IdleTimes):
        usage.stored = wanted
    else:
        db.attend(IdleTimes(stored=True) if wanted else None)
