"""`python -m grader` and the `grader` command: settings that must stand before numpy is imported, then the command line."""

from __future__ import annotations

import os
import sys


def main() -> int:
    """Run the command line; the exit status is as the result contract says."""
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")  # workers are forked, and the matrices are tiny
    from grader.cli import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
