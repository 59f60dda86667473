"""supervised: systemd is told through NOTIFY_SOCKET (sd_notify(3)), upstart by a stop of the process."""

from __future__ import annotations

import os
import signal
import socket

from pyredisai.server.log import Log

LOADING = "STATUS=Redis is loading...\n"
READY = "STATUS=Ready to accept connections\n"
READY_AS_REPLICA = "STATUS=Ready to accept connections in read-only mode. Waiting for MASTER <-> REPLICA sync\n"
STOPPING = "STOPPING=1\n"


class Supervisor:
    """`kind` is no, upstart or systemd: who has been found to supervise."""

    kind = "no"

    def find(self, mode: str, log: Log) -> None:
        """Look for one as `mode`, the option's value, says; tell it of the start."""
        if mode == "upstart" or (mode == "auto" and "UPSTART_JOB" in os.environ):
            self._upstart(log)
        elif mode == "systemd" or (mode == "auto" and "NOTIFY_SOCKET" in os.environ):
            self._systemd(log)

    def _upstart(self, log: Log) -> None:
        if "UPSTART_JOB" not in os.environ:
            log("warning", "upstart supervision requested, but UPSTART_JOB not found!", "C")
            return
        log("notice", "supervised by upstart, will stop to signal readiness.", "C")
        os.kill(os.getpid(), signal.SIGSTOP)
        del os.environ["UPSTART_JOB"]
        self.kind = "upstart"

    def _systemd(self, log: Log) -> None:
        if "NOTIFY_SOCKET" not in os.environ:
            log("warning", "systemd supervision error: NOTIFY_SOCKET not found!", "C")
            return
        log("notice", "Supervised by systemd: see that TimeoutStartSec and TimeoutStopSec are long enough.", "C")
        if notify(LOADING):
            self.kind = "systemd"

    def ready(self, *, replica: bool) -> None:
        """The server answers."""
        if self.kind == "systemd":
            notify(READY_AS_REPLICA if replica else READY)
            notify("READY=1\n")

    def stopping(self) -> None:
        """The server ends."""
        if self.kind == "systemd":
            notify(STOPPING)


def notify(text: str) -> bool:
    """Send systemd a message; whether it could be sent."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address.startswith("@"):
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            sock.sendto(text.encode(), address)
    except OSError:
        return False
    return True
