"""Messages: English text that can be said in German later, the catalogue, a course's own texts, and a whole class in German."""

from __future__ import annotations

import ast
import copy
import json
import re
import shutil
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import grader.pipeline
from grader.assignment import load_assignment
from grader.checks.phrases import recognise_act, recognise_kind
from grader.cli import run
from grader.collect import collect
from grader.collect.folder import list_folder
from grader.compare import compare
from grader.errors import AssignmentError
from grader.messages import Catalogue, Message, join, join_with_and, say, sentence, text_of, word
from grader.messages.german import GERMAN
from grader.messages.languages import CATALOGUES
from grader.model import Graded, KillMatrix, KillRow
from grader.pipeline import Course, grade, open_box, prepare
from grader.report import encode_result, render_student
from grader.sandbox import Box
from grader.selfcheck import selfcheck
from grader.translate import word_graded, word_matrix
from grader.verify import check_texts
from tests.support import ATTENTION, MULTI_HEAD, ROOT, notebook, solved, submission

DE = CATALOGUES["de"]
TINY = Catalogue("xx", {
    "it raised {what}": "{what} flog",
    "{count} of {size} numbers": "von {size} Zahlen {count}",
    "{gap:.3g} off": "um {gap:.3g} daneben",
    "a dict": "ein dict",
    "{size:,} bytes": "{size:,} Bytes",
    " and ": " und ",
    "no values {here}": "keine Werte {hier}",
}, str.maketrans({".": ",", ",": "."}))


# --- a message --------------------------------------------------------------------------------------------------------


def test_a_message_is_its_english_sentence_and_remembers_how_it_was_made() -> None:
    message = say("it raised {what}", what="KeyError")
    assert message == "it raised KeyError"
    assert (message.template, message.values) == ("it raised {what}", {"what": "KeyError"})
    assert word(message, TINY) == "KeyError flog"
    assert type(word(message, TINY)) is str
    assert type(word(message, CATALOGUES["en"])) is str


def test_what_is_filled_in_is_said_in_the_language_too_and_plain_text_as_it_stands() -> None:
    assert word(say("it raised {what}", what=say("a dict")), TINY) == "ein dict flog"
    assert word(say("it raised {what}", what="a dict"), TINY) == "a dict flog", "a student's own word"
    nested = sentence(join([say("it raised {what}", what=say("{count} of {size} numbers", count=1, size=2)), "x"], "; "))
    assert nested == "It raised 1 of 2 numbers; x."
    assert word(nested, TINY) == "Von 2 Zahlen 1 flog; x."
    assert word(join_with_and(["a", say("a dict"), "c"]), TINY) == "a und ein dict und c"


def test_numbers_are_written_as_the_language_writes_them() -> None:
    assert say("{gap:.3g} off", gap=0.12345) == "0.123 off"
    assert word(say("{gap:.3g} off", gap=0.12345), TINY) == "um 0,123 daneben"
    assert word(say("{size:,} bytes", size=1234567), TINY) == "1.234.567 Bytes"
    assert word(say("it raised {what}", what="1.5"), TINY) == "1.5 flog", "a text is no number"


@pytest.mark.parametrize(("count", "english", "german"), [
    (1, "1 of 25 numbers in `output` differs", "1 von 25 Zahlen in `output` weicht ab"),
    (3, "3 of 25 numbers in `output` differ", "3 von 25 Zahlen in `output` weichen ab"),
])
def test_one_is_said_otherwise_than_many(count: int, english: str, german: str) -> None:
    message = (say("{count} of {size} numbers in `{name}` differ", count=count, size=25, name="output") if count > 1 else
               say("{count} of {size} numbers in `{name}` differs", count=count, size=25, name="output"))
    assert (message, word(message, DE)) == (english, german)


def test_what_has_no_entry_stays_english() -> None:
    assert word(say("nobody translated {what}", what=say("a dict")), TINY) == "nobody translated ein dict"
    assert word("plain {text}", TINY) == "plain {text}"


def test_a_text_without_values_may_hold_braces() -> None:
    assert word(Message("no values {here}"), TINY) == "keine Werte {hier}"
    assert Message("{0} {") == "{0} {"


def test_a_message_survives_being_copied() -> None:
    message = say("it raised {what}", what="x")
    assert word(copy.deepcopy(message), TINY) == "x flog"


