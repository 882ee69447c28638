"""What a source of submissions lists: names and kinds, nothing read yet; and the words for what is not opened."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from grader.collect.names import shown
from grader.messages import Message, say
from grader.model import Member, NotebookFile

Kind = Literal[
    "file", "folder", "empty", "stuffed", "link", "pipe", "socket", "device", "unreadable",
    "closed", "deep", "crowded",
    "encrypted", "outside", "long", "bomb", "packing", "damaged",
]

HAND_IN = say("the notebook itself has to be handed in")

REFUSED: dict[Kind, tuple[Message, Message]] = {
    "folder": (say("is a folder that is called a notebook"), HAND_IN),
    "empty": (say("is a folder with nothing in it"), HAND_IN),
    "stuffed": (say("is a folder that holds bytes itself"), HAND_IN),
    "link": (say("is a symbolic link"), HAND_IN),
    "pipe": (say("is a named pipe"), HAND_IN),
    "socket": (say("is a socket"), HAND_IN),
    "device": (say("is a device"), HAND_IN),
    "unreadable": (say("cannot be read"), say("its permissions have to be mended")),
    "closed": (say("is a folder that cannot be listed"), say("its permissions have to be mended")),
    "deep": (say("lies too many folders deep"), say("the notebook has to be moved up")),
    "crowded": (say("is a folder of too many files"), say("everything but the notebook has to be taken out")),
    "encrypted": (say("is encrypted"), say("it has to be zipped without a password")),
    "outside": (say("has a name that points out of the zip"), say("it has to be zipped from its own folder")),
    "long": (say("has a name longer than any file's may be"), say("it has to be renamed")),
    "bomb": (say("unpacks to far more than a notebook of its size holds"), say("its outputs have to be cleared")),
    "packing": (say("is packed in a way that is not read here"), say("it has to be zipped with deflate, as is usual")),
    "damaged": (say("is damaged in the zip's list of entries"), say("the zip has to be made or downloaded again")),
}
"""What is wrong, and the mend."""

ARCHIVE = re.compile(r"(?i)\.(zip|rar|7z|tar|tgz|gz|bz2|xz|zst)$")


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing found, by its path's parts below the folder or zip `path`; `size` in bytes, `note` says more about its kind."""

    parts: tuple[str, ...]
    kind: Kind
    path: Path
    size: int = 0
    member: Member | None = None
    note: str = ""

    @property
    def name(self) -> str:
        """Its path, fit to print."""
        return shown("/".join(self.parts))

    @property
    def is_notebook(self) -> bool:
        """Whether it is called a notebook, whatever it is."""
        return self.parts[-1].lower().endswith(".ipynb")

    @property
    def may_hide_notebooks(self) -> bool:
        """Whether a hand-in without any other notebook may have one in here."""
        return self.kind in ("closed", "deep", "crowded") or (len(self.parts) == 1 and self.kind == "link")

    @property
    def litter(self) -> tuple[str, ...]:
        """The part of its path that a system or an editor left (hidden files, checkpoints, resource forks); () where none did."""
        for depth, part in enumerate(self.parts, 1):
            if part.startswith((".", "__MACOSX")):
                return self.parts[:depth]
        return ()

    @property
    def file(self) -> NotebookFile:
        """Where its bytes are."""
        return NotebookFile(self.name, self.path, () if self.member else self.parts, self.member)

    @property
    def refusal(self) -> Message:
        """Why it is not opened, and the mend, as a sentence."""
        problem, mend = REFUSED[self.kind]
        if self.note:
            return say("{name} {problem} ({detail}), so it was not opened; {mend}.",
                       name=self.name, problem=problem, detail=self.note, mend=mend)
        return say("{name} {problem}, so it was not opened; {mend}.", name=self.name, problem=problem, mend=mend)

    @property
    def left_out(self) -> str:
        """Its path, and why it is not used where that is not plain to see."""
        if self.kind == "file":
            archive = ARCHIVE.search(self.parts[-1])
            return say("{name} (an archive, not opened: unpack it first)", name=self.name) if archive else self.name
        problem = REFUSED[self.kind][0]
        if self.note:
            return say("{name} ({problem}: {detail})", name=self.name, problem=problem, detail=self.note)
        return say("{name} ({problem})", name=self.name, problem=problem)
