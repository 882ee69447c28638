"""Words that come out of the box in English -> the same as messages. What is not known here stays as it came.

What it says was written by a hostile process: it is looked up, or goes into a message as a value.
"""

from __future__ import annotations

import re

from grader.messages import Message, say

KINDS = (
    say("a dict"), say("a set"), say("a string"), say("a range"), say("a slice"), say("a class"), say("a generator"),
    say("a coroutine"), say("a function"), say("a method"), say("a module"), say("an ellipsis (...)"),
    say("an object of a plotting or notebook library"), say("an array of Python objects"), say("an array of strings"),
    say("a structured array"), say("an array of dates"), say("an array of time spans"), say("an array of an unusual dtype"),
)
"""What may come back in place of numbers; `None`, `bytes` and `NotImplemented` are named as Python names them."""

ACTS = (
    say("open a network socket"), say("connect to the network"), say("look up a host on the network"),
    say("start another program"), say("start another process"), say("signal a process"), say("delete a file"),
    say("rename a file"), say("make a folder"), say("delete a folder"), say("list a folder"), say("change a file's mode"),
    say("make a link"), say("change a file"), say("open or change a file"),
)

UNTURNED = " that cannot be turned into an array"
TYPED = re.compile(r"an object of type (.*)")
LARGE = re.compile(r"an array of (\d\.\de[+]\d\d) numbers")
PARTS = re.compile(r"(a structure of|a structure of more than|a list of more than) ([\d,]{1,20}) parts")
NESTED = re.compile(r"a structure nested more than (\d{1,9}) deep, or in itself")
TRIED = re.compile(r"it tried to (.+?): (.*)", re.S)

_KINDS = {str(kind): kind for kind in KINDS}
_ACTS = {str(act): act for act in ACTS}


def recognise_kind(description: str) -> str:
    """What kind of thing a function returned."""
    if description.endswith(UNTURNED):
        kind = recognise_kind(description.removesuffix(UNTURNED))
        return say("{kind} that cannot be turned into an array", kind=kind)
    known = _KINDS.get(description) or _with_number(description)
    return known if known == description else description  # a number that was written in another way is not ours


def _with_number(description: str) -> Message | None:
    if typed := TYPED.fullmatch(description):
        return say("an object of type {name}", name=typed[1])
    if large := LARGE.fullmatch(description):
        return say("an array of {size:.1e} numbers", size=float(large[1]))
    if nested := NESTED.fullmatch(description):
        return say("a structure nested more than {count} deep, or in itself", count=int(nested[1]))
    if parts := PARTS.fullmatch(description):
        return _in_parts(parts[1], int(parts[2].replace(",", "") or "0"))
    return None


def _in_parts(what: str, count: int) -> Message:
    if what == "a structure of":
        return say("a structure of {count:,} parts", count=count)
    if what == "a list of more than":
        return say("a list of more than {count:,} parts", count=count)
    return say("a structure of more than {count:,} parts", count=count)


def recognise_act(message: str) -> str:
    """An exception's message; the box says before it what was tried."""
    tried = TRIED.fullmatch(message)
    if not tried or tried[1] not in _ACTS:
        return message
    return say("it tried to {act}: {message}", act=_ACTS[tried[1]], message=tried[2])
