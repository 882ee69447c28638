"""What the source alone shows: imports that the assignment's rule forbids, and earlier functions that are not used."""

from __future__ import annotations

from collections.abc import Iterator

from grader.model import Finding, ModuleUse, Slice
from grader.task import Exercise, Imports


def forbidden_uses(piece: Slice, rule: Imports) -> list[ModuleUse]:
    """The forbidden modules that a slice imports."""
    return [use for use in piece.imports if use.module in rule.forbidden]


def check_imports(piece: Slice, rule: Imports) -> Finding:
    """Whether the function and what it needs keep to the import rule; judged without running anything."""
    title = "keeps to the import rule"
    uses = forbidden_uses(piece, rule)
    if not uses:
        return Finding("source.imports", title, "public", "passed", "", "source.imports", "guard")
    places = ", ".join(f"{use.module} (cell {use.cell}, line {use.line})" for use in uses)
    message = f"It uses {places}: {rule.reason}."
    return Finding("source.imports", title, "public", "failed", message, "source.imports", "guard")


def check_reuse(piece: Slice, exercise: Exercise) -> Iterator[Finding]:
    """Whether the function calls the earlier ones it is to be built on; a check only where the assignment pays for it."""
    if "source.reuse" in exercise.marks:
        unused = [name for name in exercise.builds_on if name not in piece.uses]
        message = f"It does not call your {' and '.join(f'`{name}`' for name in unused)}." if unused else ""
        title = f"calls your {' and '.join(exercise.builds_on)}"
        yield Finding("source.reuse", title, "public", "failed" if unused else "passed", message, "source.reuse", "guard")
