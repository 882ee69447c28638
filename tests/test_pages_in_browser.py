"""The pages as a browser takes them: whatever a student wrote, nothing runs, nothing is requested, nothing covers or turns the rest.

Two defences are tried one by one. With its Content-Security-Policy a page must cause no violation, or markup got as far as the
policy; without the policy the same page must be as harmless.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route
from playwright.sync_api import Error as PlaywrightError

from grader.model import Notice, SubmissionName
from grader.report import render_class, render_similar, render_student
from grader.report.pages import SCRIPT
from tests.chromium import ABSENT, WHY_ABSENT, open_chromium
from tests.hostile_text import NAMES, TEXTS
from tests.test_report import ASSIGNMENT, CLASS, everywhere
from tests.test_similar import linked

pytestmark = pytest.mark.slow
if ABSENT:
    pytest.skip(WHY_ABSENT, allow_module_level=True)

SITE = "http://course.test/"
WIDTHS = (1280, 390)

# --- what a page may hold: each element with its attributes -----------------------------------------------------------

_BOTH: dict[str, str] = {
    "p": "class", "b": "", "strong": "", "code": "", "ul": "class", "ol": "class start", "li": "", "table": "class", "thead": "",
    "tbody": "", "tr": "", "th": "", "td": "", "span": "class", "div": "",
}
PAGE: dict[str, str] = _BOTH | {
    "html": "lang", "head": "", "meta": "charset http-equiv content name", "title": "", "style": "", "body": "class", "header": "",
    "main": "id tabindex", "section": "class id aria-labelledby", "article": "", "footer": "", "h1": "", "h2": "id class", "h3": "id",
    "h4": "", "p": "class aria-hidden role data-text", "a": "class href", "bdi": "",
    "div": "class dir tabindex role aria-label aria-labelledby hidden",
    "span": "class lang aria-hidden data-n data-o", "dl": "class", "dt": "", "dd": "", "figure": "class", "figcaption": "", "br": "",
    "table": "class aria-label aria-labelledby", "th": "scope class aria-sort", "td": "class title data-order", "tr": "data-kind",
    "label": "", "input": "type autocomplete spellcheck", "select": "", "option": "value", "button": "type", "script": "",
    "pre": "class tabindex role aria-label", "details": "class", "summary": "",
    "svg": "class viewBox role aria-label preserveAspectRatio aria-hidden", "g": "", "rect": "x y width height rx class",
    "text": "class x y", "path": "d",
}
ANSWER: dict[str, str] = _BOTH | {
    "th": "align", "td": "align", "a": "href rel", "img": "src alt", "math": "display", "mi": "mathvariant",
    "mo": "stretchy fence form separator movablelimits accent", "mfrac": "linethickness", "mspace": "width", "mtd": "columnalign",
    "mtable": "displaystyle", "mstyle": "displaystyle scriptlevel", "mover": "accent", "munder": "accentunder",
    "menclose": "notation",
} | dict.fromkeys((
    "br", "hr", "i", "em", "u", "s", "del", "sub", "sup", "small", "mark", "pre", "kbd", "blockquote", "mrow", "mn", "ms", "mtext",
    "msqrt", "mroot", "msub", "msup", "msubsup", "munderover", "mtr", "mpadded", "mphantom", "mmultiscripts",
), "")

AUDIT = """([page, answer, rows, script]) => {
  const wrong = [];
  const say = (what, element) => wrong.push(what + (element ? ": " + element.outerHTML.slice(0, 160) : ""));
  const ids = new Set();
  for (const element of document.querySelectorAll("*")) {
    const inside = element.parentElement?.closest(".prose");
    const allowed = (inside ? answer : page)[element.localName];
    if (allowed === undefined) { say("element", element); continue; }
    for (const {name, value} of element.attributes) {
      if (!allowed.split(" ").includes(name) || name.startsWith("on")) say("attribute " + name, element);
      if (inside && name === "class" && !/^(tex|display|heading|tex display)$/.test(value)) say("class", element);
      if (name === "id" && (ids.has(value) || ids.add(value) && false)) say("id twice", element);
    }
    if (element.localName === "a") {
      const own = /^(#[a-z0-9-]+|feedback\\/[^/:?#]+\\.html)$/.test(element.getAttribute("href"));
      const away = inside && /^(https?|mailto):$/.test(element.protocol) && element.rel === "noopener noreferrer nofollow";
      if (!own && !away && element.hasAttribute("href")) say("link", element);
    }
    if (element.localName === "img" && !/^data:image\\/(png|jpeg|gif|webp);base64,/.test(element.src)) say("picture", element);
    if (element.localName === "meta" && element.parentElement !== document.head) say("meta", element);
    if (element.shadowRoot) say("shadow root", element);
  }
  if (document.createTreeWalker(document, NodeFilter.SHOW_COMMENT).nextNode()) say("comment");
  if (document.styleSheets.length !== 1) say("style sheets: " + document.styleSheets.length);
  if ([...document.scripts].some((one, at) => at || one.text !== script || one.parentElement !== document.body)) say("script");
  const blocks = [...document.body.children].map(one => one.localName + (one.id ? "#" + one.id : "")).join(" ");
  if (!/^a header main#content( footer| script)?$/.test(blocks)) say("body holds " + blocks);
  if (document.querySelectorAll("h1").length !== 1 || !document.querySelector("header > h1")) say("h1");
  if ([...document.querySelectorAll("section")].some(one => one.parentElement.id !== "content")) say("section elsewhere");
  const found = [".class tbody tr", "article", ".exercise"].map(one => document.querySelectorAll(one).length).join(" ");
  if (found !== rows) say("rows, articles, exercises are " + found + " where " + rows + " were written");
  if (window.pwned !== undefined) say("a script ran");
  return wrong;
}"""

LAYOUT = """() => {
  const wrong = [], root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) wrong.push(`${root.scrollWidth} wide in ${root.clientWidth}`);
  let below = 0;
  scrollTo({top: 0, behavior: "instant"});
  for (const block of document.querySelectorAll("header, section, footer")) {
    const box = block.getBoundingClientRect();
    if (box.top < below - 1) wrong.push("covers what is above: " + block.outerHTML.slice(0, 80));
    if (box.left < 0 || box.right > root.clientWidth + 1) wrong.push("beside the page: " + block.outerHTML.slice(0, 80));
    below = box.bottom;
  }
  for (const one of document.querySelectorAll("h1, h2, .score, .head .badge, .exercise h3, article h3")) {
    if (!one.checkVisibility()) continue;
    one.scrollIntoView({behavior: "instant", block: "center"});
    const box = one.getBoundingClientRect();
    const hit = document.elementFromPoint(box.left + Math.min(box.width / 2, 20), box.top + box.height / 2);
    if (!hit || !(one.contains(hit) || hit.contains(one))) wrong.push("covered: " + one.outerHTML.slice(0, 80));
  }
  for (const one of document.querySelectorAll(".prose")) if (one.clientHeight > 4000) wrong.push("tall: " + one.clientHeight);
  return wrong;
}"""

# --- the browser, and what it did -------------------------------------------------------------------------------------


@dataclass
class Deeds:
    """What happened while a page was open, beyond the page itself."""

    requests: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser that lets everything through: every address answers, with a script."""
    opened = browser.new_context()
    opened.route(re.compile("^(?!file:|data:)"), _answer)
    opened.add_init_script("addEventListener('securitypolicyviolation', event => console.error('policy', event.blockedURI))")
    yield opened
    opened.close()


def _answer(route: Route) -> None:
    page = PAGES.get(route.request.url)
    if page is not None:
        route.fulfill(body=page, content_type="text/html; charset=utf-8")
    else:
        route.fulfill(body="window.pwned = 1", content_type="text/javascript", headers={"Access-Control-Allow-Origin": "*"})


PAGES: dict[str, str] = {}
"""What the course's own site serves."""


@pytest.fixture(scope="module")
def tab(context: BrowserContext) -> Iterator[Page]:
    page = context.new_page()
    yield page
    page.close()


def visit(tab: Page, address: str, patience: int = 20) -> Deeds:
    """Open a page, let it do what it wants, and tell what it did."""
    deeds = Deeds()
    watched: dict[str, Any] = {
        "request": lambda request: deeds.requests.append(request.url),
        "console": lambda message: deeds.events.append(f"console: {message.text}"),
        "pageerror": lambda error: deeds.events.append(f"error: {error}"),
        "dialog": lambda dialog: deeds.events.append(f"dialog: {dialog.dismiss() or dialog.message}"),
        "popup": lambda popup: deeds.events.append(f"popup: {popup.url}"),
        "download": lambda download: deeds.events.append(f"download: {download.url}"),
        "websocket": lambda socket: deeds.requests.append(socket.url),
        "frameattached": lambda frame: deeds.events.append(f"frame: {frame.url}"),
        "framenavigated": lambda frame: deeds.events.append(f"navigation: {frame.url}") if frame.url != address else None,
    }
    for event, note in watched.items():
        tab.on(event, note)  # type: ignore[call-overload]  # one overload for each event's name
    tab.goto(address)
    tab.wait_for_timeout(patience)  # ms: errors of pictures and focus come after the load
    with contextlib.suppress(PlaywrightError):  # it has gone elsewhere, which has been noted
        tab.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done, 20)))")  # a busy machine is late
    for event, note in watched.items():
        tab.remove_listener(event, note)
    deeds.requests = [url for url in deeds.requests if url != address and not url.startswith("data:image/")]
    return deeds