def test_no_json_takes_a_message_that_was_not_worded() -> None:
    with pytest.raises(TypeError, match="Message"):
        msgspec.json.encode(say("a dict"))


def test_an_exception_keeps_the_message_it_was_raised_with() -> None:
    assert word(text_of(ValueError(say("a dict"))), TINY) == "ein dict"
    assert text_of(ValueError("a dict")) == "a dict"
    assert text_of(OSError(2, "No such file")) == "[Errno 2] No such file"
    assert text_of(ValueError()) == ""


ODD = st.text(st.sampled_from("{}%$`\\!:.,'\"0a \x00\n\u202e\ud800🙂é"), max_size=30) | st.text(max_size=30)


@given(ODD, ODD)
def test_a_value_is_never_taken_for_a_template(what: str, other: str) -> None:
    message = say("{what} (cell {cell}, line {line}, in your {name})", what=say("it raised {exception}: {message}", exception=what,
                                                                                message=other), cell=3, line="4", name=other)
    assert message == f"it raised {what}: {other} (cell 3, line 4, in your {other})"
    assert word(message, DE) == f"die Funktion hat {what} ausgelöst: {other} (Zelle 3, Zeile 4, in deinem {other})"
    assert word(join([what, other], other), DE) == f"{what}{other}{other}"
    assert word(sentence(say("{nothing}: {why}", nothing=f"x{what}", why=other)), DE).startswith(f"X{what}: {other}")


# --- the catalogue ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Said:
    """A call of `say`: where, and its arguments as they are written."""

    place: str
    call: ast.Call


@cache
def all_said() -> tuple[Said, ...]:
    return tuple(
        Said(f"{file.relative_to(ROOT)}:{node.lineno}", node)
        for file in sorted((ROOT / "grader").rglob("*.py")) for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "say"
    )


def template_of(said: Said) -> str:
    first = said.call.args[0]
    assert isinstance(first, ast.Constant), said.place
    assert isinstance(first.value, str), said.place
    return first.value


def fields_of(template: str) -> set[tuple[str, str | None, str | None]]:
    """(name, format, conversion) of each field."""
    return {(name, form, conversion) for _, name, form, conversion in string.Formatter().parse(template) if name is not None}


def test_everything_is_said_with_literals_and_with_all_its_values() -> None:
    assert len(all_said()) > 200
    for said in all_said():
        assert len(said.call.args) == 1, said.place
        assert {keyword.arg for keyword in said.call.keywords} == {name for name, _, _ in fields_of(template_of(said))}, said.place


def test_no_message_is_made_but_by_say() -> None:
    made = [file.name for file in (ROOT / "grader").rglob("*.py")
            if re.search(r"\bMessage\(", file.read_text(encoding="utf-8")) and file.parent.name != "messages"]
    assert made == []


def test_german_says_every_template_with_the_same_fields_and_nothing_else() -> None:
    templates = {template_of(said) for said in all_said()}
    assert sorted(templates - GERMAN.keys()) == []
    assert sorted(GERMAN.keys() - templates) == []
    assert [english for english, german in GERMAN.items() if fields_of(english) != fields_of(german)] == []


SAME = {"{problem}.", "{nothing}: {why}", "{silence}: {detail}", "{name} ({problem})", "{name} ({problem}: {detail})", "{count} NaN"}
"""What puts other messages together, and says no word."""


def test_german_says_everything_otherwise() -> None:
    assert {english for english, german in GERMAN.items() if english == german} == SAME
    for english, german in GERMAN.items():
        assert english.endswith(".") == german.endswith("."), english
        assert english.count("`") == german.count("`") or "make doctor" in english, english


def literals(file: str, *names: str) -> set[str]:
    """The texts that the dicts of these names hold as values, without importing the file."""
    found: set[str] = set()
    for node in ast.parse((ROOT / file).read_text(encoding="utf-8")).body:
        target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0] if isinstance(node, ast.Assign) else None
        if isinstance(target, ast.Name) and target.id in names and isinstance(node, ast.AnnAssign | ast.Assign):
            assert isinstance(node.value, ast.Dict)
            found |= {str(value.value) for value in node.value.values if isinstance(value, ast.Constant)}
    assert len(found) > 10
    return found


ANSWERING = "grader/sandbox/answering.py"
AS_PYTHON_SAYS = {"None", "bytes", "NotImplemented"}


