"""Slices of a whole class -> which hand-ins are much alike, for a person to judge. Executes nothing, accuses nobody.

    slices -> tokens -> k-grams (a worker each) -> fingerprints -> pairs -> clusters (once for the class)

Knows no assignment: what everybody was given comes in as `Given`. It sees through other names, comments, annotations, layout and
the order of functions. It does not see through another way of writing a line, or code that is cut into other functions.
"""

from grader.similar.pairs import survey
from grader.similar.reading import Given, read_hand_in, take_as_given

__all__ = ["Given", "read_hand_in", "survey", "take_as_given"]
