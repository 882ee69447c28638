"""The corpus of attacks, run through `grader grade` as a user would, at every level of walls: no harm, no lie believed, nothing lost."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests import attack_range
from tests.attack_range import (
    CORPUS,
    FAMILIES,
    HONEST,
    LEVELS,
    LONG_TEXTS,
    Attack,
    Level,
    Strike,
    children,
    differences,
    fingerprints,
    heard_by,
    left_behind,
    listen,
    processes_left,
    read_corpus,
    strike,
    why_not,
)

ATTACKS = read_corpus()


@pytest.fixture(scope="module", params=LEVELS, ids=lambda level: level.name)
def level(request: pytest.FixtureRequest) -> Level:
    wanted: Level = request.param
    reason = why_not(wanted)
    if reason:
        pytest.skip(reason)
    return wanted


@pytest.fixture(scope="module")
def struck(level: Level) -> Strike:
    return strike(level, ATTACKS)


# --- what came of it --------------------------------------------------------------------------------------------------


def test_the_run_ends_well_and_every_hand_in_has_a_result(struck: Strike) -> None:
    assert (struck.honest_status, struck.status) == (0, 0), struck.stdout[-2000:] + struck.stderr[-2000:]
    assert "Traceback" not in struck.stdout + struck.stderr
    wanted = {attack.file_name for attack in ATTACKS} | {f"{name}.ipynb" for name in HONEST}
    assert set(struck.results) == wanted
    ids = [data["submission"]["id"] for data in struck.results.values()]
    files = {f"results/{name}.json" for name in ids} | {f"feedback/{name}.html" for name in ids} | {"grades.csv", "index.html"}
    assert set(struck.out) == files


def test_the_walls_are_those_of_the_level(struck: Strike, level: Level) -> None:
    layers = struck.results[f"{HONEST[0]}.ipynb"]["receipt"]["layers"]
    assert ("bubblewrap" in layers) == level.bubblewrap
    assert any(layer.startswith("landlock") for layer in layers) == level.landlock
    assert "seccomp" in layers


def test_every_attack_gets_its_verdict(struck: Strike, level: Level) -> None:
    wrong = [line for attack in ATTACKS for line in mismatches(attack, level, struck)]
    assert not wrong, f"{len(wrong)} at level “{level.name}”:\n" + "\n".join(wrong)


def mismatches(attack: Attack, level: Level, struck: Strike) -> Iterator[str]:
    """What of an attack's result is not as the corpus says."""
    here = attack.levels.get(level.name, {})
    data = struck.results.get(attack.file_name)
    if data is None:
        yield f"{attack.title}: no result"
        return
    codes = [problem["code"] for problem in data["attention"]]
    if codes != ([attack.attention] if attack.attention else []):
        yield f"{attack.title}: needs attention {data['attention']}, expected {attack.attention or 'none'}"
    for short, exercise in (("a", "self_attention"), ("b", "multi_head_attention")):
        found = data["exercises"].get(exercise, {"verdict": "", "message": ""})
        wanted = here.get(short, getattr(attack, short)) or ("",)
        if found["verdict"] not in wanted:
            yield f"{attack.title} ({short}): {found['verdict']}, expected {' or '.join(wanted)}: {found['message'][:300]}"
    if (data["score"] or 0) > here.get("most", attack.most):
        yield f"{attack.title}: scores {data['score']}, expected at most {here.get('most', attack.most)}"


def test_no_canary_noticed_anything(struck: Strike) -> None:
    assert {name: seen for name, seen in struck.harm.items() if seen} == {}


def test_no_secret_got_into_any_output(struck: Strike) -> None:
    told = {**struck.out, "standard output": struck.stdout.encode(), "standard error": struck.stderr.encode()}
    found = [f"{kind} in {name}" for kind, secret in struck.secrets.items() for name, text in told.items() if secret.encode() in text]
    assert found == []


def test_what_an_attack_says_aloud_would_be_found(struck: Strike) -> None:
    route = next(attack for attack in ATTACKS if attack.title == "exfiltrate/words_in_an_exception")
    name = struck.results[route.file_name]["submission"]["id"]
    for file in (f"results/{name}.json", f"feedback/{name}.html"):
        assert struck.said.encode() in struck.out[file]


def test_the_honest_get_byte_for_byte_what_they_get_alone(struck: Strike) -> None:
    files = [f"{folder}/{name}.{kind}" for name in HONEST for folder, kind in (("results", "json"), ("feedback", "html"))]
    assert [file for file in files if struck.out.get(file) != struck.honest[file]] == []


# --- what is written --------------------------------------------------------------------------------------------------


def test_no_page_does_or_asks_for_anything(struck: Strike) -> None:
    pages = {name: text.decode() for name, text in struck.out.items() if name.endswith(".html")}
    assert [f"{name}: {one}" for name, page in pages.items() for one in live_parts(page)] == []


def test_no_cell_of_the_table_is_a_formula(struck: Strike) -> None:
    rows = list(csv.reader(io.StringIO(struck.out["grades.csv"].decode())))
    assert len(rows) > len(ATTACKS)
    assert [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))] == []


def test_no_output_holds_a_hidden_character(struck: Strike) -> None:
    hidden = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
    told = {**struck.out, "standard output": struck.stdout.encode(), "standard error": struck.stderr.encode()}
    assert [name for name, text in told.items() if hidden.search(name) or hidden.search(text.decode())] == []


class LiveParts(HTMLParser):
    """Collects what in a page could act, or ask for something from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in LIVE_TAGS:
            self.found.append(f"<{tag}>")
        for name, value in attrs:
            text = re.sub(r"[\x00-\x20]", "", value or "").lower()
            allowed = SCHEMES.get(name)
            if name.startswith("on") or name in ("srcdoc", "formaction", "ping", "background"):
                self.found.append(f"<{tag} {name}>")
            elif allowed is not None and ":" in text.partition("/")[0] and not text.startswith(allowed):
                self.found.append(f"<{tag} {name}={text[:60]}>")
            elif name in ("src", "srcset", "poster", "data") and not text.startswith("data:image/"):
                self.found.append(f"<{tag} {name}={text[:60]}>")
            elif name == "style" and ("url(" in text or "expression" in text or "position:fixed" in text):
                self.found.append(f"<{tag} style={text[:60]}>")
            elif name == "http-equiv" and text not in ("content-security-policy", "content-type"):
                self.found.append(f"<meta {text}>")


LIVE_TAGS = {"script", "iframe", "frame", "object", "embed", "form", "base", "link", "applet", "audio", "video", "portal", "foreignobject"}
SCHEMES = {"href": ("http:", "https:", "mailto:"), "xlink:href": ("#",), "action": (), "cite": ("http:", "https:")}


def live_parts(page: str) -> list[str]:
    parser = LiveParts()
    parser.feed(page)
    parser.close()
    return parser.found