def test_every_word_that_the_box_uses_is_known() -> None:
    for kind in literals(ANSWERING, "WORDS", "ARRAY_WORDS") | {"an array of an unusual dtype"}:
        assert isinstance(recognise_kind(kind), Message) or kind in AS_PYTHON_SAYS
    for act in literals(ANSWERING, "ACTS") | {"open or change a file"}:
        assert isinstance(recognise_act(f"it tried to {act}: [Errno 13] Permission denied"), Message), act


@pytest.mark.parametrize(("english", "german"), [
    ("a dict", "ein dict"), ("an object of type Foo", "ein Objekt vom Typ Foo"),
    ("an array of 1.5e+09 numbers", "ein Array aus 1,5e+09 Zahlen"), ("a structure of 12,000 parts", "eine Struktur aus 12.000 Teilen"),
    ("a structure of more than 10,000 parts", "eine Struktur aus mehr als 10.000 Teilen"),
    ("a list of more than 1,000,000 parts", "eine Liste aus mehr als 1.000.000 Teilen"),
    ("a structure nested more than 16 deep, or in itself", "eine Struktur, die mehr als 16-fach oder in sich selbst verschachtelt ist"),
    ("a dict that cannot be turned into an array", "ein dict (lässt sich nicht in ein Array umwandeln)"),
    # What a hostile process may say instead is told as it came.
    ("a structure of ,,, parts", "a structure of ,,, parts"), ("a structure of 0012 parts", "a structure of 0012 parts"),
    ("an array of {size:.1e} numbers", "an array of {size:.1e} numbers"), ("{kind}", "{kind}"), ("", ""), ("bytes", "bytes"),
])
def test_what_came_back_in_place_of_numbers_is_said_in_german(english: str, german: str) -> None:
    assert recognise_kind(english) == english, "the English is as it came"
    assert word(recognise_kind(english), DE) == german


def test_what_was_tried_is_said_in_german_and_the_rest_is_pythons_own() -> None:
    message = recognise_act("it tried to start another process: [Errno 1] {0}\nx")
    assert message == "it tried to start another process: [Errno 1] {0}\nx"
    assert word(message, DE) == "sie wollte einen anderen Prozess starten: [Errno 1] {0}\nx"
    assert word(recognise_act("it tried to be clever: no"), DE) == "it tried to be clever: no"


# --- a whole class in German ------------------------------------------------------------------------------------------


class Recorder(dict[str, str]):
    """A catalogue's templates, that writes down what it was asked for."""

    def __init__(self, templates: Mapping[str, str]) -> None:
        super().__init__(templates)
        self.asked: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.asked.add(key)
        return super().get(key, default)


def german_course(folder: Path) -> Path:
    """A copy of the attention assignment with lang = "de"."""
    target = folder / "reference" / "attention"
    shutil.copytree(ROOT / "reference" / "attention", target, ignore=shutil.ignore_patterns(".seed", "__pycache__"))
    shutil.copytree(ROOT / "student_template", folder / "student_template")
    file = target / "assignment.toml"
    file.write_text('lang = "de"\n' + file.read_text(encoding="utf-8"), encoding="utf-8")
    return target


@pytest.fixture(scope="module")
def deutsch(tmp_path_factory: pytest.TempPathFactory) -> Course:
    return prepare(load_assignment(german_course(tmp_path_factory.mktemp("deutsch"))), "tests", released=True)


@pytest.fixture(scope="module")
def kasten(deutsch: Course) -> Iterator[Box]:
    with open_box(deutsch.assignment) as opened:
        yield opened


@dataclass(frozen=True, eq=False)
class Class:
    """The samples, graded in German: before they were worded, and after; and the templates that were asked for."""

    before: list[Graded]
    after: list[Graded]
    asked: Recorder


@pytest.fixture(scope="module")
def klasse(deutsch: Course, kasten: Box) -> Class:
    before: list[Graded] = []
    recorder = Recorder(GERMAN)

    def noted(graded: Graded, catalogue: Catalogue) -> Graded:
        before.append(graded)
        return word_graded(graded, Catalogue("de", recorder, catalogue.numerals))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grader.pipeline, "word_graded", noted)
        after = [grade(one, deutsch, kasten) for one in collect(ROOT / "submissions" / "attention").submissions]
    return Class(before, after, recorder)