def check(tab: Page, address: str, rows: str) -> None:
    """Open a page and hold it against everything that must not be."""
    deeds = visit(tab, address)
    assert tab.evaluate(AUDIT, [PAGE, ANSWER, rows, SCRIPT]) == []
    assert deeds == Deeds()
    assert tab.url == address


def check_layout(tab: Page) -> None:
    for width in WIDTHS:
        tab.set_viewport_size({"width": width, "height": 800})
        assert tab.evaluate(LAYOUT) == [], f"{width} px"


def serve(name: str, page: str) -> str:
    """Put a page on the course's site; returns its address."""
    PAGES.clear()
    PAGES[SITE + name] = page
    return SITE + name


def without_policy(page: str) -> str:
    bare, count = re.subn(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    assert count == 1
    return bare


def on_disk(folder: Path, page: str) -> str:
    """Put a page into a file; returns its address."""
    file = folder / "page.html"
    file.write_text(page, encoding="utf-8")
    return file.as_uri()


# --- the watch itself -------------------------------------------------------------------------------------------------

CAUGHT = {
    "a script": ("<script>window.pwned=1</script>", "a script ran"),
    "a script beside ours": ("<script>1</script>", "script"),
    "a script of an attribute": ("<p onclick='window.pwned=1'>x</p>", "attribute onclick"),
    "a script of a picture": ("<img src='data:image/png;base64,x' onerror='window.pwned=1'>", "a script ran"),
    "a link that is a script": ("<a href='javascript:window.pwned=1'>x</a>", "link: <a"),
    "a link with controls": ("<a href='\x01java\nscript:window.pwned=1'>x</a>", "link: <a"),
    "a request": ("<img src='http://attacker.test/x.png'>", "request http://attacker.test/x.png"),
    "a preload": ("<link rel=preload as=image href='http://attacker.test/y'>", "request http://attacker.test/y"),
    "a style": ("<p style='color:red'>x</p>", "attribute style"),
    "an import": ("<style>@import 'http://attacker.test/z.css'</style>", "request http://attacker.test/z.css"),
    "a frame": ("<iframe srcdoc='x'></iframe>", "frame: "),
    "a dialog": ("<script>alert(1)</script>", "dialog: 1"),
    "a refresh": ("<meta http-equiv=refresh content='0;url=http://attacker.test/'>", "http://attacker.test/"),
    "a second heading": ("<h1>80 of 80</h1>", "h1"),
    "an end of the page": ("</main><p>x</p>", "body holds a header main#content p"),
    "a comment": ("<!-- x -->", "comment"),
}


@pytest.mark.parametrize("name", CAUGHT)
def test_the_watch_sees(tab: Page, tmp_path: Path, name: str) -> None:
    markup, told = CAUGHT[name]
    page = render_class([], ASSIGNMENT).replace("</main>", f"{markup}</main>")
    leaves = name == "a refresh"
    deeds = visit(tab, on_disk(tmp_path, without_policy(page)), patience=1000 if leaves else 20)
    seen = [*deeds.events, *(f"request {url}" for url in deeds.requests)]
    if not leaves:
        seen += tab.evaluate(AUDIT, [PAGE, ANSWER, "0 0 0", SCRIPT])
    assert any(told in one for one in seen), seen


@pytest.mark.parametrize("markup", [CAUGHT["a script"][0], CAUGHT["a style"][0], CAUGHT["an import"][0], CAUGHT["a request"][0]])
def test_the_policy_alone_stops_it_and_is_seen_to(tab: Page, markup: str) -> None:
    page = render_class([], ASSIGNMENT).replace("</main>", f"{markup}</main>")
    deeds = visit(tab, serve("page.html", page))
    assert any(event.startswith("console: policy") for event in deeds.events)
    assert tab.evaluate("window.pwned === undefined")


@pytest.mark.parametrize(("markup", "told"), [
    ("<section style='position:fixed;inset:0;background:#fff'>x</section>", "covered: <h1>"),
    ("<p style='width:2000px'>x</p>", " wide in "),
    ("<section style='margin-top:-300px'>x</section>", "covers what is above"),
])
def test_the_watch_sees_what_covers_or_widens(tab: Page, tmp_path: Path, markup: str, told: str) -> None:
    page = render_class([], ASSIGNMENT).replace("</main>", f"{markup}</main>")
    visit(tab, on_disk(tmp_path, without_policy(page)))
    assert any(told in one for one in tab.evaluate(LAYOUT))


# --- every text in every field, and in everything that a notebook holds -----------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_students_page_holds_its_text_only_as_text(tab: Page, tmp_path: Path, name: str) -> None:
    page = render_student(everywhere(TEXTS[name]), ASSIGNMENT)
    check(tab, on_disk(tmp_path, without_policy(page)), "0 2 2")
    check_layout(tab)
    check(tab, serve("feedback/student.html", page), "0 2 2")


def test_the_class_page_holds_all_texts_only_as_text(tab: Page, tmp_path: Path) -> None:
    results = [everywhere(text).result for text in TEXTS.values()]
    results += [replace(one, status="needs_attention", score=None) for one in results]
    rows = f"{len(results)} 0 0"
    page = render_class(results, ASSIGNMENT)
    check(tab, on_disk(tmp_path, without_policy(page)), rows)
    check_layout(tab)
    check(tab, serve("index.html", page), rows)


def test_code_side_by_side_holds_all_texts_only_as_text(tab: Page, tmp_path: Path) -> None:
    page = render_similar(linked(*TEXTS.values()), ASSIGNMENT)
    rows = f"0 0 {len(TEXTS)}"
    check(tab, on_disk(tmp_path, without_policy(page)), rows)
    check(tab, serve("similar.html", page), rows)
    tab.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    check_layout(tab)


KINDS = {"raises": 2, "broken": 2, "other": 0}
"""Kinds of submission, and how many exercises a page of it shows. A link's page differs from `other` in its file's name only."""


@pytest.mark.parametrize("name", NAMES)
def test_what_a_notebook_holds_arrives_only_as_text(tab: Page, tmp_path: Path, hostile_class: Path, name: str) -> None:
    for kind, exercises in KINDS.items():
        file = next((hostile_class / "feedback").glob(f"{NAMES.index(name):03}-{kind}*.html"))
        page = file.read_text(encoding="utf-8")
        check(tab, on_disk(tmp_path, without_policy(page)), f"0 2 {exercises}")
        if kind == "raises":
            check_layout(tab)
            check(tab, file.as_uri(), f"0 2 {exercises}")


def test_the_page_of_a_whole_hostile_class_is_whole(tab: Page, tmp_path: Path, hostile_class: Path) -> None:
    page = (hostile_class / "index.html").read_text(encoding="utf-8")
    rows = f"{4 * len(TEXTS) + 1} 0 0"
    check(tab, on_disk(tmp_path, without_policy(page)), rows)
    check_layout(tab)
    check(tab, (hostile_class / "index.html").as_uri(), rows)


def test_every_link_of_the_class_page_leads_to_its_page(tab: Page, hostile_class: Path) -> None:
    visit(tab, (hostile_class / "index.html").as_uri())
    links = tab.evaluate("[...document.querySelectorAll('.class a')].map(one => decodeURIComponent(new URL(one.href).pathname))")
    assert sorted(links) == sorted(str(file) for file in (hostile_class / "feedback").iterdir())


# --- the class's table ------------------------------------------------------------------------------------------------

NAMES_SHOWN = "[...document.querySelectorAll('.class tbody tr')].filter(one => one.offsetHeight).map(one => one.cells[0].innerText)"


@pytest.fixture
def class_tab(tab: Page, tmp_path: Path) -> Page:
    """The class page of the made-up class, open."""
    page = render_class([graded.result for graded in CLASS.values()], ASSIGNMENT)
    assert visit(tab, on_disk(tmp_path, page)) == Deeds()
    return tab


def test_the_table_is_in_the_order_of_names_before_it_is_touched(class_tab: Page) -> None:
    names = class_tab.evaluate(NAMES_SHOWN)
    assert len(names) == len(CLASS)
    assert names == sorted(names, key=str.casefold)
    assert class_tab.locator("[role=status]").inner_text() == ""


@pytest.mark.parametrize(("words", "found"), [
    ("HOPPER", {"hopper"}), ("scaled noe", {"noether"}), ("no such name", set()), ("  ", None),
])
def test_a_search_leaves_the_rows_that_hold_all_its_words(class_tab: Page, words: str, found: set[str] | None) -> None:
    class_tab.fill(".tools input", words)
    names = class_tab.evaluate(NAMES_SHOWN)
    assert len(names) == len(CLASS) if found is None else set(names) == found
    status = class_tab.locator("[role=status]").inner_text()
    assert status == ("" if found is None else f"{len(names)} of {len(CLASS)} shown")


def test_the_filter_counts_what_it_shows(class_tab: Page) -> None:
    options = class_tab.evaluate("[...document.querySelectorAll('.tools option')].map(one => [one.value, one.text])")
    assert options[0] == ["", f"all ({len(CLASS)})"]
    for value, label in options[1:]:
        class_tab.select_option(".tools select", value)
        assert f"({len(class_tab.evaluate(NAMES_SHOWN))})" in label
    class_tab.select_option(".tools select", "waiting")
    assert class_tab.evaluate(NAMES_SHOWN) == ["hopper"]


def test_a_heading_sorts_by_its_column_and_again_the_other_way(class_tab: Page) -> None:
    scores = "[...document.querySelectorAll('.class tbody tr')].map(one => Number(one.cells[1].dataset.order || -1))"
    button = class_tab.locator(".class thead button")
    for key, expected in (("Enter", "descending"), ("Space", "ascending")):
        button.nth(1).press(key)
        found = class_tab.evaluate(scores)
        assert found == sorted(found, reverse=expected == "descending")
        assert class_tab.locator(".class th[aria-sort]").count() == 1
        assert class_tab.locator(".class th").nth(1).get_attribute("aria-sort") == expected
        assert class_tab.evaluate("document.activeElement.innerText") == "Score"
    button.nth(0).click()
    assert class_tab.evaluate(NAMES_SHOWN) == sorted(class_tab.evaluate(NAMES_SHOWN), key=str.casefold)


def test_without_script_the_table_is_whole_and_offers_nothing_that_it_cannot_do(browser: Browser, tmp_path: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(on_disk(tmp_path, render_class([graded.result for graded in CLASS.values()], ASSIGNMENT)))
    assert tab.locator(".class tbody tr").count() == len(CLASS)
    assert not tab.locator(".tools").is_visible()
    assert tab.locator(".class button").count() == 0
    context.close()


# --- what covers and what turns ---------------------------------------------------------------------------------------

HIDE = """(selector) => document.querySelector(selector).style.visibility = 'hidden'"""
LEFT_TO_RIGHT = """(selector) => {
  const node = document.querySelector(selector).firstChild, at = [...node.data].map((_, index) => {
    const range = document.createRange(); range.setStart(node, index); range.setEnd(node, index + 1);
    return range.getBoundingClientRect();
  }).filter(box => box.width);
  return at.every((box, index) => !index || box.top > at[index - 1].top + 5 || box.left >= at[index - 1].left);
}"""


def with_message(message: str) -> str:
    """A page on which a student's text stands in a notice above another and beside its place, without policy."""
    graded = CLASS["full_marks"]
    notices = (Notice("a", "What stands above."), Notice("b", message, 4, 2), Notice("c", "What stands below."))
    return without_policy(render_student(replace(graded, result=replace(graded.result, notices=notices)), ASSIGNMENT))


@pytest.mark.parametrize("hostile", ["Z" + "\u0301" * 300, "Z" + "\u0316\u200d" * 300, "x" + "\u20dd" * 300, TEXTS["towers"]],
                         ids=["above", "below", "around", "both"])
def test_no_text_paints_over_its_neighbours(tab: Page, tmp_path: Path, hostile: str) -> None:
    visit(tab, on_disk(tmp_path, with_message(hostile)))
    before = [tab.locator(f".notices li:nth-child({place})").screenshot() for place in (1, 3)]
    tab.evaluate(HIDE, ".notices li:nth-child(2) bdi")
    assert [tab.locator(f".notices li:nth-child({place})").screenshot() for place in (1, 3)] == before


@pytest.mark.parametrize("hostile", [TEXTS["bidi override"], TEXTS["bidi without end"], TEXTS["right to left"], "\u05d0" * 9 + " 7"])
def test_no_text_turns_what_stands_beside_it(tab: Page, tmp_path: Path, hostile: str) -> None:
    visit(tab, on_disk(tmp_path, with_message(hostile)))
    assert tab.evaluate(LEFT_TO_RIGHT, ".notices li:nth-child(2) .small")


@pytest.mark.parametrize("hostile", [TEXTS["bidi override"], TEXTS["right to left"], "\u05d0" * 9])
def test_no_name_turns_the_score_beside_it(tab: Page, tmp_path: Path, hostile: str) -> None:
    result = replace(CLASS["no_scale"].result, submission=SubmissionName(hostile, hostile, "0"))
    visit(tab, on_disk(tmp_path, without_policy(render_class([result], ASSIGNMENT))))
    assert tab.locator(".class tbody td").first.inner_text() == "50 of 80"
    assert tab.evaluate(LEFT_TO_RIGHT, ".class tbody td.n")
    assert tab.evaluate("document.querySelector('.class tbody th').getBoundingClientRect().right"
                        " <= document.querySelector('.class tbody td').getBoundingClientRect().left + 1")
