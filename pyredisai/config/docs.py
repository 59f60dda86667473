"""What is written from the table of parameters: the usage text."""

from __future__ import annotations

from pyredisai.config.ai_params import AI_PARAMS
from pyredisai.config.param import Param


def default_of(param: Param) -> str:
    """The default as it is shown to people."""
    return param.shown_default or param.default or '""'


def usage(program: str) -> str:
    """The text of --help."""
    width = max(len(param.option) for param in AI_PARAMS)
    options = "\n".join(
        f"  {param.option:{width}}  {param.doc}\n  {'':{width}}  {param.type.domain()}; default {default_of(param)}; "
        f"{'run time' if param.runtime else 'at start only'}; CONFIG name {param.name}"
        for param in AI_PARAMS
    )
    return f"""Usage: {program} [/path/to/redis.conf | -] [--name value…]… [-]
       {program} -v | --version
       {program} -h | --help

A name is any directive of redis.conf (redisai.conf.example lists all); `-` reads directives from the standard input.

Examples:
  {program}
  {program} --port 7777 --bind 127.0.0.1 --loglevel verbose
  {program} /etc/redis.conf --loadmodule /usr/lib/redis/modules/redisai.so THREADS_PER_QUEUE 4
  echo 'maxmemory 1gb' | {program} -

Options of the AI module, after --loadmodule PATH (the module is built in, PATH need not exist):
{options}"""
