"""The commands of RedisAI before 1.2: each is translated into its successor's request, and runs as that.

AI.MODELSET, AI.MODELRUN, AI.SCRIPTSET, AI.SCRIPTRUN, AI.DAGRUN and AI.DAGRUN_RO.
"""

from __future__ import annotations

from typing import Final

from pyredisai.ai.model import ModelOptions
from pyredisai.commands.ai.cursor import Cursor, as_keyword, c_string, is_keyword
from pyredisai.commands.ai.dag_args import Plan, dag_keys, parse_sections
from pyredisai.commands.ai.dag_run import StepParser, run_steps
from pyredisai.commands.ai.dags import model_step, parse_tensorget, parse_tensorset, refuse
from pyredisai.commands.ai.model_args import (
    ExecuteRequest,
    StoreRequest,
    find_model,
    parse_backend,
    parse_batch_option,
    parse_blob,
    parse_device,
    parse_tag,
)
from pyredisai.commands.ai.models import store_model
from pyredisai.commands.ai.running import refuse_unless_blocking, run_model, tensors_of
from pyredisai.commands.ai.script_args import ScriptExecute, ScriptStore, find_script, parse_source
from pyredisai.commands.ai.scripts import run_script, script_step, store_script
from pyredisai.commands.args import parse_int
from pyredisai.commands.context import Context
from pyredisai.commands.spec import Args, Family
from pyredisai.errors import ReplyError, ai_texts, texts
from pyredisai.keyspace.database import Database
from pyredisai.resp.replies import Reply

family = Family("module", module="ai")

_KEYWORDS: Final = {b"INPUTS", b"OUTPUTS", b"TAG", b"BATCHSIZE", b"MINBATCHSIZE", b"MINBATCHTIMEOUT", b"BLOB"}
_LONGEST_DEVICE: Final = 10


@family.command("ai.modelset", arity=-1, flags="write denyoom", keys=(1, 1, 1), big=True)
def modelset(ctx: Context, args: Args) -> Reply:
    """AI.MODELSET key backend device [TAG tag] [batch options] [INPUTS name … OUTPUTS name …] BLOB piece …"""
    if len(args) < 4:
        raise ReplyError(texts.wrong_arity("ai.modelset"))
    return store_model(ctx, parse_modelset(args, ctx.server.loader.names()), args)


def parse_modelset(args: Args, backends: tuple[str, ...]) -> StoreRequest:
    """The request of AI.MODELSET; the caller has checked that there are four arguments. Raises ReplyError."""
    cursor = Cursor(args)
    key = cursor.take_bytes()
    backend = parse_backend(cursor.take_bytes(), backends)
    device = cursor.take_bytes()
    if len(device) > _LONGEST_DEVICE or device.upper() in _KEYWORDS:
        raise ReplyError(ai_texts.INVALID_DEVICE)
    tag, batch = parse_tag(cursor), _parse_batch(cursor, backend)
    if not cursor:
        raise ReplyError(ai_texts.NO_MODEL_BLOB)
    names = _node_names(cursor, backend)
    if not cursor:
        raise ReplyError(ai_texts.NO_MODEL_BLOB)
    blob = parse_blob(cursor)
    return StoreRequest(key, backend, _supported_device(device), ModelOptions(tag, *batch, *names), blob)


def _supported_device(device: bytes) -> str:
    return parse_device(device, ai_texts.UNSUPPORTED_DEVICE)


def _parse_batch(cursor: Cursor, backend: str) -> tuple[int, int, int]:
    if backend == "TFLITE" and cursor and is_keyword(cursor.args[cursor.position], b"BATCHSIZE"):
        raise ReplyError(ai_texts.TFLITE_NO_BATCHING)
    size = parse_batch_option(cursor, "BATCHSIZE")
    if not size and cursor and is_keyword(cursor.args[cursor.position], b"MINBATCHSIZE"):
        raise ReplyError(ai_texts.MINBATCHSIZE_ALONE)
    least = parse_batch_option(cursor, "MINBATCHSIZE")
    if not (size and least) and cursor and is_keyword(cursor.args[cursor.position], b"MINBATCHTIMEOUT"):
        raise ReplyError(ai_texts.MINBATCHTIMEOUT_ALONE if size else ai_texts.MINBATCHTIMEOUT_NO_BATCHSIZE)
    return size, least, parse_batch_option(cursor, "MINBATCHTIMEOUT")