def texts_of(graded: Graded) -> Iterator[str]:
    """Every text of a result and its evidence that people read, but for what students wrote or Python said."""
    result, evidence = graded.result, graded.evidence
    yield from (one.message for one in result.attention)
    yield from (one.message for one in result.notices)
    for part in result.exercises.values():
        yield part.message
        for check in part.checks:
            yield from (check.title, check.message)
        for diagnosis in part.diagnoses:
            yield from (diagnosis.title, diagnosis.hint, diagnosis.idea)
    for picture in evidence.pictures:
        yield from (picture.title, picture.rows, picture.columns)
    for example in evidence.examples.values():
        yield from (example.title, *(label for label, _ in example.steps))


def test_every_text_of_a_class_is_a_message_or_the_courses_own(klasse: Class, deutsch: Course) -> None:
    own = set((deutsch.assignment.texts or {}).values()) | {spec.name for one in deutsch.assignment.exercises.values() for spec in one.returns}
    headings = re.compile("Attention-Gewichte, .*(?:Daten|Token|Köpfe|Kopf|Scores|Tausenden|mehr|Vorlage|Breite)[^,]*(?:, .*)?")
    plain = {text for graded in klasse.before for text in texts_of(graded) if text and not isinstance(text, Message)}
    assert {text for text in plain if text not in own and not headings.fullmatch(text)} == set()


def test_every_template_that_a_class_needs_has_an_entry(klasse: Class) -> None:
    assert len(klasse.asked.asked) > 30
    assert klasse.asked.asked - GERMAN.keys() == set()


def test_nothing_english_is_left_in_a_german_class(klasse: Class, deutsch: Course) -> None:
    texts = deutsch.assignment.texts
    assert texts
    told = "\n".join(text for graded in klasse.after for text in texts_of(graded))
    english = [key for key, text in texts.items() if len(key) > 6 and key.casefold() not in text.casefold()]
    assert len(english) > 150
    assert [key for key in english if key in told] == []
    pieces = {piece.strip() for template in GERMAN for piece in re.split(r"\{[^}]*\}", template) if len(piece.strip()) > 8}
    said = {piece for german in GERMAN.values() for piece in re.split(r"\{[^}]*\}", german)}
    assert [piece for piece in pieces if re.search(rf"\b{re.escape(piece)}\b", told) and piece not in said] == []
    assert all(type(text) is str for graded in klasse.after for text in texts_of(graded))
    for graded in klasse.after:
        assert json.loads(encode_result(graded.result))


def test_codes_ids_and_verdicts_are_the_same_in_every_language(klasse: Class, course: Course, box: Box) -> None:
    def bare(graded: Graded) -> object:
        return [(name, part.verdict, part.score, [(check.id, check.outcome, check.score) for check in part.checks],
                 [one.id for one in part.diagnoses]) for name, part in graded.result.exercises.items()]

    some = [one for one in collect(ROOT / "submissions" / "attention").submissions if one.id[0] in "abc"]
    german = {graded.result.submission.id: bare(graded) for graded in klasse.after}
    assert {one.id: bare(grade(one, course, box)) for one in some} == {one.id: german[one.id] for one in some}


def test_a_students_own_words_stay_and_break_nothing(deutsch: Course, kasten: Box, tmp_path: Path) -> None:
    source = ATTENTION.replace("    Q, K", "    raise ValueError('{0} {name!r} %s a dict \\u202e {')\n    Q, K")
    graded = grade(submission(tmp_path, solved(first=source)), deutsch, kasten)
    message = graded.result.exercises["self_attention"].message
    assert message == "Die Funktion hat ValueError ausgelöst: {0} {name!r} %s a dict  { (Zelle 2, Zeile 2)."
    page = render_student(graded, deutsch.assignment)
    assert "{name!r} %s a dict" in page


FORMS: list[tuple[str, str]] = [
    ("return {'a': 1}", "`output` ist ein dict."),
    ("open('x')", "ausgelöst: sie wollte eine Datei öffnen oder ändern: [Errno "),
    ("import os; os._exit(3)", "Keine Antwort: der Prozess endete vorzeitig: die Funktion hat den Prozess mit os._exit oder"),
    ("return nothing", "Die Funktion hat NameError ausgelöst: name 'nothing' is not defined (Zelle 2, Zeile 2); keine Zelle des Notebooks"),
    ("return X, np.eye(len(X)), 2", "es werden 3 Werte zurückgegeben, verlangt sind 2."),
]


