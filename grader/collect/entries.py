"""What a source of submissions lists: names and kinds, nothing read yet; and the words for what is not opened."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from grader.collect.names import shown
from grader.model import Member, NotebookFile

Kind = Literal[
    "file", "folder", "empty", "stuffed", "link", "pipe", "socket", "device", "unreadable",
    "closed", "deep", "crowded",
    "encrypted", "outside", "long", "bomb", "packing", "damaged",
]

HAND_IN = "the notebook itself has to be handed in"

REFUSED: dict[Kind, tuple[str, str]] = {
    "folder": ("is a folder that is called a notebook", HAND_IN),
    "empty": ("is a folder with nothing in it", HAND_IN),
    "stuffed": ("is a folder that holds bytes itself", HAND_IN),
    "link": ("is a symbolic link", HAND_IN),
    "pipe": ("is a named pipe", HAND_IN),
    "socket": ("is a socket", HAND_IN),
    "device": ("is a device", HAND_IN),
    "unreadable": ("cannot be read", "its permissions have to be mended"),
    "closed": ("is a folder that cannot be listed", "its permissions have to be mended"),
    "deep": ("lies too many folders deep", "the notebook has to be moved up"),
    "crowded": ("is a folder of too many files", "everything but the notebook has to be taken out"),
    "encrypted": ("is encrypted", "it has to be zipped without a password"),
    "outside": ("has a name that points out of the zip", "it has to be zipped from its own folder"),
    "long": ("has a name longer than any file's may be", "it has to be renamed"),
    "bomb": ("unpacks to far more than a notebook of its size holds", "its outputs have to be cleared"),
    "packing": ("is packed in a way that is not read here", "it has to be zipped with deflate, as is usual"),
    "damaged": ("is damaged in the zip's list of entries", "the zip has to be made or downloaded again"),
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
    def refusal(self) -> str:
        """Why it is not opened, and the mend, as a sentence."""
        problem, mend = REFUSED[self.kind]
        detail = f" ({self.note})" if self.note else ""
        return f"{self.name} {problem}{detail}, so it was not opened; {mend}."

    @property
    def left_out(self) -> str:
        """Its path, and why it is not used where that is not plain to see."""
        if self.kind != "file":
            return f"{self.name} ({REFUSED[self.kind][0]}{': ' if self.note else ''}{self.note})"
        return f"{self.name} (an archive, not opened: unpack it first)" if ARCHIVE.search(self.parts[-1]) else self.name
