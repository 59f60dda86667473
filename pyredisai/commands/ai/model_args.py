"""The arguments of the model commands: what RedisAI accepts, and its error for all else."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from pyredisai.ai.model import Model, ModelOptions
from pyredisai.commands.ai.cursor import SMALL_NUMBERS, Cursor, is_keyword
from pyredisai.commands.args import parse_int
from pyredisai.commands.spec import Args
from pyredisai.errors import ReplyError, ai_texts, texts
from pyredisai.keyspace.database import Database

_MOST_WARM_UPS: Final = 100
_DEVICE: Final = re.compile(rb"[CG]PU(:[0-9]{0,5})?", re.IGNORECASE)


class StoreRequest(NamedTuple):
    """What AI.MODELSTORE asks for.

    `device` in the user's case; the blob joined from its pieces; `warm_up` runs on zeros when it is open.
    """

    key: bytes
    backend: str
    device: str
    options: ModelOptions
    blob: bytes | memoryview
    warm_up: int = 0


class ExecuteRequest:
    """What AI.MODELEXECUTE asks for. `timeout_ms` 0 is none."""

    __slots__ = ("inputs", "model", "outputs", "timeout_ms")

    def __init__(self, model: Model, inputs: list[bytes], outputs: list[bytes], timeout_ms: int) -> None:
        self.model = model
        self.inputs = inputs
        self.outputs = outputs
        self.timeout_ms = timeout_ms


def find_model(database: Database, key: bytes) -> Model:
    """The model under a key. Raises ReplyError when there is none."""
    model = database.get(key)
    if type(model) is Model:
        return model
    raise ReplyError(ai_texts.MODEL_KEY_EMPTY if model is None else texts.WRONGTYPE)


def parse_device(text: bytes, error: str = ai_texts.INVALID_DEVICE) -> str:
    """A device's name in the user's case: CPU, GPU, and with a number. Raises ReplyError(error)."""
    if _DEVICE.fullmatch(text) is None:
        raise ReplyError(error)
    return text.decode()


def parse_backend(text: bytes, known: tuple[str, ...]) -> str:
    """A backend's name in upper case. Raises ReplyError."""
    name = text.upper().decode("latin-1")
    if name not in known:
        raise ReplyError(ai_texts.UNSUPPORTED_BACKEND)
    return name


def parse_model_store(args: Args, backends: tuple[str, ...]) -> StoreRequest:
    """AI.MODELSTORE key backend device [TAG tag] [batch options] [INPUTS n … OUTPUTS n …] [WARMUP n] BLOB piece …

    The caller has checked that there are six arguments. `backends` are the names that are known.
    """
    cursor = Cursor(args)
    key = cursor.take_bytes()
    backend = parse_backend(cursor.take_bytes(), backends)
    device = parse_device(cursor.take_bytes())
    tag, batch = parse_tag(cursor), parse_batch_options(cursor)
    if not cursor:
        raise ReplyError(ai_texts.NO_MODEL_BLOB)
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    if backend == "TF":
        inputs, outputs = _parse_node_names(cursor)
    elif cursor.accept(b"INPUTS"):
        raise ReplyError(ai_texts.INPUTS_REFUSED)
    options = ModelOptions(tag, *batch, inputs, outputs)
    warm_up = _parse_warm_up(cursor)
    return StoreRequest(key, backend, device, options, parse_blob(cursor), warm_up)


def parse_tag(cursor: Cursor) -> bytes:
    """[TAG tag]; TAG as the last word is no tag."""
    return cursor.take_bytes() if cursor.accept(b"TAG") and cursor else b""


def parse_batch_options(cursor: Cursor) -> tuple[int, int, int]:
    """[BATCHSIZE n [MINBATCHSIZE n [MINBATCHTIMEOUT ms]]]. Raises ReplyError."""
    size = parse_batch_option(cursor, "BATCHSIZE")
    least = parse_batch_option(cursor, "MINBATCHSIZE")
    if least and not size:
        raise ReplyError(ai_texts.MINBATCHSIZE_ALONE)
    timeout_ms = parse_batch_option(cursor, "MINBATCHTIMEOUT")
    if timeout_ms and not least:
        raise ReplyError(ai_texts.MINBATCHTIMEOUT_ALONE)
    return size, least, timeout_ms


def parse_batch_option(cursor: Cursor, option: str) -> int:
    """[OPTION n], 0 without it. Raises ReplyError."""
    return cursor.take_count(ai_texts.invalid_option_value(option)) if cursor.accept(option.encode()) else 0


def _parse_node_names(cursor: Cursor) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """INPUTS n name … OUTPUTS n name …, which only TF has. Raises ReplyError."""
    if not cursor.accept(b"INPUTS"):
        raise ReplyError(ai_texts.TF_NEEDS_INPUTS)
    inputs = _parse_names(cursor, ai_texts.INVALID_INPUT_COUNT, ai_texts.MODEL_INPUTS_SHORT)
    if not cursor.accept(b"OUTPUTS"):
        raise ReplyError(ai_texts.TF_NEEDS_OUTPUTS)
    return inputs, _parse_names(cursor, ai_texts.INVALID_OUTPUT_COUNT, ai_texts.MODEL_OUTPUTS_SHORT)


