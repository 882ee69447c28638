"""The corpus of attacks, run through `grader grade` as a user would, at every level of walls: no harm, no lie believed, nothing lost."""

from __future__ import annotations

import csv
import io
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.attack_range import (
    CORPUS,
    FAMILIES,
    HONEST,
    LEVELS,
    LONG_TEXTS,
    PLACEHOLDERS,
    Attack,
    Level,
    Strike,
    adopt_orphans,
    children,
    differences,
    end_bystander,
    fingerprints,
    heard_by,
    left_behind,
    listen,
    processes_left,
    read_corpus,
    start_bystander,
    strike,
    why_not,
)
from tests.support import without_own_script

ATTACKS = read_corpus()
pytestmark = pytest.mark.slow


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
    wanted = {attack.source for attack in ATTACKS} | {f"{name}.ipynb" for name in HONEST}
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
    data = struck.results.get(attack.source)
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
    name = struck.results[route.source]["submission"]["id"]
    for file in (f"results/{name}.json", f"feedback/{name}.html"):
        assert struck.said.encode() in struck.out[file]


def test_the_honest_get_byte_for_byte_what_they_get_alone(struck: Strike) -> None:
    files = [f"{folder}/{name}.{kind}" for name in HONEST for folder, kind in (("results", "json"), ("feedback", "html"))]
    assert [file for file in files if struck.out.get(file) != struck.honest[file]] == []


# --- what is written --------------------------------------------------------------------------------------------------


def test_no_page_does_or_asks_for_anything(struck: Strike) -> None:
    pages = {name: text.decode() for name, text in struck.out.items() if name.endswith(".html")}
    pages["index.html"] = without_own_script(pages["index.html"])
    assert [f"{name}: {one}" for name, page in pages.items() for one in live_parts(page)] == []


def test_no_cell_of_the_table_is_a_formula(struck: Strike) -> None:
    rows = list(csv.reader(io.StringIO(struck.out["grades.csv"].decode())))
    assert len(rows) > len(ATTACKS)
    assert [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))] == []


def test_nothing_that_people_look_at_holds_a_hidden_character(struck: Strike) -> None:
    """results/*.json are for programs and hold an answer as it was given."""
    hidden = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
    told = {name: text.decode() for name, text in struck.out.items() if not name.endswith(".json")}
    told |= {"standard output": struck.stdout, "standard error": struck.stderr}
    assert [name for name in struck.out if hidden.search(name)] + [name for name, text in told.items() if hidden.search(text)] == []


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
            if name.startswith("on") or name in ("srcdoc", "formaction", "ping", "background"):
                self.found.append(f"<{tag} {name}>")
            elif loads(name, text) or leads_astray(name, text):
                self.found.append(f"<{tag} {name}={text[:60]}>")
            elif name == "style" and ("url(" in text or "expression" in text or "position:fixed" in text):
                self.found.append(f"<{tag} style={text[:60]}>")
            elif name == "http-equiv" and text not in ("content-security-policy", "content-type"):
                self.found.append(f"<meta {text}>")


LIVE_TAGS = {"script", "iframe", "frame", "object", "embed", "form", "base", "link", "applet", "audio", "video", "portal", "foreignobject"}
SCHEMES = {"href": ("http:", "https:", "mailto:"), "xlink:href": ("#",), "action": (), "cite": ("http:", "https:")}


def loads(attribute: str, target: str) -> bool:
    return attribute in ("src", "srcset", "poster", "data") and not target.startswith("data:image/")


def leads_astray(attribute: str, target: str) -> bool:
    return attribute in SCHEMES and ":" in target.partition("/")[0] and not target.startswith(SCHEMES[attribute])


def live_parts(page: str) -> list[str]:
    parser = LiveParts()
    parser.feed(page)
    parser.close()
    return parser.found


# --- the canaries themselves ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["TCP", "UDP", "unix", "abstract unix"])
def test_a_listener_hears_whoever_speaks_and_nobody_else(tmp_path: Path, kind: str) -> None:
    listeners = listen(tmp_path, "control")
    try:
        assert heard_by(listeners) == set()
        family = socket.AF_UNIX if "unix" in kind else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM if kind == "UDP" else socket.SOCK_STREAM) as speaker:
            speaker.connect(listeners[kind].getsockname())
            if kind == "UDP":
                speaker.send(b"x")
        assert heard_by(listeners) == {kind}
    finally:
        for listener in listeners.values():
            listener.close()


