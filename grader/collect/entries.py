"""What a source of submissions lists: names and kinds, nothing read yet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["file", "folder", "link", "pipe", "socket", "device", "unreadable"]


@dataclass(frozen=True)
class Entry:
    """One thing found, by its path's parts below the source; `member` is its name inside the zip `path`."""

    parts: tuple[str, ...]
    kind: Kind
    path: Path
    member: str = ""
    note: str = ""

    @property
    def is_notebook(self) -> bool:
        """Whether it is called a notebook, whatever it is."""
        return self.parts[-1].lower().endswith(".ipynb")

    @property
    def is_litter(self) -> bool:
        """Whether a system or an editor left it: hidden files, checkpoints, resource forks."""
        return any(part.startswith((".", "__MACOSX")) for part in self.parts)
