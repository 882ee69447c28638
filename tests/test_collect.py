"""Folders and zips, honest and hostile -> submissions; nothing followed, nothing lost, ids that are safe file names."""

from __future__ import annotations

import io
import os
import re
import socket
import stat
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.collect import TooLargeError, collect, read_file
from grader.collect.names import LONGEST, distinct, natural_key, safe_id
from grader.errors import UsageError


def ids(source: Path) -> list[str]:
    return [submission.id for submission in collect(source).submissions]


def test_notebooks_and_folders_with_notebooks_are_submissions(tmp_path: Path) -> None:
    for name in ("b.ipynb", "a.ipynb", "team/hw.ipynb", "team/data.csv", "deep/er/x.ipynb", "notes.txt", "empty/readme.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}", encoding="utf-8")
    found = collect(tmp_path)
    assert [(one.id, one.source) for one in found.submissions] == [
        ("a", "a.ipynb"), ("b", "b.ipynb"), ("deep", "deep/er/x.ipynb"), ("team", "team/hw.ipynb")]
    assert found.left_out == ("empty/readme.md", "notes.txt")


LIKELIEST = [
    ["attention.ipynb", "old/attention.ipynb"],
    ["attention.ipynb", "attention_old.ipynb"],
    ["attention.ipynb", "Copy of attention.ipynb"],
    ["attention.ipynb", "test.ipynb"],
    ["attention.ipynb", "x/deep.ipynb", "backup/zz.ipynb"],
    ["hw (10).ipynb", "hw (2).ipynb", "hw.ipynb", "hw-copy (3).ipynb"],
    ["altitude.ipynb", "a.ipynb", "alt.ipynb"],
]


@pytest.mark.parametrize("names", LIKELIEST, ids=[row[1] for row in LIKELIEST])
def test_of_several_notebooks_the_likeliest_comes_first(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        file = tmp_path / "class" / "ann" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("{}", encoding="utf-8")
    (found,) = collect(tmp_path / "class").submissions
    assert [file.source for file in found.files] == [f"ann/{name}" for name in names]


def test_what_an_editor_or_a_system_left_is_no_submission(tmp_path: Path) -> None:
    for name in ("a.ipynb", ".ipynb_checkpoints/a-checkpoint.ipynb", "__MACOSX/._a.ipynb", "._a.ipynb", "b/.ipynb_checkpoints/c.ipynb"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}", encoding="utf-8")
    assert ids(tmp_path) == ["a"]


def test_what_is_no_file_gets_a_result_that_says_so(tmp_path: Path) -> None:
    target = tmp_path.parent / f"{tmp_path.name}-secret.ipynb"
    target.write_text("{}", encoding="utf-8")
    (tmp_path / "good.ipynb").write_text("{}", encoding="utf-8")
    (tmp_path / "folder.ipynb").mkdir()
    (tmp_path / "folder.ipynb" / "inner.ipynb").write_text("{}", encoding="utf-8")
    (tmp_path / "link.ipynb").symlink_to(target)
    (tmp_path / "dangling.ipynb").symlink_to("nowhere")
    (tmp_path / "linked-folder").symlink_to(tmp_path.parent)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link.ipynb").symlink_to(target)
    os.mkfifo(tmp_path / "pipe.ipynb")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s.ipynb"))
        problems = {one.id: one.problem for one in collect(tmp_path).submissions}
    assert problems.pop("good") is None
    assert set(problems) == {"folder", "link", "dangling", "linked-folder", "in", "pipe", "s"}
    for name, words in {"folder": "folder", "link": "symbolic link", "in": "symbolic link", "pipe": "named pipe", "s": "socket"}.items():
        problem = problems[name]
        assert problem is not None
        assert words in problem.message


def test_a_link_that_takes_a_files_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a.ipynb").write_text("{}", encoding="utf-8")
    submission = collect(tmp_path).submissions[0]
    (tmp_path / "a.ipynb").unlink()
    (tmp_path / "a.ipynb").symlink_to("/etc/passwd")
    with pytest.raises(OSError, match=r".*"):
        read_file(submission.files[0], 1)
    (tmp_path / "a.ipynb").unlink()
    os.mkfifo(tmp_path / "a.ipynb")
    with pytest.raises(OSError, match="regular"):
        read_file(submission.files[0], 1)


def test_a_large_file_is_refused_by_size(tmp_path: Path) -> None:
    (tmp_path / "a.ipynb").write_bytes(b" " * 1_000_001)
    with pytest.raises(TooLargeError, match="1 MB"):
        read_file(collect(tmp_path).submissions[0].files[0], 1)


@pytest.mark.skipif(os.name != "posix", reason="names that are no text exist on POSIX alone")
def test_a_name_that_is_no_utf8_is_shown_escaped(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"J\xf6rg.ipynb")).write_text("{}", encoding="utf-8")
    submission = collect(tmp_path).submissions[0]
    assert (submission.id, submission.source) == ("J_xf6rg", "J\\xf6rg.ipynb")
    assert read_file(submission.files[0], 1) == b"{}"


