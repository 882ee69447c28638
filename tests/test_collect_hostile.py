"""What a stranger may put into a zip or a folder: it costs its own submission, it is named, and nothing else is touched."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import tracemalloc
import unicodedata
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import grader.collect as collecting
from grader.collect import Collection, TooLargeError, collect, folder, grouping, read_file
from grader.collect.entries import Kind
from grader.collect.names import distinct, safe_id, shown
from grader.errors import UsageError
from grader.model import Member
from tests.support import ROOT, solved
from tests.zips import UTF8, Raw, compress, write_zip

GOOD = Raw(b"good.ipynb", b'{"good": 1}')
NOISE = bytes(number * number % 251 for number in range(300))


def collect_zip(folder: Path, *members: Raw, before: bytes = b"", comment: bytes = b"", after: bytes = b"", wide: bool = False) -> Collection:
    source = folder / "all.zip"
    source.write_bytes(write_zip(members, before=before, comment=comment, after=after, wide=wide))
    return collect(source)


def contents(found: Collection) -> dict[str, list[bytes]]:
    return {one.id: [read_file(file, 50) for file in one.files] for one in found.submissions}


def problems(found: Collection) -> dict[str, str]:
    return {one.id: one.problem.message for one in found.submissions if one.problem}


REFUSED: dict[str, tuple[Raw, str]] = {
    "traversal": (Raw(b"../../evil.ipynb"), "points out of the zip"),
    "traversal amid": (Raw(b"a/../../evil.ipynb"), "points out of the zip"),
    "traversal with backslashes": (Raw(b"..\\evil.ipynb"), "points out of the zip"),
    "back to where it was": (Raw(b"a/../b.ipynb"), "points out of the zip"),
    "absolute": (Raw(b"/etc/evil.ipynb"), "points out of the zip"),
    "drive letter": (Raw(b"C:\\evil.ipynb"), "points out of the zip"),
    "drive letter alone": (Raw(b"c:evil.ipynb"), "points out of the zip"),
    "network path": (Raw(b"\\\\server\\share\\evil.ipynb"), "points out of the zip"),
    "symbolic link": (Raw(b"evil.ipynb", b"/etc/passwd", mode=stat.S_IFLNK | 0o777), "symbolic link"),
    "symbolic link in a folder": (Raw(b"ann/evil.ipynb", b"/etc/passwd", mode=stat.S_IFLNK | 0o777), "symbolic link"),
    "pipe": (Raw(b"evil.ipynb", mode=stat.S_IFIFO | 0o644), "named pipe"),
    "socket": (Raw(b"evil.ipynb", mode=stat.S_IFSOCK | 0o644), "socket"),
    "character device": (Raw(b"evil.ipynb", mode=stat.S_IFCHR | 0o644), "device"),
    "block device": (Raw(b"evil.ipynb", mode=stat.S_IFBLK | 0o644), "device"),
    "folder called a notebook": (Raw(b"evil.ipynb/inner.ipynb"), "folder that is called a notebook"),
    "folder called a notebook, in a folder": (Raw(b"ann/evil.ipynb/inner.txt"), "folder that is called a notebook"),
    "folder entry called a notebook": (Raw(b"evil.ipynb/", b""), "folder that is called a notebook"),
    "folder entry called a notebook, with data": (Raw(b"evil.ipynb/", b"{}"), "a folder that holds bytes itself"),
    "folder by its mode": (Raw(b"evil.ipynb", b"", mode=stat.S_IFDIR | 0o755), "folder that is called a notebook"),
    "encrypted": (Raw(b"evil.ipynb", flags=1), "without a password"),
    "strongly encrypted": (Raw(b"evil.ipynb", flags=1 << 6 | 1), "without a password"),
    "masked header": (Raw(b"evil.ipynb", flags=1 << 13), "without a password"),
    "patch data": (Raw(b"evil.ipynb", flags=1 << 5), "packed in a way"),
    "deflate64": (Raw(b"evil.ipynb", method=9), "method 9"),
    "zstd": (Raw(b"evil.ipynb", method=93), "method 93"),
    "AES": (Raw(b"evil.ipynb", method=99, flags=1), "without a password"),
    "ratio": (Raw(b"evil.ipynb", b"0" * 3_000_000, method=8), "unpacks to far more"),
    "ratio, bzip2": (Raw(b"evil.ipynb", b"0" * 3_000_000, method=12), "unpacks to far more"),
    "ratio, LZMA": (Raw(b"evil.ipynb", b"0" * 3_000_000, method=14), "unpacks to far more"),
    "size of 4 GB": (Raw(b"evil.ipynb", method=8, size=0xFFFF_FFFE), "unpacks to far more"),
    "size of 2 ** 63": (Raw(b"evil.ipynb", size=0xFFFF_FFFF, extra=b"\1\0\x08\0" + (1 << 63).to_bytes(8, "little")), "unpacks to far more"),
    "packed size of 2 ** 63": (Raw(b"evil.ipynb", packed=0xFFFF_FFFF, extra=b"\1\0\x08\0" + (1 << 63).to_bytes(8, "little")), "damaged"),
    "wide size without its field": (Raw(b"evil.ipynb", size=0xFFFF_FFFF), "damaged"),
    "wide size in a short field": (Raw(b"evil.ipynb", size=0xFFFF_FFFF, extra=b"\1\0\4\0abcd"), "damaged"),
    "packed beyond its end": (Raw(b"evil.ipynb", packed=1_000_000), "damaged"),
    "padding without end": (Raw(b"evil.ipynb", data=b"\0\0\0\xff\xff" * 40_000, method=8), "larger packed"),
    "name of 65,000 bytes": (Raw(b"e" * 65_000 + b".ipynb"), "name longer"),
    "name of 65,000 bytes in a folder": (Raw(b"ann/" + b"e" * 65_000 + b".ipynb"), "name longer"),
    "10,000 folders deep": (Raw(b"a/" * 2_000 + b"evil.ipynb"), "folders deep"),
}


@pytest.mark.parametrize(("evil", "words"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("first", [True, False], ids=["evil first", "good first"])
def test_a_hostile_entry_costs_only_itself_and_is_told(tmp_path: Path, evil: Raw, words: str, first: bool) -> None:
    found = collect_zip(tmp_path, *((evil, GOOD) if first else (GOOD, evil)))
    told = problems(found)
    assert len(found.submissions) == 2
    assert [words in message and message.endswith(".") and len(message) < 900 for message in told.values()] == [True], told
    assert contents(found)["good"] == [GOOD.content]


LEFT_OUT: dict[str, tuple[Raw, str]] = {
    "traversal": (Raw(b"../../etc/passwd"), "passwd (has a name that points out of the zip: ../../etc/passwd)"),
    "nothing but dots": (Raw(b".."), "unnamed (has a name that points out of the zip: ..)"),
    "no name": (Raw(b""), "unnamed (is damaged in the zip's list of entries: it has no name)"),
    "a dot": (Raw(b"."), "unnamed (is damaged in the zip's list of entries: it has no name)"),
    "slashes": (Raw(b"./"), "unnamed (is damaged in the zip's list of entries: it has no name)"),
    "folder with data": (Raw(b"ann/", b"data"), "ann (is a folder that holds bytes itself)"),
    "empty folder": (Raw(b"ann/", b""), "ann (is a folder with nothing in it)"),
    "zip in the zip": (Raw(b"ann/hw.zip"), "ann/hw.zip (an archive, not opened: unpack it first)"),
    "device": (Raw(b"ann/null", mode=stat.S_IFCHR), "ann/null (is a device)"),
    "hidden notebook": (Raw(b"ann/.hw.ipynb"), "ann/.hw.ipynb (1 hidden or left by a system)"),
    "ends in a dot": (Raw(b"hw.ipynb."), "hw.ipynb."),
    "notebook behind a NUL": (Raw(b"hw.ipynb\0.txt"), "hw.ipynb\\x00.txt"),
    "escape sequence": (Raw(b"\x1b[2J\x1b]0;x\x07.txt"), "\\x1b[2J\\x1b]0;x\\x07.txt"),
    "turned": (Raw("\u202etxt.exe".encode(), flags=UTF8), "\\u202etxt.exe"),
    "huge name": (Raw(b"n" * 4000), "n" * 400 + "…" + "n" * 99),
}


@pytest.mark.parametrize(("other", "line"), LEFT_OUT.values(), ids=LEFT_OUT)
def test_what_is_no_notebook_is_named_fit_to_print(tmp_path: Path, other: Raw, line: str) -> None:
    found = collect_zip(tmp_path, other, GOOD)
    assert found.left_out == (line,)
    assert contents(found) == {"good": [GOOD.content]}


READ: dict[str, tuple[Raw, str, str]] = {
    "newline": (Raw(b"a\nb.ipynb"), "a_b", "a\\x0ab.ipynb"),
    "NUL": (Raw(b"a\0b.ipynb"), "a_b", "a\\x00b.ipynb"),
    "escape sequence": (Raw(b"\x1b[2Ja.ipynb"), "__2Ja", "\\x1b[2Ja.ipynb"),
    "turned": (Raw("\u202ea.ipynb".encode(), flags=UTF8), "_a", "\\u202ea.ipynb"),
    "reserved": (Raw(b"CON.ipynb"), "_CON", "CON.ipynb"),
    "reserved with an ending": (Raw(b"aux.x.ipynb"), "_aux.x", "aux.x.ipynb"),
    "trailing dots and spaces": (Raw(b"ann. . .ipynb"), "ann", "ann. . .ipynb"),
    "colon": (Raw(b"Homework: ann.ipynb"), "Homework_ ann", "Homework: ann.ipynb"),
    "backslash": (Raw(b"ann\\hw.ipynb"), "ann", "ann/hw.ipynb"),
    "doubled slashes": (Raw(b"ann//.//hw.ipynb"), "ann", "ann/hw.ipynb"),
    "code page 437": (Raw(b"J\x94rg.ipynb"), "Jörg", "Jörg.ipynb"),
    "UTF-8 by flag": (Raw("王.ipynb".encode(), flags=UTF8), "王", "王.ipynb"),
    "UTF-8 without the flag": (Raw("王.ipynb".encode()), "王", "王.ipynb"),
    "flag without UTF-8": (Raw(b"J\xf6rg.ipynb", flags=UTF8), "J_xf6rg", "J\\xf6rg.ipynb"),
    "formula": (Raw(b"=cmd|x.ipynb"), "_cmd_x", "=cmd|x.ipynb"),
    "deflate": (Raw(b"a.ipynb", b"[]" * 999, method=8), "a", "a.ipynb"),
    "bzip2": (Raw(b"a.ipynb", b"[]" * 99_999, method=12), "a", "a.ipynb"),
    "LZMA": (Raw(b"a.ipynb", b"[]" * 99_999, method=14), "a", "a.ipynb"),
    "LZMA without an end mark": (Raw(b"a.ipynb", NOISE, method=14, data=compress(NOISE, 14)[:-5]), "a", "a.ipynb"),
    "empty": (Raw(b"a.ipynb", b"", method=8), "a", "a.ipynb"),
    "a version from the future": (Raw(b"a.ipynb", needed=99), "a", "a.ipynb"),
    "broken extra field": (Raw(b"a.ipynb", extra=b"\x99\x99\xff\xffx"), "a", "a.ipynb"),
    "comment of 64 kB": (Raw(b"a.ipynb", comment=b"c" * 65_535), "a", "a.ipynb"),
    "data descriptor": (Raw(b"a.ipynb", b"[]" * 999, method=8, flags=8), "a", "a.ipynb"),
    "no mode": (Raw(b"a.ipynb", mode=0), "a", "a.ipynb"),
    "no permissions": (Raw(b"a.ipynb", mode=stat.S_IFREG), "a", "a.ipynb"),
    "a zip by its content": (Raw(b"a.ipynb", write_zip([GOOD])), "a", "a.ipynb"),
}


@pytest.mark.parametrize(("odd", "name", "source"), READ.values(), ids=READ)
def test_odd_entries_are_read_under_a_safe_name(tmp_path: Path, odd: Raw, name: str, source: str) -> None:
    found = collect_zip(tmp_path, odd, GOOD)
    assert contents(found) == {name: [odd.content], "good": [GOOD.content]}
    assert {one.source for one in found.submissions} == {source, "good.ipynb"}


@pytest.mark.parametrize("around", [
    {"before": b"MZ" * 5000}, {"comment": b"c" * 65_535}, {"comment": b"PK\5\6" + b"c" * 40}, {"after": b"\0" * 500}, {"wide": True},
    {"wide": True, "before": b"#!" * 99, "comment": b"PK\6\7"},
], ids=["self-extracting", "long comment", "comment like an end", "bytes behind", "zip64", "zip64 with more around it"])
def test_what_surrounds_a_zip_does_not_matter(tmp_path: Path, around: dict[str, bytes]) -> None:
    source = tmp_path / "all.zip"
    source.write_bytes(write_zip([GOOD], **around))  # type: ignore[arg-type]  # rows of keyword arguments
    assert contents(collect(source)) == {"good": [GOOD.content]}


WHOLE = write_zip([GOOD, Raw(b"b.ipynb")])

NO_ZIP: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty"),
    "gzip": (b"\x1f\x8b\x08" + b"x" * 99, "gzip.*unpack it"),
    "tar": (b"\0" * 257 + b"ustar\0" + b"\0" * 300, "tar archive.*unpack it"),
    "rar": (b"Rar!\x1a\x07\1\0" + b"x" * 99, "RAR.*unpack it"),
    "7z": (b"7z\xbc\xaf\x27\x1c" + b"x" * 99, "7z.*unpack it"),
    "bzip2": (b"BZh9" + b"x" * 99, "bzip2.*unpack it"),
    "xz": (b"\xfd7zXZ\0" + b"x" * 99, "xz.*unpack it"),
    "zstd": (b"\x28\xb5\x2f\xfd" + b"x" * 99, "zstd.*unpack it"),
    "notebook": (b'\xef\xbb\xbf\n {"cells": []}', "is a notebook.*put it into a folder"),
    "log-in page": (b"\n<!DOCTYPE html><html>", "web page.*log in"),
    "PDF": (b"%PDF-1.7", "PDF"),
    "anything": (b"x" * 99_999, "cut off.*download it again"),
    "cut off at its end": (WHOLE[:-30], "cut off.*download it again"),
    "cut off at its beginning": (WHOLE[50:], "cut off.*download it again"),
    "a part of several": (WHOLE[:-18] + b"\1\0\1\0" + WHOLE[-14:], "one part of several"),
    "fewer entries than listed": (write_zip([GOOD, GOOD], count=1), "says it holds 1 entries and lists 2"),
    "more entries than listed": (write_zip([GOOD], count=500), "says it holds 500 entries and lists 1"),
    "2 ** 40 entries": (write_zip([GOOD], count=1 << 40, wide=True), "more than 100000"),
    "broken list": (WHOLE.replace(b"PK\1\2", b"PKxx"), "breaks off at entry 1"),
    "list broken amid": (WHOLE[:WHOLE.rindex(b"PK\1\2")] + b"PKxx" + WHOLE[WHOLE.rindex(b"PK\1\2") + 4:], "breaks off at entry 2"),
    "list of 65 MB": (write_zip([Raw(b"a", extra=b"e" * 65_000)] * 1001), "list of entries of 65 MB"),
    "no entries": (write_zip([]), "no notebook"),
}


@pytest.mark.parametrize(("content", "words"), NO_ZIP.values(), ids=NO_ZIP)
def test_what_is_no_zip_is_named_with_a_mend(tmp_path: Path, content: bytes, words: str) -> None:
    source = tmp_path / "all.zip"
    source.write_bytes(content)
    with pytest.raises(UsageError, match=rf"all\.zip: .*{words}"):
        collect(source)


def test_more_entries_than_any_class_has_are_refused(tmp_path: Path) -> None:
    source = tmp_path / "all.zip"
    source.write_bytes(write_zip([Raw(b"", b"")] * 100_001, count=100_001 & 0xFFFF))  # without zip64, counted modulo 65,536
    with pytest.raises(UsageError, match="holds more than 100000 entries"):
        collect(source)
    source.write_bytes(write_zip([GOOD, *[Raw(b"x", b"")] * 99_999], count=100_000 & 0xFFFF))
    assert len(collect(source).left_out) == 99_999


DAMAGED: dict[str, Raw] = {
    "wrong checksum": Raw(b"a.ipynb", crc=1),
    "larger than it says": Raw(b"a.ipynb", b"0" * 5000, method=8, size=10),
    "smaller than it says": Raw(b"a.ipynb", b"0" * 5000, method=8, size=6000),
    "stored, smaller than it says": Raw(b"a.ipynb", size=3),
    "another name inside": Raw(b"a.ipynb", local_name=b"b.ipynb"),
    "not deflated": Raw(b"a.ipynb", method=8, data=b"\xff" * 50),
    "deflated and cut off": Raw(b"a.ipynb", os.urandom(500), method=8, data=b"\1\xf4\1\x0b\xfe"),
    "not bzip2": Raw(b"a.ipynb", method=12, data=b"BZh9" + b"\xff" * 50),
    "not LZMA": Raw(b"a.ipynb", method=14, data=b"\x14\x09\5\0\x5d\0\0\1\0" + b"\xff" * 50),
    "LZMA with odd settings": Raw(b"a.ipynb", method=14, data=b"\x14\x09\5\0\xff\0\0\1\0" + b"\xff" * 50),
    "LZMA of 3 bytes": Raw(b"a.ipynb", method=14, data=b"abc"),
}


@pytest.mark.parametrize("raw", DAMAGED.values(), ids=DAMAGED)
def test_a_member_that_lies_is_an_os_error(tmp_path: Path, raw: Raw) -> None:
    one, other = collect_zip(tmp_path, raw, GOOD).submissions
    with pytest.raises(OSError, match="damaged at this entry"):
        read_file(one.files[0], 50)
    assert read_file(other.files[0], 50) == GOOD.content


@pytest.mark.parametrize("method", [8, 12, 14])
def test_a_bomb_whose_size_is_a_lie_takes_no_memory(tmp_path: Path, method: int) -> None:
    found = collect_zip(tmp_path, Raw(b"a.ipynb", b"0" * 60_000_000, method=method, size=60_000))
    tracemalloc.start()
    try:
        with pytest.raises(OSError, match="damaged"):
            read_file(found.submissions[0].files[0], 50)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_the_dictionary_of_lzma_is_no_larger_than_its_content(tmp_path: Path) -> None:
    honest = write_zip([Raw(b"a.ipynb", b"[]" * 999, method=14)])
    at = honest.index(b"\x14\x09\5\0")
    (tmp_path / "all.zip").write_bytes(honest[:at + 5] + b"\xff\xff\xff\x7f" + honest[at + 9:])  # asks for 2 GB
    found = collect(tmp_path / "all.zip")
    tracemalloc.start()
    try:
        assert contents(found) == {"a": [b"[]" * 999]}
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_entries_that_share_one_kernel_are_refused_but_one(tmp_path: Path) -> None:
    kernel = Raw(b"0.ipynb")
    found = collect_zip(tmp_path, kernel, *(replace(kernel, name=b"%d.ipynb" % number, at=0) for number in range(1, 9)), GOOD)
    told = problems(found)
    assert len(told) == 8
    assert all("where another entry lies" in message for message in told.values())
    quoted = [Raw(b"a.ipynb", packed=60), Raw(b"b.ipynb"), GOOD]  # the first one's data are the second, header and all
    assert set(problems(collect_zip(tmp_path, *quoted))) == {"a"}


def test_two_members_of_one_name_are_kept_apart(tmp_path: Path) -> None:
    found = collect_zip(tmp_path, Raw(b"a.ipynb", b"1"), Raw(b"a.ipynb", b"2"), Raw(b"ann/hw.ipynb", b"3"), Raw(b"ann/hw.ipynb", b"4"))
    assert contents(found) == {"a": [b"1"], "a-2": [b"2"], "ann": [b"4", b"3"]}


def test_names_that_one_file_system_or_another_takes_for_one_stay_apart(tmp_path: Path) -> None:
    names = ["Ann", "ann", "é", "e\u0301", "straße", "STRASSE", "a?", "a*", "CON", "con", "\u1fb3", "\u03b1\u0345"]
    found = collect_zip(tmp_path, *(Raw(f"{name}.ipynb".encode(), name.encode(), flags=UTF8) for name in names))
    assert sorted(content for content, in contents(found).values()) == sorted(name.encode() for name in names)
    folded = {unicodedata.normalize("NFD", unicodedata.normalize("NFD", one.id).casefold()) for one in found.submissions}
    assert len(folded) == len(names)


def test_many_names_that_collide_are_counted_on() -> None:
    assert list(distinct(["a", "a-2", "a", "a", "A", "a-2"])) == ["a", "a-2", "a-3", "a-4", "A-5", "a-2-2"]
    assert len(set(distinct(["a"] * 30_000))) == 30_000


@pytest.mark.parametrize("name", ["con .x", "COM¹", "lpt1.tar.gz", "nul", "\ud800", "a\udcff\ud800"])
def test_ids_hold_no_name_that_a_system_reserves_or_refuses(name: str) -> None:
    assert re.fullmatch(r"[\w .-]+", safe_id(name).encode().decode())
    assert safe_id(name).startswith("_") or name[0] == "a"
    assert shown(name).encode()


def test_a_hostile_entry_leaves_a_zip_of_one_folder_what_it_is(tmp_path: Path) -> None:
    class_ = [Raw(b"hw1/ann.ipynb", b"1"), Raw(b"hw1/bob/x.ipynb", b"2"), Raw(b"hw1/cat/", b"")]
    found = collect_zip(tmp_path, *class_, Raw(b"/evil.ipynb"), Raw(b"note.txt"), Raw(b"__MACOSX/hw1/._ann.ipynb"))
    assert contents(found) == {"ann": [b"1"], "bob": [b"2"], "evil": []}
    assert set(found.left_out) == {
        "note.txt", "cat (is a folder with nothing in it)", "__MACOSX (1 hidden or left by a system)"}
    assert list(contents(collect_zip(tmp_path, Raw(b"ann/hw.ipynb"), Raw(b"ann/data/x.csv")))) == ["ann"]


def test_what_is_refused_beside_a_notebook_is_listed(tmp_path: Path) -> None:
    found = collect_zip(tmp_path, GOOD, Raw(b"ann/hw.ipynb"), Raw(b"ann/hw2.ipynb", mode=stat.S_IFLNK), Raw(b"ann/hw3.ipynb", flags=1))
    assert contents(found) == {"ann": [b"{}"], "good": [GOOD.content]}
    assert set(found.left_out) == {"ann/hw2.ipynb (is a symbolic link)", "ann/hw3.ipynb (is encrypted)"}


def test_a_hand_in_of_too_many_or_too_large_notebooks_costs_only_itself(tmp_path: Path) -> None:
    many = [Raw(b"ann/%d.ipynb" % number) for number in range(grouping.MOST_NOTEBOOKS + 1)]
    told = problems(collect_zip(tmp_path, GOOD, *many))
    assert list(told) == ["ann"]
    assert "101 notebooks, more than 100" in told["ann"]
    assert problems(collect_zip(tmp_path, GOOD, *many[1:])) == {}
    large = [Raw(b"ann/%d.ipynb" % number, size=200_000_000, packed=1_500_000, data=b"0" * 1_500_000, method=8) for number in range(2)]
    told = problems(collect_zip(tmp_path, GOOD, *large))
    assert list(told) == ["ann"]
    assert "larger than 256 MB" in told["ann"]


def test_of_a_class_that_is_too_large_only_the_largest_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouping, "MOST_BYTES_IN_ALL", 1000)
    found = collect_zip(tmp_path, *(Raw(b"%d.ipynb" % number, b"0" * number) for number in (100, 350, 200, 300, 250)), Raw(b"x.ipynb", flags=1))
    assert set(problems(found)) == {"350", "x"}


def test_a_size_beyond_the_limit_is_refused_unread(tmp_path: Path) -> None:
    found = collect_zip(tmp_path, Raw(b"a.ipynb", size=2_000_000, data=b"\xff" * 20_000, method=8))
    with pytest.raises(TooLargeError):
        read_file(found.submissions[0].files[0], 1)
    with (tmp_path / "a.ipynb").open("wb") as stream:
        stream.truncate(1 << 32)  # takes no room on the disk
    with pytest.raises(TooLargeError):
        read_file(collect(tmp_path).submissions[0].files[0], 1)


def test_a_zip_that_changes_while_it_is_graded_is_told(tmp_path: Path) -> None:
    file = collect_zip(tmp_path, GOOD).submissions[0].files[0]
    os.replace(make_other_zip(tmp_path), tmp_path / "all.zip")
    with pytest.raises(OSError, match="changed since it was listed"):
        read_file(file, 50)
    (tmp_path / "all.zip").unlink()
    with pytest.raises(OSError, match="No such file"):
        read_file(file, 50)


def make_other_zip(folder: Path) -> Path:
    other = folder / "other.zip"
    other.write_bytes(write_zip([replace(GOOD, content=b'{"evil": 1}')]))
    return other


NAMES = st.one_of(st.text(max_size=12), st.text(alphabet="aAé/\\.: \0~", max_size=12))
ENDINGS = st.sampled_from(["", ".ipynb", ".IPYNB", "/", ".txt"])


def collect_apart(members: list[Raw]) -> tuple[Collection, list[bytes]]:
    """What is found, and all contents; the folder holds the zip alone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        found = collect_zip(Path(folder), *members)
        read = [content for found_ones in contents(found).values() for content in found_ones]
        assert os.listdir(folder) == ["all.zip"]
    return found, read


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(NAMES, ENDINGS), max_size=8))
def test_whatever_the_names_submissions_are_apart_and_safe(names: list[tuple[str, str]]) -> None:
    found, read = collect_apart([GOOD, *(Raw((name + end).encode(), b"%d" % at, flags=UTF8) for at, (name, end) in enumerate(names))])
    assert GOOD.content in read
    assert len(set(read)) == len(read)
    assert len({one.id.casefold() for one in found.submissions}) == len(found.submissions)
    for one in found.submissions:
        assert one.id == safe_id(one.id)
        assert bool(one.files) != bool(one.problem)


