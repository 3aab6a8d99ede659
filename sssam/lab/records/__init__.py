"""A study's records on disk: one file a run, who may write it, and other formats of them."""

from sssam.lab.records.store import (
    ASIDE,
    Problem,
    Records,
    find,
    read,
    read_all,
    reserved,
    set_aside,
    torn,
    write,
)

__all__ = [
    "ASIDE",
    "Problem",
    "Records",
    "find",
    "read",
    "read_all",
    "reserved",
    "set_aside",
    "torn",
    "write",
]
