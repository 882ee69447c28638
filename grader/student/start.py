"""Checks your notebook with the public checks, and helps where they fail.

In a terminal, beside your notebook (Python 3.11 or newer; what else is needed is installed into .selfcheck, once):

    python selfcheck.py                     checks it as last saved
    python selfcheck.py --watch             again whenever you save it
    python selfcheck.py other.ipynb

In a notebook, on Colab too (upload this one file; only NumPy is needed there):

    from selfcheck import check
    check(your_functions)

This file holds the checks as readable Python below, the public data, and words for what often goes wrong. It holds no solution.
What it says is no grade: the course's grader also tries other data and other sizes.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036  nobody has checked before a student runs this file
    raise SystemExit("The self-check needs Python 3.11 or newer; this is %d.%d." % sys.version_info[:2])  # noqa: UP031  for old ones

import contextlib
import functools
import importlib.abc
import importlib.machinery
import importlib.util
from pathlib import Path

__all__ = ["check"]
NOTEBOOK = "handout.ipynb"
REQUIREMENTS: tuple[str, ...] = ()
MODULES: dict[str, str] = {}
PLAN = ""
LATTICE = ""


class Packed(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Imports the modules that this file holds, and empty packages above them, for as long as they are `in_place`.

    Others bear the same names: another assignment's self-check, an older one of this file, a grader that is installed.
    """

    def __init__(self):  # type: ignore[no-untyped-def]  # its type is known to packed modules alone
        self.loaded = {}

    @contextlib.contextmanager
    def in_place(self):  # type: ignore[no-untyped-def]  # as above
        """Our modules, and no others of these names, until the end; afterwards all is as it was."""
        others = self._take_out()  # type: ignore[no-untyped-call]  # as above
        sys.modules.update(self.loaded)
        sys.meta_path.insert(0, self)
        try:
            yield
        finally:
            sys.meta_path.remove(self)
            self.loaded = self._take_out()  # type: ignore[no-untyped-call]  # as above
            sys.modules.update(others)

    def _take_out(self):  # type: ignore[no-untyped-def]  # as above
        tops = {name.partition(".")[0] for name in MODULES}
        return {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] in tops}

    def find_spec(self, name, path=None, target=None):  # type: ignore[no-untyped-def]  # noqa: ARG002  as the base class has it
        """See importlib.abc.MetaPathFinder."""
        known = name in MODULES or self.is_package(name)
        return importlib.util.spec_from_loader(name, self, is_package=self.is_package(name)) if known else None

    def is_package(self, fullname: str) -> bool:
        """Whether there are modules below it."""
        return any(name.startswith(f"{fullname}.") for name in MODULES)

    def get_source(self, fullname: str) -> str:
        """See importlib.abc.InspectLoader."""
        return MODULES.get(fullname, "")


PACKED = Packed()  # type: ignore[no-untyped-call]  # see above


@functools.cache
def _load():  # type: ignore[no-untyped-def]  # its type is known to packed modules alone
    import handout_relations  # type: ignore[import-not-found]  # packed by the release

    from grader.student.public import unpack

    return unpack(PLAN, LATTICE, handout_relations.relations)


def check(*functions, **named):  # type: ignore[no-untyped-def]
    """Check functions of this notebook as they are now: check(your_functions), or check() for all."""
    caller = sys._getframe(1).f_globals
    with PACKED.in_place():
        from grader.student.kernel import check_here

        return check_here(functions, named, caller, _load(), Path(__file__).resolve().parent)


if __name__ == "__main__":
    with PACKED.in_place():
        from grader.student.command import main

        sys.exit(main(sys.argv[1:], Path(__file__).resolve(), NOTEBOOK, REQUIREMENTS, _load))