@settings(max_examples=150, deadline=None)
@given(st.lists(NAMES.filter(lambda name: ".ipynb" not in name.lower()), max_size=8))
def test_whatever_the_names_each_notebook_is_used_or_told(names: list[str]) -> None:
    found, read = collect_apart([GOOD, *(Raw(f"{name}.ipynb".encode(), b"%d" % at, flags=UTF8) for at, name in enumerate(names))])
    folders = {one.source.split("/")[0] for one in found.submissions if "/" in one.source}
    paths = [[shown(part) for part in re.split(r"[/\\]", f"{name}.ipynb") if part not in ("", ".")] for name in names]
    hidden = [path for path in paths if path[0] in folders and any(part.startswith(".") for part in path)]
    listed = sum(int(count[1]) if (count := re.search(r"\((\d+) hidden", line)) else 1 for line in found.left_out)
    assert len(names) + 1 - len(hidden) <= len(read) + len(problems(found)) + listed <= len(names) + 1


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that another user may enter."""
    made = Path(tempfile.mkdtemp())
    made.chmod(0o755)
    yield made
    for place, _, _ in os.walk(made):
        Path(place).chmod(0o755)
    shutil.rmtree(made)


def collect_unprivileged(folder: Path) -> Collection:
    if os.geteuid():
        return collect(folder)
    os.seteuid(65534)
    try:
        return collect(folder)
    finally:
        os.seteuid(0)


def test_what_may_not_be_read_is_told(open_folder: Path) -> None:
    for name in ("good.ipynb", "shut/hw.ipynb", "part/hw.ipynb", "part/shut/hw.ipynb", "both/shut/hw.ipynb"):
        (open_folder / name).parent.mkdir(parents=True, exist_ok=True)
        (open_folder / name).write_text("{}", encoding="utf-8")
    for name in ("shut", "part/shut", "both/shut"):
        (open_folder / name).chmod(0)
    found = collect_unprivileged(open_folder)
    told = problems(found)
    assert set(told) == {"shut", "both"}
    assert all("cannot be listed (Permission denied)" in message for message in told.values())
    assert found.left_out == ("part/shut (is a folder that cannot be listed: Permission denied)",)


def test_a_source_that_may_not_be_read_is_a_wrong_command(open_folder: Path) -> None:
    (open_folder / "shut" / "inner").mkdir(parents=True)
    (open_folder / "shut").chmod(0)
    (open_folder / "all.zip").write_bytes(WHOLE)
    (open_folder / "all.zip").chmod(0)
    for source in ("shut", "shut/inner", "all.zip", "x" * 5000):
        with pytest.raises(UsageError, match=r"cannot be|no such"):
            collect_unprivileged(open_folder / source)


def test_a_folder_that_is_swapped_for_a_link_leads_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret, inside = tmp_path / "secret", tmp_path / "class"
    for name in ("secret/sub/hw.ipynb", "class/ann/sub/hw.ipynb"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(name, encoding="utf-8")
    file = collect(inside).submissions[0].files[0]
    assert read_file(file, 1) == b"class/ann/sub/hw.ipynb"
    os.rename(inside / "ann", tmp_path / "gone")
    (inside / "ann").symlink_to(secret)
    with pytest.raises(OSError, match=r"Not a directory|symbolic"):
        read_file(file, 1)
    (inside / "ann").unlink()
    os.rename(tmp_path / "gone", inside / "ann")

    def swap(descriptor: int) -> Iterator[tuple[str, Kind, int]]:
        seen = list(scan(descriptor))
        if ("ann", "folder") in [(name, kind) for name, kind, _ in seen]:
            os.rename(inside / "ann", tmp_path / "gone")
            (inside / "ann").symlink_to(secret)
        return iter(seen)

    scan = folder._scan
    monkeypatch.setattr(folder, "_scan", swap)
    assert "cannot be listed" in problems(collect(inside))["ann"]


def test_a_folder_that_vanishes_while_it_is_listed_costs_only_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ann").mkdir()
    (tmp_path / "good.ipynb").write_text("{}", encoding="utf-8")
    scan = folder._scan

    def vanish(descriptor: int) -> Iterator[tuple[str, Kind, int]]:
        seen = list(scan(descriptor))
        shutil.rmtree(tmp_path / "ann", ignore_errors=True)
        return iter(seen)

    monkeypatch.setattr(folder, "_scan", vanish)
    found = collect(tmp_path)
    assert "No such file" in problems(found)["ann"]
    assert contents(found)["good"] == [b"{}"]


def test_links_that_lead_round_and_folders_without_end_are_not_walked(tmp_path: Path) -> None:
    (tmp_path / "ann").mkdir()
    (tmp_path / "ann" / "loop").symlink_to("..")
    (tmp_path / "ann" / "hw.ipynb").write_text("{}", encoding="utf-8")
    deep = tmp_path / "bob" / "/".join("d" * 300)
    deep.mkdir(parents=True)
    (deep / "hw.ipynb").write_text("{}", encoding="utf-8")
    found = collect(tmp_path)
    assert contents(found) == {"ann": [b"{}"], "bob": []}
    assert "too many folders deep (more than 8)" in problems(found)["bob"]


def test_a_folder_of_too_many_files_costs_only_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "MOST_FILES", 50)
    monkeypatch.setattr(folder, "MOST_KEPT", 10)
    for name, count in {"endless": 60, "nothing": 20, "fine": 20}.items():
        (tmp_path / name).mkdir()
        for number in range(count):
            (tmp_path / name / f"{number}.txt").touch()
    for name in ("endless", "fine"):
        (tmp_path / name / "hw.ipynb").write_text("{}", encoding="utf-8")
    found = collect(tmp_path)
    assert contents(found) == {"endless": [], "fine": [b"{}"], "nothing": []}
    assert {name: "too many files" in message for name, message in problems(found).items()} == {"endless": True, "nothing": True}
    monkeypatch.setattr(collecting, "MOST_ENTRIES", 2)
    with pytest.raises(UsageError, match="more than 2 files"):
        collect(tmp_path)


def test_reads_in_forked_processes_do_not_disturb_each_other(tmp_path: Path) -> None:
    members = [Raw(b"%d.ipynb" % number, os.urandom(300_000), method=8) for number in range(8)]
    files = [one.files[0] for one in collect_zip(tmp_path, *members).submissions]
    children = []
    for _ in range(4):
        child = os.fork()
        if not child:
            same = all(read_file(file, 1) == member.content for file, member in zip(files * 5, members * 5, strict=True))
            os._exit(0 if same else 1)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 4


def test_the_standard_librarys_zips_are_read_alike(tmp_path: Path) -> None:
    with warnings.catch_warnings(), zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        warnings.simplefilter("ignore")  # of the duplicate
        for name, method in (("a", zipfile.ZIP_STORED), ("b", zipfile.ZIP_DEFLATED), ("c", zipfile.ZIP_BZIP2), ("d", zipfile.ZIP_LZMA), ("d", 0)):
            archive.writestr(f"{name}.ipynb", name.encode() * 3000, method)
        with archive.open("wide.ipynb", "w", force_zip64=True) as stream:
            stream.write(b"w")
    assert contents(collect(tmp_path / "all.zip")) == {
        "a": [b"a" * 3000], "b": [b"b" * 3000], "c": [b"c" * 3000], "d": [b"d" * 3000], "d-2": [b"d" * 3000], "wide": [b"w"]}


def test_a_hostile_zip_is_graded_from_the_command_line(tmp_path: Path) -> None:
    kinds = ("traversal", "absolute", "symbolic link", "encrypted", "ratio", "size of 2 ** 63", "packed beyond its end")
    evil = [replace(REFUSED[kind][0], name=REFUSED[kind][0].name.replace(b"evil", b"evil-%d" % number)) for number, kind in enumerate(kinds)]
    odd = [Raw(b"\x1b[31mred\n.ipynb", solved()), Raw(b"twin.ipynb", solved()), Raw(b"twin.ipynb", b"{"), Raw(b"../../note.txt"), DAMAGED["wrong checksum"]]
    (tmp_path / "all.zip").write_bytes(write_zip([Raw(b"ann/hw.ipynb", solved(), method=8), *evil, *odd]))
    run = subprocess.run(
        [sys.executable, "-m", "grader", "grade", str(tmp_path / "all.zip"), "--out", str(tmp_path / "out"), "--jobs", "2"],
        capture_output=True, text=True, cwd=ROOT, timeout=120, env={**os.environ, "COLUMNS": "100", "GRADER_SEED": "tests"}, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    assert "\x1b" not in run.stdout
    for line in ("ann: 80 of 80", "__31mred_: 80 of 80", "twin: 80 of 80", "twin-2: needs attention", "note.txt (has a name that points out"):
        assert line in run.stdout
    assert run.stdout.count("needs attention (") == len(evil) + 2
    assert len(os.listdir(tmp_path / "out" / "results")) == len(evil) + 5
    assert sorted(os.listdir(tmp_path)) == ["all.zip", "out"]


def test_a_member_is_small_enough_to_keep_100_000(tmp_path: Path) -> None:
    member = collect_zip(tmp_path, GOOD).submissions[0].files[0].member
    assert isinstance(member, Member)
    assert not hasattr(member, "__dict__")
