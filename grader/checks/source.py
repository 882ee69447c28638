"""What the source alone shows: imports that the assignment's rule forbids."""

from __future__ import annotations

from grader.assignment import Imports
from grader.model import Finding, ModuleUse, Slice


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
