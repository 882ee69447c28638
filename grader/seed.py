"""The secret that hidden cases are drawn from: given, or made once for this assignment and kept beside it."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from grader.errors import UsageError

SEED_FILE = ".seed"


def find_seed(given: str | None, environment: Mapping[str, str], folder: Path, warn: Callable[[str], None]) -> str:
    """`--seed`, else GRADER_SEED, else the assignment's own .seed file, made with mode 0600 when it is not there yet.

    Where the folder cannot be written the seed lives for this run only, and `warn` hears of it: marks are the same, hidden
    numbers are not. Raises UsageError for a .seed that is there and cannot be read: another one would make other hidden numbers.
    """
    if given or environment.get("GRADER_SEED"):
        return given or environment["GRADER_SEED"]
    file = folder / SEED_FILE
    try:
        return file.read_text(encoding="utf-8").strip() or _make(file, warn)
    except FileNotFoundError:
        return _make(file, warn)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise UsageError(f"{file}: {reason}\n  mend: make it readable, or give --seed or GRADER_SEED") from None


def digest_seed(seed: str, salt: str) -> str:
    """What a receipt may show of the secret: enough to tell two apart, and dear to guess where somebody chose a short one."""
    return hashlib.scrypt(seed.encode("utf-8", "surrogateescape"), salt=salt.encode(), n=1 << 14, r=8, p=1, dklen=16).hex()


def _make(file: Path, warn: Callable[[str], None]) -> str:
    seed = secrets.token_hex(16)
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
            stream.write(f"{seed}\n")
    except OSError as error:
        warn(f"{file} cannot be kept ({error.strerror}): the next run draws other hidden numbers; GRADER_SEED keeps them.")
    return seed
