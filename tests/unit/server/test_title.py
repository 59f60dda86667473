"""What `ps` shows."""

from __future__ import annotations

from pathlib import Path

from pyredisai.config.registry import Registry
from pyredisai.server.title import ProcessTitle, argument_writer, expand, program_name

DEFAULT = "{title} {listen-addr} {server-mode}"


def test_templates() -> None:
    config = Registry()
    config.config_file = "/etc/x.conf"
    assert expand(DEFAULT, config, "p") == "p *:6379"
    assert expand("{title}-{port}-{tls-port}-{unixsocket}-{config-file} ", config, "p") == "p-6379-0--/etc/x.conf"
    config = Registry({"bind": ["-::1", "127.0.0.1"]})
    assert expand(DEFAULT, config, "p") == "p -::1:6379"
    config = Registry({"port": 0, "unixsocket": "/tmp/s"})
    assert expand(DEFAULT, config, "p") == "p unixsocket:/tmp/s"


def test_names_of_the_program() -> None:
    assert program_name("/x/bin/pyredisai-server") == "/x/bin/pyredisai-server"
    assert program_name("/x/pyredisai/__main__.py") == program_name("") == "pyredisai-server"


def test_it_follows_the_template_if_it_is_to() -> None:
    config, shown = Registry(), list[bytes]()
    ProcessTitle(config, shown.append)
    config.set([("proc-title-template", "now {port}")])
    assert shown[1:] == [b"now 6379"]
    ProcessTitle(Registry({"set-proc-title": False}), shown.append)
    assert len(shown) == 2


def test_nothing_is_written_where_the_system_does_not_tell(tmp_path: Path) -> None:
    argument_writer(tmp_path)(b"title")
    (tmp_path / "stat").write_text("1 (a b) S " + "0 " * 60)
    (tmp_path / "cmdline").write_text("x")
    argument_writer(tmp_path)(b"title")
