"""nbformat and nbconvert, without a package that builds forty grammars as they are imported, for seconds.

Where JupyterLab is installed, jsonschema finds rfc3987_syntax, to check formats of addresses. No notebook's schema asks for one.
"""

from __future__ import annotations

import sys

SLOW = "rfc3987_syntax"
unknown = SLOW not in sys.modules
if unknown:
    sys.modules[SLOW] = None  # type: ignore[assignment]  # how an import is made to fail
try:
    import nbformat
    from nbconvert.exporters import PythonExporter
finally:
    if unknown:
        del sys.modules[SLOW]

__all__ = ["PythonExporter", "nbformat"]
