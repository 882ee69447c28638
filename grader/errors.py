"""What may go wrong on our side or the teacher's, as exceptions; a student's mistake is never one of these."""

from __future__ import annotations

from pathlib import Path


class GraderError(Exception):
    """Base of every error this project raises on purpose; its text is fit to print as it stands."""


class UsageError(GraderError):
    """The command line asks for something that is not there; ends the run with status 2."""


class AssignmentError(GraderError):
    """The assignment is wrong: says in which file, at which key, and how to mend it; ends the run with status 2."""

    def __init__(self, file: Path, key: str, problem: str, mend: str) -> None:
        self.file, self.key, self.problem, self.mend = file, key, problem, mend
        where = f"{file}: {key}" if key else f"{file}"
        super().__init__(f"{where}: {problem}\n  mend: {mend}")


class SandboxError(GraderError):
    """The box itself failed, so nothing can be said about the submission that was in it."""


def where_raised(error: BaseException, file: Path) -> str:
    """The last line of `file` in an exception's traceback, as `line 12`, or an empty text."""
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}"
    line, step = "", error.__traceback__
    while step is not None:
        if Path(step.tb_frame.f_code.co_filename).name == file.name:
            line = f"line {step.tb_lineno}"
        step = step.tb_next
    return line
