"""Exceptions that outlive their `except`: an outcome of a job, an answer that crosses threads."""

from __future__ import annotations

from typing import TypeVar

E = TypeVar("E", bound=BaseException)


def without_frames(error: E) -> E:
    """The exception, without the frames that it and those before it came through.

    A frame keeps its variables: blobs, tensors, and often the holder of the exception itself, a cycle that only the
    collector ends. That one seldom runs here, so a refused model of 400 MB would stay for long.
    """
    link: BaseException | None = error
    seen: set[int] = set()
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        link.__traceback__ = None
        link = link.__cause__ or link.__context__
    return error
