"""ACL and its subcommands."""

from __future__ import annotations

import os
from collections.abc import Callable

from pyredisai import clock
from pyredisai.commands.accounts import Refusal, store
from pyredisai.commands.acl import describe, rules
from pyredisai.commands.acl.loading import file_of, load_file
from pyredisai.commands.acl.permissions import ALLOWED, verdict
from pyredisai.commands.acl.user_file import UserFileError, write_users
from pyredisai.commands.acl.users import Selector
from pyredisai.commands.args import parse_int
from pyredisai.commands.context import Context
from pyredisai.commands.spec import Args, Family
from pyredisai.errors import ReplyError, acl_texts, texts
from pyredisai.resp.aggregates import RespSet
from pyredisai.resp.replies import OK, Reply

family = Family("server")

_OWN = "noscript loading stale"
_ADMIN = "admin noscript loading stale"

family.add("acl", None, arity=-2, since="6.0.0", summary="Commands about users and what they may do.")


def _acl(
    sub: str, arity: int, flags: str, summary: str, syntax: str = "", since: str = "6.0.0"
) -> Callable[..., Callable[..., Reply]]:
    return family.command(f"acl|{sub}", arity=arity, flags=flags, since=since, summary=summary, syntax=syntax)


@_acl("whoami", 2, _OWN, "The user of this connection.")
def acl_whoami(ctx: Context, args: Args) -> Reply:
    """ACL WHOAMI."""
    return ctx.client.user.encode("latin-1")


@_acl("users", 2, _ADMIN, "The names of all users.")
def acl_users(ctx: Context, args: Args) -> Reply:
    """ACL USERS."""
    return [name.encode("latin-1") for name in sorted(store(ctx.server).users)]


@_acl("list", 2, _ADMIN, "All users as lines of rules.")
def acl_list(ctx: Context, args: Args) -> Reply:
    """ACL LIST."""
    users = store(ctx.server).users
    return [describe.user_line(ctx.server.table, users[name]).encode("latin-1") for name in sorted(users)]


@_acl("cat", -2, _OWN, "The categories, or the commands of one.", "[category]")
def acl_cat(ctx: Context, args: Args) -> Reply:
    """ACL CAT [category]."""
    if len(args) > 3:
        raise ReplyError(texts.wrong_arity("acl|cat"))
    if len(args) == 2:
        return list(rules.CATEGORIES)
    category = args[2].decode("latin-1")
    if category.lower() not in rules.CATEGORIES:
        raise ReplyError(texts.unknown_category(category))
    return [command.name for command in rules.in_category(ctx.server.table, category.lower())]


@_acl("getuser", 3, _ADMIN, "What one user may do.", "username")
def acl_getuser(ctx: Context, args: Args) -> Reply:
    """ACL GETUSER name: flags, password sums, commands, keys, channels, selectors."""
    user = store(ctx.server).users.get(args[2].decode("latin-1"))
    if user is None:
        return None

    def shown(selector: Selector) -> dict[Reply, Reply]:
        return {
            b"commands": describe.commands(ctx.server.table, selector),
            b"keys": describe.keys(selector).encode("latin-1"),
            b"channels": describe.channels(selector).encode("latin-1"),
        }

    return {
        b"flags": RespSet(describe.flags(user)),
        b"passwords": list(user.passwords),
        **shown(user.root),
        b"selectors": [shown(selector) for selector in user.selectors],
    }


@_acl("setuser", -3, _ADMIN, "Create a user or change what it may do.", "username [rule [rule ...]]")
def acl_setuser(ctx: Context, args: Args) -> Reply:
    """ACL SETUSER name [rule…]: all rules or none."""
    name = args[2].decode("latin-1")
    if not name or any(c.isspace() or c == "\0" for c in name):
        raise ReplyError(texts.ACL_USERNAME)
    users = store(ctx.server)
    known = users.users.get(name)
    user = known.copy() if known else users.new(name)
    try:
        joined = rules.join_selectors(args[3:])
    except rules.RuleError as error:
        raise ReplyError(texts.acl_unmatched(str(error))) from None
    for rule in joined:
        try:
            rules.apply(ctx.server.table, user, rule)
        except rules.RuleError as error:
            raise ReplyError(texts.acl_modifier(rule.decode("latin-1"), str(error))) from None
    users.replace(user)
    return OK