def _node_names(cursor: Cursor, backend: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What stands before BLOB: names for TF, nothing that counts for the others."""
    words: list[bytes] = []
    while cursor and not is_keyword(cursor.args[cursor.position], b"BLOB"):
        words.append(cursor.take_bytes())
    if backend != "TF":
        return (), ()
    if not words:
        raise ReplyError(ai_texts.MODELSET_NO_NAMES)
    if not is_keyword(words[0], b"INPUTS"):
        raise ReplyError(ai_texts.NO_INPUTS)
    at = next((i for i, word in enumerate(words) if is_keyword(word, b"OUTPUTS")), None)
    if at is None:
        raise ReplyError(ai_texts.NO_OUTPUTS)
    return tuple(map(c_string, words[1:at])), tuple(map(c_string, words[at + 1 :]))


def modelrun_keys(args: list[bytes]) -> list[bytes]:
    """The keys of AI.MODELRUN: the model, and all words after INPUTS' place. Raises ReplyError without the model."""
    return _keys_after(args, 2, (b"OUTPUTS",))


def _keys_after(args: list[bytes], at: int, skipped: tuple[bytes, ...]) -> list[bytes]:
    """The first argument and all that come after a keyword, which is not looked at, or after TIMEOUT, ms and it."""
    if len(args) < 2:
        raise ReplyError(texts.INVALID_COMMAND_ARGUMENTS)
    if at < len(args) and is_keyword(args[at], b"TIMEOUT"):
        at += 2
    return args[1:2] + [word for word in args[at + 1 :] if as_keyword(word) not in skipped]


@family.command("ai.modelrun", arity=-1, flags="write denyoom", keys=(3, 3, 1), get_keys=modelrun_keys)
def modelrun(ctx: Context, args: Args) -> Reply:
    """AI.MODELRUN key [TIMEOUT ms] INPUTS key … OUTPUTS key …"""
    refuse_unless_blocking(ctx.client)
    request = parse_modelrun(ctx.db, args)
    inputs = tensors_of(ctx.db, request.inputs)
    return run_model(ctx, request.model, inputs, request.outputs, request.timeout_ms)


def parse_modelrun(database: Database, args: Args) -> ExecuteRequest:
    """The request of AI.MODELRUN. Raises ReplyError."""
    if len(args) < 6:
        raise ReplyError(ai_texts.MODELRUN_ARITY)
    model = find_model(database, args[1])
    at, timeout_ms = 2, 0
    if is_keyword(args[2], b"TIMEOUT"):
        timeout_ms = _timeout(args, 2)
        at = 4
    if not is_keyword(args[at], b"INPUTS"):
        raise ReplyError(ai_texts.NO_INPUTS)
    names = args[at + 1 :]
    split = next((i for i, word in enumerate(names) if is_keyword(word, b"OUTPUTS")), len(names))
    inputs, outputs = names[:split], names[split + 1 :]
    if not inputs or (model.options.inputs and len(inputs) != len(model.options.inputs)):
        raise ReplyError(ai_texts.INPUTS_MISMATCH)
    if not outputs or (model.options.outputs and len(outputs) != len(model.options.outputs)):
        raise ReplyError(ai_texts.OUTPUTS_MISMATCH)
    return ExecuteRequest(model, inputs, outputs, timeout_ms)


def _timeout(args: Args, at: int) -> int:
    timeout_ms = parse_int(bytes(args[at + 1]), ai_texts.INVALID_TIMEOUT) if at + 1 < len(args) else 0
    if timeout_ms <= 0:
        raise ReplyError(ai_texts.INVALID_TIMEOUT)
    return timeout_ms


@family.command("ai.scriptset", arity=-1, flags="write denyoom", keys=(1, 1, 1), big=True)
def scriptset(ctx: Context, args: Args) -> Reply:
    """AI.SCRIPTSET key device [TAG tag] SOURCE source."""
    if len(args) not in (5, 7):
        raise ReplyError(texts.wrong_arity("ai.scriptset"))
    cursor = Cursor(args)
    key, device = cursor.take_bytes(), cursor.take_bytes()
    tag = parse_tag(cursor)
    source = parse_source(cursor)
    return store_script(ctx, ScriptStore(key, _supported_device(device), tag, (), source), args)


def scriptrun_keys(args: list[bytes]) -> list[bytes]:
    """The keys of AI.SCRIPTRUN: the script, and all words after INPUTS' place. Raises ReplyError without the script."""
    return _keys_after(args, 3, (b"OUTPUTS", b"$"))


@family.command("ai.scriptrun", arity=-1, flags="write denyoom", keys=(4, 4, 1), get_keys=scriptrun_keys)
def scriptrun(ctx: Context, args: Args) -> Reply:
    """AI.SCRIPTRUN key function [TIMEOUT ms] INPUTS key … [$ key …] [OUTPUTS key …]."""
    refuse_unless_blocking(ctx.client)
    return run_script(ctx, parse_scriptrun(ctx.db, args))


def parse_scriptrun(database: Database, args: Args) -> ScriptExecute:
    """The request of AI.SCRIPTRUN. Raises ReplyError."""
    if len(args) < 3:
        raise ReplyError(ai_texts.SCRIPTRUN_ARITY)
    request = ScriptExecute(find_script(database, args[1]), c_string(bytes(args[2])))
    section: list[bytes] | None = None
    done = listed = False
    at = 3
    while at < len(args):
        word = as_keyword(args[at])
        if word == b"TIMEOUT":
            if request.timeout_ms:
                raise ReplyError(ai_texts.SCRIPTRUN_TIMEOUT_TWICE)
            request.timeout_ms = _timeout(args, at)
            at += 1
        elif word == b"INPUTS":
            if done or section is request.inputs:
                raise ReplyError(ai_texts.SCRIPTRUN_INPUTS_AGAIN if done else ai_texts.SCRIPTRUN_INPUTS_TWICE)
            section = request.inputs
        elif word == b"OUTPUTS":
            if section is request.outputs:
                raise ReplyError(ai_texts.SCRIPTRUN_OUTPUTS_TWICE)
            section, done = request.outputs, True
        elif word == b"$":
            if section is not request.inputs or listed:
                outside = section is not request.inputs
                raise ReplyError(ai_texts.SCRIPTRUN_LIST_OUTSIDE if outside else ai_texts.SCRIPTRUN_LIST_TWICE)
            listed = True
        elif section is None:
            raise ReplyError(ai_texts.SCRIPTRUN_UNKNOWN)
        else:
            section.append(args[at])
        at += 1
    return request


@family.command("ai.dagrun", arity=-1, flags="write denyoom", keys=(3, 3, 1), get_keys=dag_keys, big=True)
def dagrun(ctx: Context, args: Args) -> Reply:
    """AI.DAGRUN [LOAD n key …] [PERSIST n key …] [TIMEOUT ms] |> step …"""
    return _dagrun(ctx, args, "AI.DAGRUN", read_only=False)


@family.command("ai.dagrun_ro", arity=-1, flags="readonly", keys=(3, 3, 1), get_keys=dag_keys, big=True)
def dagrun_ro(ctx: Context, args: Args) -> Reply:
    """AI.DAGRUN_RO: the same without PERSIST."""
    return _dagrun(ctx, args, "AI.DAGRUN_RO", read_only=True)


def _dagrun(ctx: Context, args: Args, name: str, *, read_only: bool) -> Reply:
    refuse_unless_blocking(ctx.client)
    if len(args) < 4:
        raise ReplyError(ai_texts.dagrun_arity(name))
    plan = Plan()
    steps = parse_sections(plan, ctx.db, args, read_only=read_only)
    return run_steps(ctx, plan, steps, _STEPS)


def _modelrun_step(ctx: Context, plan: Plan, args: Args) -> None:
    model_step(ctx, plan, parse_modelrun(ctx.db, args))


def _scriptrun_step(ctx: Context, plan: Plan, args: Args) -> None:
    script_step(ctx, plan, parse_scriptrun(ctx.db, args))


_STEPS: Final[dict[bytes, StepParser]] = {
    b"AI.TENSORSET": parse_tensorset,
    b"AI.TENSORGET": parse_tensorget,
    b"AI.MODELRUN": _modelrun_step,
    b"AI.SCRIPTRUN": _scriptrun_step,
    b"AI.MODELEXECUTE": refuse(ai_texts.successor_in_dagrun("AI.MODELEXECUTE")),
    b"AI.SCRIPTEXECUTE": refuse(ai_texts.successor_in_dagrun("AI.SCRIPTEXECUTE")),
}
