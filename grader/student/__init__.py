"""What students run themselves: the public checks, with no reference and no wall; of others' packages it needs NumPy alone.

`release` packs these modules, and those that they import, into one file. It must run on Windows and macOS as well.
"""
