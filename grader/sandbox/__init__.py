"""Runs a student's program where it can reach nothing: Program and calls in, Transcript out."""

from grader.sandbox.box import Box

__all__ = ["Box"]
