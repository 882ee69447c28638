"""What students run themselves: the public checks, with no reference and no wall; needs NumPy, and what reads notebooks.

`release` packs these modules, and those that they import, into one file. It must run on Windows and macOS as well.
"""
