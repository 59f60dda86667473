"""Error texts of ACL files. Facts: redis-server 7.0."""

from __future__ import annotations

NOTHING_CHANGED = "WARNING: ACL errors detected, no change to the previously active ACL rules was performed"
NOT_SAVED = "ERR There was an error trying to save the ACLs. Please check the server logs for more information"
FILE_AND_LINES = (
    "Users are defined in the configuration and aclfile is set as well: that is refused, for it would not be clear "
    "who may do what. Please keep the users in one of both places."
)


def file_not_opened(path: str, reason: str) -> str:
    """Why the file cannot be read."""
    return f"Error loading ACLs, opening file '{path}': {reason}"


def file_not_written(path: str, reason: str) -> str:
    """The log's line about an ACL SAVE that failed."""
    return f"Writing the ACL file '{path}' failed: {reason}"


def start_refused(reason: str) -> str:
    """The log's last line when the file is wrong at the start."""
    return f"Aborting the start because of ACL errors: {reason}"


def not_a_user_line(path: str, line: int) -> str:
    """A line that begins with something else."""
    return f"{path}:{line} should start with user keyword followed by the username. "


def twice_in_file(name: str, line: int) -> str:
    """A user who has a line already."""
    return f"WARNING: Duplicate user '{name}' found on line {line}. "


def bad_name_in_file(path: str, line: int, name: str) -> str:
    """A name with a blank or a null byte."""
    return f"'{path}:{line}: username '{name}' contains invalid characters. "


def unmatched(piece: str) -> str:
    """A selector that is never closed."""
    return f"Unmatched parenthesis in selector definition: {piece}"


def unknown_operation(rule: str, reason: str) -> str:
    """A rule on a command or category that there is not."""
    return f"Error in applying operation '{rule}': {reason}"
