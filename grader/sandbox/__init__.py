"""Runs a student's program where it can reach nothing: Program and calls in, Transcript out."""

from grader.sandbox.box import Box, Demands, WeakSandboxError
from grader.sandbox.levels import LEVELS, is_at_least, level_of

__all__ = ["LEVELS", "Box", "Demands", "WeakSandboxError", "is_at_least", "level_of"]