def _parse_names(cursor: Cursor, bad_count: str, too_few: str) -> tuple[str, ...]:
    count = cursor.take_count(bad_count)
    if count == 0:
        raise ReplyError(bad_count)
    if cursor.remaining < count:
        raise ReplyError(too_few)
    return cursor.take_names(count)


def _parse_warm_up(cursor: Cursor) -> int:
    """[WARMUP runs], ours alone; 0 without it. Raises ReplyError."""
    if not cursor.accept(b"WARMUP"):
        return 0
    runs = cursor.take_count(ai_texts.WARMUP_BAD_COUNT)
    if not 0 < runs <= _MOST_WARM_UPS:
        raise ReplyError(ai_texts.WARMUP_BAD_COUNT)
    return runs


def parse_blob(cursor: Cursor) -> bytes | memoryview:
    """BLOB piece …: one piece as it came, several joined. Raises ReplyError."""
    if not cursor.accept(b"BLOB"):
        raise ReplyError(ai_texts.EXPECTED_BLOB)
    if not cursor:
        raise ReplyError(ai_texts.NO_MODEL_BLOB)
    return cursor.take() if cursor.remaining == 1 else b"".join(cursor.args[cursor.position :])


def parse_model_execute(database: Database, args: Args) -> ExecuteRequest:
    """AI.MODELEXECUTE key INPUTS n key … OUTPUTS n key … [TIMEOUT ms]. Raises ReplyError."""
    length = len(args)
    if length < 8:
        raise ReplyError(ai_texts.MODELEXECUTE_ARITY)
    model = find_model(database, args[1])
    options = model.options
    if args[2] != b"INPUTS" and not is_keyword(args[2], b"INPUTS"):
        raise ReplyError(ai_texts.NO_INPUTS)
    count = SMALL_NUMBERS.get(args[3]) or parse_int(args[3], ai_texts.INVALID_INPUT_COUNT)
    if count <= 0:
        raise ReplyError(ai_texts.INPUT_COUNT_POSITIVE)
    if options.inputs and count != len(options.inputs):
        raise ReplyError(ai_texts.INPUTS_MISMATCH)
    end = 4 + count
    if end > length:
        raise ReplyError(ai_texts.INPUT_KEYS_SHORT)
    inputs = args[4:end]
    if end == length or (args[end] != b"OUTPUTS" and not is_keyword(args[end], b"OUTPUTS")):
        raise ReplyError(ai_texts.NO_OUTPUTS)
    start = end + 2
    if start > length:
        raise ReplyError(ai_texts.INVALID_OUTPUT_COUNT)
    count = SMALL_NUMBERS.get(args[end + 1]) or parse_int(args[end + 1], ai_texts.INVALID_OUTPUT_COUNT)
    if count <= 0:
        raise ReplyError(ai_texts.OUTPUT_COUNT_POSITIVE)
    if options.outputs and count != len(options.outputs):
        raise ReplyError(ai_texts.OUTPUTS_MISMATCH)
    end = start + count
    if end > length:
        raise ReplyError(ai_texts.OUTPUT_KEYS_SHORT)
    timeout_ms = parse_timeout(args, end) if end < length else 0
    return ExecuteRequest(model, inputs, args[start:end], timeout_ms)


def parse_timeout(args: Args, at: int) -> int:
    """TIMEOUT ms as the last two arguments, in milliseconds. Raises ReplyError."""
    if not is_keyword(args[at], b"TIMEOUT"):
        raise ReplyError(ai_texts.invalid_argument(bytes(args[at])))
    if at + 1 == len(args):
        raise ReplyError(ai_texts.NO_TIMEOUT_VALUE)
    timeout_ms = parse_int(args[at + 1], ai_texts.INVALID_TIMEOUT)
    if timeout_ms <= 0:
        raise ReplyError(ai_texts.INVALID_TIMEOUT)
    if at + 2 != len(args):
        raise ReplyError(ai_texts.invalid_argument(bytes(args[at + 2])))
    return timeout_ms


def model_execute_keys(args: list[bytes]) -> list[bytes]:
    """The keys of AI.MODELEXECUTE; the model's alone where the rest is broken. Raises ReplyError without it."""
    if len(args) < 4:
        raise ReplyError(texts.INVALID_COMMAND_ARGUMENTS)
    model = args[1:2]
    try:
        inputs = parse_int(args[3])
        outputs_at = 4 + inputs + 1
        if inputs < 0 or outputs_at >= len(args):
            return model
        outputs = parse_int(args[outputs_at])
    except ReplyError:
        return model
    if not 0 <= outputs_at + outputs < len(args):
        return model
    return model + args[4 : 4 + inputs] + args[outputs_at + 1 : outputs_at + 1 + outputs]