def test_every_change_of_a_file_is_noticed(tmp_path: Path) -> None:
    for name in ("written", "gone", "mode", "linked", "same"):
        (tmp_path / name).write_text(name)
    before = fingerprints(tmp_path)
    assert differences(before, fingerprints(tmp_path)) == []
    (tmp_path / "written").write_text("other")
    (tmp_path / "gone").unlink()
    (tmp_path / "mode").chmod(0o600)
    os.link(tmp_path / "linked", tmp_path / "link")
    (tmp_path / "folder").mkdir()
    (tmp_path / "dangling").symlink_to("nowhere")
    seen = {Path(path).name for path in differences(before, fingerprints(tmp_path))}
    assert seen == {"written", "gone", "mode", "linked", "link", "folder", "dangling"}


def test_a_daemon_is_found_and_ended() -> None:
    source = "import os, time\nif os.fork() == 0:\n    os.setsid()\n    os.fork() or time.sleep(60)\n"
    adopt_orphans(True)
    try:
        before = children()
        subprocess.run([sys.executable, "-c", source], check=True)
        assert len(processes_left(before, patience=0.2)) == 1
        assert children() == before
    finally:
        adopt_orphans(False)


def test_a_process_that_ends_in_time_is_no_daemon() -> None:
    adopt_orphans(True)
    try:
        before = children()
        source = "import os, time\nif os.fork() == 0:\n    time.sleep(0.2)\n"
        subprocess.run([sys.executable, "-c", source], check=True)
        assert processes_left(before, patience=10) == []
    finally:
        adopt_orphans(False)


@pytest.mark.parametrize("place", ["/tmp", "/dev/shm"])
def test_what_is_left_where_everyone_may_write_is_found(place: str) -> None:
    with tempfile.NamedTemporaryFile(prefix="left-", suffix="-control-token", dir=place) as left:
        assert left_behind("control-token") == [Path(left.name)]
    assert left_behind("control-token") == []


def test_the_process_beside_the_grader_tells_of_every_signal(tmp_path: Path) -> None:
    level = next(level for level in LEVELS if level.root)
    process = start_bystander(level, tmp_path, sys.executable, {"SECRET": "seen"})
    try:
        assert b"SECRET=seen" in Path("/proc", str(process.pid), "environ").read_bytes()
        before = fingerprints(tmp_path / "signals")
        process.send_signal(signal.SIGWINCH)
        wait_for(lambda: (tmp_path / "signals").read_text() == f"{signal.SIGWINCH.value}\n")
        assert differences(before, fingerprints(tmp_path / "signals")) == [str(tmp_path / "signals")]
    finally:
        end_bystander(process)
    assert process.poll() is not None


def wait_for(happens: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not happens():
        assert time.monotonic() < deadline
        time.sleep(0.01)


LIVE = [
    "<script>x</script>", "<img src=x onerror=y>", "<img src='http://x/y.png'>", "<a href='javascript:x'>x</a>", "<a href='j\tavascript:x'>x</a>",
    "<svg><a xlink:href='javascript:x'>x</a></svg>", "<iframe srcdoc=x></iframe>", "<p style='background:url(//x)'>", "<form action=x>",
    "<meta http-equiv=refresh content=0>", "<base href=/>", "<link rel=stylesheet href=x>", "<svg onload=x>", "<a href='data:text/html,x'>x</a>",
]


@pytest.mark.parametrize("part", LIVE)
def test_a_part_of_a_page_that_could_act_is_seen(part: str) -> None:
    assert live_parts(f"<p>{part}</p>")


# --- the corpus -------------------------------------------------------------------------------------------------------


def test_the_corpus_is_whole() -> None:
    assert len(ATTACKS) >= 80
    assert {attack.family for attack in ATTACKS} == set(FAMILIES)
    assert {attack.path for attack in ATTACKS} == set(CORPUS.rglob("*.ipynb"))
    assert len({attack.file_name for attack in ATTACKS}) == len(ATTACKS)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.title)
def test_an_attack_says_what_it_is_and_names_only_what_there_is(attack: Attack) -> None:
    assert attack.idea
    assert attack.stopped_by
    assert bool(attack.a and attack.b) != bool(attack.attention)
    assert {*attack.a, *attack.b} <= {"correct", "incorrect", "missing", "error", "timeout", "memory", "crashed", "forbidden"}
    assert set(attack.levels) <= {level.name for level in LEVELS}
    placeholders = set(re.findall(r"@[A-Z0-9_]{4,}@", attack.path.read_text(encoding="utf-8")))
    assert placeholders <= {f"@{name}@" for name in PLACEHOLDERS} | {name.strip('"') for name in LONG_TEXTS}
