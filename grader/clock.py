"""The time of a run: one for all its results. The clock on the wall is read here and nowhere else."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from grader.errors import UsageError


def time_of_run(environment: Mapping[str, str]) -> dt.datetime:
    """Now in UTC, to the second; or what SOURCE_DATE_EPOCH says (reproducible-builds.org), for runs whose bytes are compared."""
    given = environment.get("SOURCE_DATE_EPOCH")
    if given is None:
        return dt.datetime.now(dt.UTC).replace(microsecond=0)
    try:
        return dt.datetime.fromtimestamp(int(given), dt.UTC)
    except (ValueError, OverflowError, OSError):
        raise UsageError(f"SOURCE_DATE_EPOCH={given}: this is no time; give whole seconds since 1970, or unset it") from None
