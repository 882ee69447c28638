"""What the source alone shows: imports that the assignment's rule forbids, and earlier functions that are not used."""

from __future__ import annotations

from collections.abc import Iterator

from grader.messages import join, join_with_and, say
from grader.model import Finding, ModuleUse, Slice
from grader.task import Exercise, Imports


def forbidden_uses(piece: Slice, rule: Imports) -> list[ModuleUse]:
    """The forbidden modules that a slice imports."""
    return [use for use in piece.imports if use.module in rule.forbidden]


def check_imports(piece: Slice, rule: Imports) -> Finding:
    """Whether the function and what it needs keep to the import rule; judged without running anything."""
    title = say("keeps to the import rule")
    uses = forbidden_uses(piece, rule)
    if not uses:
        return Finding("source.imports", title, "public", "passed", "", "source.imports", "guard")
    places = map(_place, uses)
    message = say("It uses {places}: {reason}.", places=join(places, ", "), reason=rule.reason)
    return Finding("source.imports", title, "public", "failed", message, "source.imports", "guard")


def _place(use: ModuleUse) -> str:
    if use.cell is None or use.line is None:
        return use.module
    return say("{module} (cell {cell}, line {line})", module=use.module, cell=use.cell, line=use.line)


def check_reuse(piece: Slice, exercise: Exercise) -> Iterator[Finding]:
    """Whether the function calls the earlier ones it is to be built on; a check only where the assignment pays for it."""
    if "source.reuse" in exercise.marks:
        unused = [name for name in exercise.builds_on if name not in piece.uses]
        names = join_with_and(f"`{name}`" for name in unused)
        message = say("It does not call your {names}.", names=names) if unused else ""
        title = say("calls your {names}", names=join_with_and(exercise.builds_on))
        yield Finding("source.reuse", title, "public", "failed" if unused else "passed", message, "source.reuse", "guard")
