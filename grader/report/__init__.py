"""Results -> pages for students and the instructor, results JSON, grades.csv.

Comes in: `Graded` or `Result`, and the `Assignment` for its titles. Rendering is pure; `write_file` alone touches the disk.
"""

from grader.report.files import (
    SCHEMA_FILE,
    UNFINISHED,
    decode_result,
    encode_grades,
    encode_result,
    result_schema,
    write_file,
)
from grader.report.links import SIMILAR, digest_class
from grader.report.pages import GENERATOR, compared_class, render_class, render_matrix, render_similar, render_student
from grader.report.similar_view import tell_similar
from grader.report.text import clean_line, clean_text

__all__ = [
    "GENERATOR", "SCHEMA_FILE", "SIMILAR", "UNFINISHED", "clean_line", "clean_text", "compared_class", "decode_result",
    "digest_class", "encode_grades", "encode_result", "render_class", "render_matrix", "render_similar", "render_student",
    "result_schema", "tell_similar", "write_file",
]