@_acl("deluser", -3, _ADMIN, "Delete users and close their connections.", "username [username ...]")
def acl_deluser(ctx: Context, args: Args) -> Reply:
    """ACL DELUSER name…: how many there were."""
    if b"default" in args[2:]:
        raise ReplyError(texts.ACL_DEFAULT_STAYS)
    return sum(store(ctx.server).remove(name.decode("latin-1")) for name in args[2:])


@_acl("dryrun", -4, _ADMIN, "Whether a user may run a command.", "username command [arg [arg ...]]", "7.0.0")
def acl_dryrun(ctx: Context, args: Args) -> Reply:
    """ACL DRYRUN user command [argument…]: OK, or what is refused."""
    user = store(ctx.server).users.get(args[2].decode("latin-1"))
    if user is None:
        raise ReplyError(texts.acl_no_user(args[2].decode("latin-1")))
    request = args[3:]
    command = ctx.server.table.find(request[0])
    if command is not None and command.subcommands and len(request) > 1:
        command = command.subcommands.get(request[1].lower().decode("latin-1"))
    if command is None:
        raise ReplyError(texts.acl_no_command(request[0].decode("latin-1")))
    if len(request) < abs(command.arity) or (command.arity > 0 and len(request) != command.arity):
        raise ReplyError(texts.wrong_arity(command.name))
    denied = verdict(user, command, request)
    return OK if denied == ALLOWED else texts.acl_dryrun_refusal(*denied).encode("latin-1")


@_acl("genpass", -2, _OWN, "A random password.", "[bits]")
def acl_genpass(ctx: Context, args: Args) -> Reply:
    """ACL GENPASS [bits]: in hexadecimal."""
    if len(args) > 3:
        raise ReplyError(texts.wrong_arity("acl|genpass"))
    bits = parse_int(args[2]) if len(args) == 3 else 256
    if not 1 <= bits <= 4096:
        raise ReplyError(texts.GENPASS_BITS)
    digits = (bits + 3) // 4
    return os.urandom((digits + 1) // 2).hex()[:digits]


@_acl("log", -2, _ADMIN, "What was refused lately.", "[count | RESET]")
def acl_log(ctx: Context, args: Args) -> Reply:
    """ACL LOG [count | RESET]: newest first."""
    if len(args) > 3:
        raise ReplyError(texts.wrong_arity("acl|log"))
    log = store(ctx.server).log
    count = 10
    if len(args) == 3:
        if args[2].lower() == b"reset":
            log.clear()
            return OK
        count = max(0, parse_int(args[2]))
    return [_shown(entry) for entry in list(log)[:count]]


def _shown(entry: Refusal) -> Reply:
    age = (clock.now_ms() - entry.created_ms) / 1000
    return {
        b"count": entry.count,
        b"reason": entry.reason,
        b"context": entry.context,
        b"object": entry.object.encode("latin-1"),
        b"username": entry.username.encode("latin-1"),
        b"age-seconds": max(0.0, age),
        b"client-info": entry.client_info.encode("latin-1"),
    }


@_acl("load", 2, _ADMIN, "Read all users from the ACL file.")
def acl_load(ctx: Context, args: Args) -> Reply:
    """ACL LOAD: all users of the file, or none; refused without one."""
    try:
        load_file(ctx.server, _file(ctx))
    except UserFileError as error:
        raise ReplyError(f"ERR {error}") from None
    return OK


def _file(ctx: Context) -> str:
    """Where the users are kept. Raises ReplyError."""
    path = file_of(ctx.server.config)
    if not path:
        raise ReplyError(texts.NO_ACL_FILE)
    return path


@_acl("save", 2, _ADMIN, "Write all users to the ACL file.")
def acl_save(ctx: Context, args: Args) -> Reply:
    """ACL SAVE: refused without a file."""
    path, users = _file(ctx), store(ctx.server).users
    try:
        write_users(ctx.server.table, path, [user for _, user in sorted(users.items())])
    except OSError as error:
        ctx.server.log("warning", acl_texts.file_not_written(path, error.strerror or str(error)))
        raise ReplyError(acl_texts.NOT_SAVED) from None
    return OK


family.help("acl", since="6.0.0")