NAMES = {
    "../../etc/passwd": "_._.._etc_passwd", "=cmd|calc": "_cmd_calc", "a\nb": "a_b", "<script>": "_script_", "CON": "_CON",
    "...": "_", "": "unnamed", "-rf": "_rf", "Ada Okafor": "Ada Okafor", "李雷": "李雷", "e\u0301": "é", "a\u202eb": "a_b",
    "अनुष्का शर्मा": "अनुष्का शर्मा", "ณัฐวุฒิ": "ณัฐวุฒิ", "מֹשֶׁה": "מֹשֶׁה", "\u0301x": "_\u0301x", "a\u3164": "a_", "a\ufe0f\u034f": "a__",
    "..\u0301": "_.\u0301",
}


@pytest.mark.parametrize(("name", "expected"), NAMES.items())
def test_ids_are_safe_file_names(name: str, expected: str) -> None:
    assert safe_id(name) == expected


@given(st.lists(st.text(), max_size=8))
def test_ids_are_distinct_and_safe_whatever_the_names(names: list[str]) -> None:
    found = list(distinct(iter(names)))
    assert len({name.casefold() for name in found}) == len(names)
    for name in found:
        assert name == name.strip(" ")
        assert not set(name) & set('/\\:*?"<>|\0\n\t')
        assert not name.startswith((".", "-"))
        assert len(name.encode()) <= LONGEST + 4


def test_names_that_collide_are_counted() -> None:
    assert list(distinct(iter(["a?b", "a*b", "A_B", "a_b-2"]))) == ["a_b", "a_b-2", "A_B-3", "a_b-2-2"]


@given(st.text(), st.text())
def test_any_two_names_can_be_ordered(one: str, other: str) -> None:
    assert (natural_key(one) < natural_key(other)) in (True, False)


def make_zip(path: Path, members: dict[str, bytes], links: tuple[str, ...] = ()) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = ((stat.S_IFLNK if name in links else stat.S_IFREG) | 0o644) << 16
            archive.writestr(info, content)
    return path


def test_a_zip_is_read_like_a_folder(tmp_path: Path) -> None:
    source = make_zip(tmp_path / "all.zip", {"b.ipynb": b"{}", "ann/hw.ipynb": b"[]", "ann/x.csv": b"", "info.txt": b""})
    found = collect(source)
    assert [one.id for one in found.submissions] == ["ann", "b"]
    assert read_file(found.submissions[0].files[0], 1) == b"[]"
    assert found.left_out == ("info.txt",)


def test_a_zip_of_one_folder_means_what_is_in_it(tmp_path: Path) -> None:
    assert ids(make_zip(tmp_path / "all.zip", {"hw1/ann.ipynb": b"{}", "hw1/bob/x.ipynb": b"{}"})) == ["ann", "bob"]
    assert ids(make_zip(tmp_path / "one.zip", {"ann/hw.ipynb": b"{}"})) == ["ann"]


def test_members_that_point_elsewhere_are_refused_and_the_rest_is_graded(tmp_path: Path) -> None:
    source = make_zip(tmp_path / "all.zip", {
        "good.ipynb": b"{}", "../evil.ipynb": b"{}", "/abs.ipynb": b"{}", "C:/win.ipynb": b"{}", "link.ipynb": b"/etc/passwd",
    }, links=("link.ipynb",))
    problems = {one.id: one.problem for one in collect(source).submissions}
    assert len(problems) == 5
    assert [name for name, problem in problems.items() if problem is None] == ["good"]


def test_a_bomb_is_read_no_further_than_the_limit(tmp_path: Path) -> None:
    source = make_zip(tmp_path / "bomb.zip", {"bomb.ipynb": os.urandom(1_500_000)})
    with pytest.raises(TooLargeError):
        read_file(collect(source).submissions[0].files[0], 1)


def test_a_damaged_member_is_told_apart(tmp_path: Path) -> None:
    source = make_zip(tmp_path / "all.zip", {"a.ipynb": bytes(range(256)) * 40, "b.ipynb": b"{}"})
    raw = bytearray(source.read_bytes())
    raw[60:90] = b"\xff" * 30
    source.write_bytes(raw)
    first, second = collect(source).submissions
    with pytest.raises(OSError, match="damaged"):
        read_file(first.files[0], 1)
    assert read_file(second.files[0], 1) == b"{}"


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip", io.BytesIO(b"PK\x05\x06" + b"\xff" * 18).getvalue()])
def test_what_is_no_zip_is_a_wrong_command(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(UsageError, match=r"x\.zip"):
        collect(tmp_path / "x.zip")


@pytest.mark.parametrize(("name", "content", "told"), [
    ("README.md", b"# A class\n\nNothing to grade.", "is a text, neither a zip nor a folder; give the folder or zip"),
    ("roster", "Zoë\tÅsa\r\n".encode("latin-1"), "is a text"), ("x.zip", b"no zip at all", "cut off"), ("x.rar", b"Rar!\x1a\x07\0", "RAR"),
    ("one.ipynb", b'\xef\xbb\xbf {"cells": []}', "is a notebook by its content, not a zip; put it into a folder"),
    ("x.pdf", b"%PDF-1.4 a text", "is a PDF"), ("x.html", b" <!doctype html>", "web page"), ("x.png", b"\x89PNG\r\n\x1a\n\0", "cut off"),
])
def test_a_file_that_is_no_class_is_told_what_it_is_and_what_to_give(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=re.escape(told)) as raised:
        collect(tmp_path / name)
    assert str(raised.value).startswith(f"{tmp_path / name}: ")


def test_nothing_to_grade_is_a_wrong_command(tmp_path: Path) -> None:
    for source in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(UsageError, match="give the folder"):
            collect(source)
