"""Lua 5.1 as Redis offers it to scripts and functions: the sandbox, its libraries, values to and from replies."""