@pytest.mark.parametrize(("body", "told"), FORMS, ids=[body for body, _ in FORMS])
def test_what_a_box_says_is_said_in_german(deutsch: Course, kasten: Box, tmp_path: Path, body: str, told: str) -> None:
    source = notebook("import numpy as np", f"def self_attention(X, Wq, Wk, Wv):\n    {body}", MULTI_HEAD)
    part = grade(submission(tmp_path, source), deutsch, kasten).result.exercises["self_attention"]
    assert told in "\n".join([part.message, *(check.message for check in part.checks)])


def test_the_hand_outs_heading_is_marked_as_english_on_a_german_page(klasse: Class, deutsch: Course, course: Course) -> None:
    graded = next(one for one in klasse.after if any(part.diagnoses for part in one.result.exercises.values()))
    german, english = render_student(graded, deutsch.assignment), render_student(graded, course.assignment)
    assert re.search(r'unter „<span lang="en">[A-Z(][^<]+</span>“', german)
    assert 'lang="en">' not in english.replace('<html lang="en">', "")


# --- the self-check, files over the class, verify ---------------------------------------------------------------------


@pytest.mark.parametrize(("when", "fewest"), [("True", 6), ("len(X) != 5", 1), ("False", 0)])
def test_the_selfcheck_counts_what_gave_no_answer_in_any_language(
    tmp_path: Path, deutsch: Course, course: Course, when: str, fewest: int,
) -> None:
    file = tmp_path / "one.ipynb"
    file.write_bytes(solved(first=ATTENTION.replace("    Q, K", f"    if {when}:\n        raise ValueError\n    Q, K")))
    german, english = (selfcheck(file, one.assignment) for one in (deutsch, course))
    counts = [re.findall(r"\d+", one.ending[0]) for one in (german, english)]
    assert counts[0] == counts[1]
    assert [int(count) >= fewest for count in counts[0]] == [True] * (fewest > 0)
    assert german.good == english.good == (when == "False")


def test_what_was_not_run_is_not_counted_as_unanswered(deutsch: Course, tmp_path: Path) -> None:
    file = tmp_path / "one.ipynb"
    file.write_bytes(notebook("import numpy as np", "import torch\n" + ATTENTION.replace("Q, K, V", "torch; Q, K, V")))
    report = selfcheck(file, deutsch.assignment)
    assert [part.verdict for part in report.parts] == ["forbidden (nicht erlaubt)", "missing (nicht gefunden)"]
    assert report.ending == ("Noch sind nicht alle öffentlichen Tests bestanden.",)


def test_names_of_what_was_left_out_and_not_compared_are_told_in_german(tmp_path: Path, deutsch: Course) -> None:
    for name, content in (("a.ipynb", solved()), ("b.ipynb", b""), ("work.zip", b"PK")):
        (tmp_path / name).write_bytes(content)
    (tmp_path / "c.ipynb").symlink_to("/etc/passwd")
    found = collect(tmp_path)
    assert list(found.left_out) == ["work.zip (an archive, not opened: unpack it first)"]
    assert [word(name, DE) for name in found.left_out] == ["work.zip (ein Archiv, nicht geöffnet: Es muss erst entpackt werden)"]
    survey = compare(found.submissions, deutsch.assignment, 1, lambda: None)
    assert [one.problem for one in survey.unread] == [
        "Die Datei ist leer; das Notebook muss noch einmal abgegeben werden.",
        "c.ipynb ist ein symbolischer Link und wurde deshalb nicht geöffnet; abgegeben werden muss das Notebook selbst."]
    assert all(entry.refusal for entry in list_folder(tmp_path) if entry.kind == "link")


def test_a_class_page_in_german_names_what_was_left_out_in_german(tmp_path: Path, deutsch: Course) -> None:
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "a.ipynb").write_bytes(b"")
    (tmp_path / "class" / "work.zip").write_bytes(b"PK")
    assert run(["grade", str(tmp_path / "class"), "--assignment", str(deutsch.assignment.folder), "--out", str(tmp_path / "out"),
                "--seed", "x", "--jobs", "1"]) == 0
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "work.zip (ein Archiv, nicht geöffnet: Es muss erst entpackt werden)" in page
    assert "Die Datei ist leer; das Notebook muss noch einmal abgegeben werden." in page


# --- texts.de.toml ----------------------------------------------------------------------------------------------------


