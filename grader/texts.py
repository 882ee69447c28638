"""texts.<language>.toml beside assignment.toml -> the course's own texts in that language, by the English ones.

A flat table: `"The scores are not scaled" = "Die Scores werden nicht skaliert"`. A course that is written in its language to
begin with has no such file.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

from grader.errors import AssignmentError


def read_texts(file: Path) -> Mapping[str, str] | None:
    """The file's texts, None where there is none; raises AssignmentError."""
    if not file.exists():
        return None
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise AssignmentError(file, "", f"cannot be read ({error.strerror})", "make it a file that can be read") from None
    except UnicodeDecodeError:
        raise AssignmentError(file, "", "is not UTF-8", "save it as UTF-8") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise AssignmentError(file, "", f"not valid TOML: {error}", 'write each line as "English" = "translation"') from None
    for key, text in table.items():
        if not isinstance(text, str) or not text.strip():
            problem = "is empty" if isinstance(text, str) else f"is {text!r:.40}, which is no text"
            raise AssignmentError(file, f'"{key}"', problem, 'write it as "English" = "translation", or take it out')
    return table