def test_the_courses_own_texts_are_complete(deutsch: Course) -> None:
    assert check_texts(deutsch) == []
    assignment = deutsch.assignment
    assert assignment.title == "Self-Attention in NumPy"
    assert assignment.exercises["self_attention"].returns[1].axes == "Query Key"
    assert assignment.slips["no_scale"].place == "Scaled Dot-Product Attention", "the hand-out's own heading"
    assert assignment.written_in == "en"


def test_verify_names_what_is_said_nowhere_and_what_has_no_german(tmp_path: Path) -> None:
    folder = german_course(tmp_path)
    file = folder / "texts.de.toml"
    text = file.read_text(encoding="utf-8")
    for key in ("The scores are not scaled", "4 tokens of width 10", "attention weights below 0", "head 1: output", "key"):
        assert f'\n"{key}" = ' in text
        text = text.replace(f'\n"{key}" = ', f'\n"{key}!" = ')
    file.write_text(text, encoding="utf-8")
    told = check_texts(prepare(load_assignment(folder), "tests"))
    assert len(told) == 10
    assert "texts.de.toml: no text of the course is 'head 1: output!'; correct its spelling, or take it out" in told
    assert "texts.de.toml: lacks 'attention weights below 0'" in told


def test_verify_says_in_german_what_is_wrong() -> None:
    rows = (KillRow("f", "slip", (), (), say("no check catches it")), KillRow("f", "other", ("values.a.b",), ("other",), ""))
    matrix = KillMatrix({"f": ("values.a.b", "values.c.d")}, rows)
    assert matrix.problems() == ["f: slip: no check catches it", "f: the check values.c.d catches nothing"]
    assert [word(problem, DE) for problem in matrix.problems()] == [
        "f: slip: kein Test erkennt ihn", "f: Der Test values.c.d erkennt nichts"]
    assert [row.problem for row in word_matrix(matrix, DE).rows] == ["kein Test erkennt ihn", ""]


@pytest.mark.parametrize(("content", "key", "mend"), [
    ('"The softmax is missing" = 3', '"The softmax is missing"', '"English" = "translation"'),
    ('"The softmax is missing" = " "', '"The softmax is missing"', "take it out"),
    ("[slips]\na = 'b'", '"slips"', '"English" = "translation"'),
    ('"a" = "b"\n"a" = "c"', "", '"English" = "translation"'),
    ('"a" = ', "", '"English" = "translation"'),
    ("a" * 10_000, "", '"English" = "translation"'),
    ("x = " + "[" * 100_000, "", '"English" = "translation"'),
    (b'"a" = "\xe4"', "", "save it as UTF-8"),
    ('"token" = "ein Token"', '"token"', "one word"),
], ids=str)
def test_a_broken_file_of_texts_is_told_with_file_key_and_mend(tmp_path: Path, content: str | bytes, key: str, mend: str) -> None:
    folder = german_course(tmp_path)
    (folder / "texts.de.toml").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(AssignmentError) as caught:
        load_assignment(folder)
    assert (caught.value.file.name, caught.value.key) == ("texts.de.toml", key)
    assert mend in caught.value.mend


def test_axes_that_become_the_same_word_are_told(tmp_path: Path) -> None:
    folder = german_course(tmp_path)
    (folder / "texts.de.toml").write_text('"query" = "Token"\n"key" = "Token"\n', encoding="utf-8")
    with pytest.raises(AssignmentError, match="names an axis twice"):
        load_assignment(folder)


def test_texts_count_for_the_digest_and_are_read_in_their_language_only(tmp_path: Path) -> None:
    folder = german_course(tmp_path)
    before = load_assignment(folder).digest
    with (folder / "texts.de.toml").open("a", encoding="utf-8") as stream:
        stream.write("\n")
    assert load_assignment(folder).digest != before
    (folder / "texts.de.toml").write_text("broken", encoding="utf-8")
    file = folder / "assignment.toml"
    file.write_text(file.read_text(encoding="utf-8").removeprefix('lang = "de"\n'), encoding="utf-8")
    english = load_assignment(folder)
    assert (english.title, english.texts, english.written_in) == ("Self-attention in NumPy", None, "en")


def test_a_course_that_is_written_in_german_needs_no_texts(tmp_path: Path) -> None:
    folder = german_course(tmp_path)
    (folder / "texts.de.toml").unlink()
    course = prepare(load_assignment(folder), "tests")
    assert check_texts(course) == []
    assert course.assignment.written_in == "de"
    assert course.assignment.told("a single head") == "a single head"
