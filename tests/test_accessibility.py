"""Every kind of page for everybody: axe-core finds nothing, contrast holds where axe cannot tell, the keyboard gets everywhere, paper loses nothing.

Pages keep their Content-Security-Policy: axe is evaluated from outside, past it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page

from tests.chromium import ABSENT, WHY_ABSENT, open_chromium
from tests.page_kinds import KINDS
from tests.test_pages_in_browser import LAYOUT

pytestmark = pytest.mark.slow
if ABSENT:
    pytest.skip(WHY_ABSENT, allow_module_level=True)

RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
WIDTHS = (1280, 390)
PAPER = 700
"""What an A4 sheet with usual margins is wide, in px."""
SHRINKS = 1.5
"""How much wider than the sheet something may be: browsers shrink such pages, to half at most."""

AXE = """rules => axe.run({runOnly: {type: "tag", values: rules}, resultTypes: ["violations", "incomplete"]}).then(found => {
  const tell = list => list.flatMap(rule => rule.nodes.map(node => [rule.id, node.target.join(" "), node.html.slice(0, 160)]));
  return [tell(found.violations), tell(found.incomplete)];
})"""

# Every text, whatever axe thinks of it: one letter, on stripes, in drawings, made by the style sheet. Ratios as WCAG defines them.
CONTRAST = """least => {
  const colours = text => [...text.matchAll(/rgba?\\(([^)]+)\\)/g)].map(found => {
    const [r, g, b, a = 1] = found[1].split(/[ ,/]+/).map(Number);
    return [r, g, b, a];
  });
  const over = ([r, g, b, a], [x, y, z]) => [r * a + x * (1 - a), g * a + y * (1 - a), b * a + z * (1 - a), 1];
  const light = colour => {
    const [r, g, b] = colour.map(part => (part /= 255) <= .04045 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const ratio = (one, two) => {
    const [low, high] = [light(one), light(two)].sort((a, b) => a - b);
    return (high + .05) / (low + .05);
  };
  const grounds = element => {
    if (!element) return [[255, 255, 255, 1]];
    const style = getComputedStyle(element), own = [...colours(style.backgroundColor), ...colours(style.backgroundImage)];
    const below = own.some(colour => colour[3] === 1) ? [[255, 255, 255, 1]] : grounds(element.parentElement);
    const seen = own.filter(colour => colour[3]).flatMap(colour => below.map(ground => over(colour, ground)));
    return seen.length ? seen : below;
  };
  const wrong = [];
  const judge = (element, style, what) => {
    const ink = colours(element.closest("svg") ? style.fill : style.color)[0];
    for (const ground of grounds(element)) {
      const found = ratio(over(ink, ground), ground);
      if (found < least) wrong.push(`${found.toFixed(2)} for ${what}: ${element.outerHTML.slice(0, 120)}`);
    }
  };
  for (const details of document.querySelectorAll("details")) details.open = true;
  for (const element of document.body.querySelectorAll("*")) {
    if (!element.checkVisibility() || element.closest(".sr, title")) continue;
    const text = [...element.childNodes].filter(node => node.nodeType === 3).map(node => node.data.trim()).join("");
    if (text) judge(element, getComputedStyle(element), text.slice(0, 20));
    for (const part of ["::before", "::after", "::marker"]) {
      const style = getComputedStyle(element, part);
      if (!["none", "normal"].includes(style.content)) judge(element, style, part);
    }
  }
  return wrong;
}"""

OPEN = """() => {
  const closed = document.querySelectorAll("details:not([open])");
  for (const one of closed) one.open = true;
  return closed.length;
}"""

REACHABLE = """() => [...document.querySelectorAll("a[href], summary, button, input, select, [tabindex='0']")].filter(one => one.checkVisibility())
  .map(one => one.outerHTML.slice(0, 100))"""

FOCUSED = """() => {
  const one = document.activeElement, style = getComputedStyle(one), wrong = [];
  if (one === document.body) return null;
  if (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2) wrong.push("no outline");
  const out = parseFloat(style.outlineWidth) + parseFloat(style.outlineOffset);
  const boxes = [...one.getClientRects()];
  if (!boxes.some(box => box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth)) wrong.push("out of sight");
  for (let around = one.parentElement; around; around = around.parentElement) {
    if (getComputedStyle(around).overflowX === "visible") continue;
    const edge = around.getBoundingClientRect();
    if (boxes.some(box => box.left - out < edge.left - .5)) wrong.push("its outline is cut off");
  }
  return [one.outerHTML.slice(0, 100), wrong];
}"""

CUT = """([sheet, most]) => {
  const wrong = [];
  for (const element of document.body.querySelectorAll("*")) {
    const style = getComputedStyle(element);
    if (element.closest(".sr") || !element.checkVisibility()) continue;
    const hides = [style.overflowX, style.overflowY].some(value => value !== "visible") && element.localName !== "svg";
    if (hides && (element.scrollWidth > element.clientWidth || element.scrollHeight > element.clientHeight))
      wrong.push("cut: " + element.outerHTML.slice(0, 120));
    if (element.getBoundingClientRect().right > sheet * most) wrong.push("beyond the sheet: " + element.outerHTML.slice(0, 120));
  }
  for (const element of document.querySelectorAll("details > :not(summary)"))
    if (!element.checkVisibility()) wrong.push("folded away: " + element.outerHTML.slice(0, 120));
  return wrong;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_chromium() as opened:
        yield opened


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(reduced_motion="reduce")  # or places are measured while the page still glides there
    yield page
    page.close()


def visit(tab: Page, folder: Path, name: str) -> None:
    """Open a kind of page as it is, from disk."""
    file = folder / "page.html"
    file.write_text(KINDS[name], encoding="utf-8")
    tab.goto(file.as_uri())


def ask_axe(tab: Page) -> tuple[list[list[str]], list[list[str]]]:
    """What axe-core finds wrong, and what it cannot tell: rule, place, markup."""
    if tab.evaluate("typeof axe === 'undefined'"):
        tab.evaluate(AXE_SCRIPT)
    wrong, unsure = tab.evaluate(AXE, list(RULES))
    return wrong, unsure


def looks(tab: Page) -> Iterator[str]:
    """Each colour scheme at each width, and again with all unfolded where something is folded away."""
    for folds in ("", ", unfolded"):
        if folds and not tab.evaluate(OPEN):
            return
        for scheme in SCHEMES:
            for width in WIDTHS:
                tab.emulate_media(color_scheme=scheme)
                tab.set_viewport_size({"width": width, "height": 900})
                yield f"{scheme}, {width} px{folds}"


# --- axe-core, and what it leaves open --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", KINDS)
def test_axe_finds_nothing_wrong(tab: Page, tmp_path: Path, name: str) -> None:
    visit(tab, tmp_path, name)
    for look in looks(tab):
        wrong, unsure = ask_axe(tab)
        assert wrong == [], look
        assert {rule for rule, *_ in unsure} <= {"color-contrast"}, f"{look}: only contrast is checked otherwise"


@pytest.mark.parametrize("name", KINDS)
def test_every_text_stands_out_from_what_is_behind_it(tab: Page, tmp_path: Path, name: str) -> None:
    visit(tab, tmp_path, name)
    for look in looks(tab):
        assert tab.evaluate(CONTRAST, 4.5) == [], look


@pytest.mark.parametrize("name", KINDS)
def test_no_page_is_wider_than_its_window(tab: Page, tmp_path: Path, name: str) -> None:
    visit(tab, tmp_path, name)
    for look in looks(tab):
        assert tab.evaluate(LAYOUT) == [], look


def plant(tab: Page, markup: str, **style: str) -> None:
    """Put an element into the page, past its policy."""
    tab.evaluate("""([markup, style]) => {
      document.querySelector("main").insertAdjacentHTML("beforeend", markup);
      Object.assign(document.querySelector("main").lastElementChild.style, style);
    }""", [markup, style])


@pytest.mark.parametrize(("markup", "style", "rule"), [
    ("<img src='data:image/gif;base64,R0lGODlhAQABAAAAACw='>", {}, "image-alt"),
    ("<p>Grey on grey, as some like it.</p>", {"color": "#999", "background": "#eee"}, "color-contrast"),
    ("<div><p>" + "wide " * 99 + "</p></div>", {"overflow": "auto", "whiteSpace": "pre", "width": "9rem"}, "scrollable-region-focusable"),
    ("<a href='#content'></a>", {}, "link-name"),
    ("<h6>Far too deep</h6>", {}, "heading-order"),
    ("<ul><p>x</p></ul>", {}, "list"),
    ("<section aria-labelledby='next'>x</section>", {}, "landmark-unique"),
])
def test_axe_works_past_the_policy_and_sees(tab: Page, tmp_path: Path, markup: str, style: dict[str, str], rule: str) -> None:
    visit(tab, tmp_path, "student, no scale")
    assert "Content-Security-Policy" in tab.content()
    plant(tab, markup, **style)
    assert rule in {found for found, *_ in ask_axe(tab)[0]}


@pytest.mark.parametrize(("markup", "style"), [
    ("<p>x</p>", {"color": "#777", "background": "#eee"}),
    ("<p>≠</p>", {"color": "#777", "background": "repeating-linear-gradient(135deg, #fff 0 5px, #bbb 5px 10px)"}),
    ("<p>half there</p>", {"color": "rgba(0, 0, 0, .5)"}),
    ("<svg viewBox='0 0 9 9'><text y='9'>9</text></svg>", {"fill": "#aaa"}),
])
def test_contrast_is_seen_where_axe_does_not_tell(tab: Page, tmp_path: Path, markup: str, style: dict[str, str]) -> None:
    visit(tab, tmp_path, "student, no scale")
    assert tab.evaluate(CONTRAST, 4.5) == []
    plant(tab, markup, **style)
    assert tab.evaluate(CONTRAST, 4.5) != []


# --- the keyboard -----------------------------------------------------------------------------------------------------


def press_tab(tab: Page, most: int = 400) -> list[tuple[str, list[str]]]:
    """Everything that gets the focus, and what is wrong with how it looks then."""
    seen: list[tuple[str, list[str]]] = []
    for _ in range(most):
        tab.keyboard.press("Tab")
        found = tab.evaluate(FOCUSED)
        if found is None:
            return seen
        seen.append((found[0], found[1]))
    raise AssertionError(f"no end after {most}")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", KINDS)
def test_the_tab_key_gets_everywhere_in_order_and_is_seen(tab: Page, tmp_path: Path, name: str, width: int) -> None:
    tab.set_viewport_size({"width": width, "height": 900})
    visit(tab, tmp_path, name)
    wanted = tab.evaluate(REACHABLE)
    seen = press_tab(tab)
    assert [element for element, _ in seen] == wanted
    assert [one for one in seen if one[1]] == []
    assert wanted[0].startswith('<a class="skip"')


def test_what_is_folded_away_opens_by_key_and_is_reached_then(tab: Page, tmp_path: Path) -> None:
    visit(tab, tmp_path, "class, weak walls")
    closed = len(press_tab(tab))
    tab.locator("summary").first.focus()
    tab.keyboard.press("Enter")
    hidden = tab.locator("details").first.locator("a").count()
    tab.evaluate("document.activeElement.blur(), getSelection().removeAllRanges()")
    assert hidden > 0
    assert tab.locator("details").first.locator("a").first.is_visible()
    tab.evaluate("document.querySelector('.skip').focus()")
    assert 1 + len(press_tab(tab)) == closed + hidden


def test_the_skip_link_shows_itself_and_leads_past_the_heading(tab: Page, tmp_path: Path) -> None:
    visit(tab, tmp_path, "student, no scale")
    tab.keyboard.press("Tab")
    box = tab.locator(".skip").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "content"
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.closest('main') !== null")


def test_a_focus_that_does_not_show_is_seen(tab: Page, tmp_path: Path) -> None:
    visit(tab, tmp_path, "student, no scale")
    plant(tab, "<a href='#content'>x</a>", outline="none")
    plant(tab, "<a href='#content'>y</a>", position="absolute", left="-9999px")
    assert [wrong for _, wrong in press_tab(tab) if wrong] == [["no outline"], ["out of sight"]]


# --- paper ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", KINDS)
def test_paper_loses_nothing(tab: Page, tmp_path: Path, name: str) -> None:
    tab.set_viewport_size({"width": PAPER, "height": 990})
    visit(tab, tmp_path, name)
    tab.evaluate("document.querySelector('.tools')?.remove()")  # a search is for the screen
    words = tab.locator("body").inner_text().split()[4:]
    tab.emulate_media(media="print", color_scheme="dark")
    assert tab.evaluate(CUT, [PAPER, SHRINKS]) == []
    assert tab.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
    assert tab.evaluate(CONTRAST, 4.5) == []
    printed = tab.locator("body").inner_text()
    assert [word for word in words if word not in printed] == []


@pytest.mark.parametrize("name", ["student, no scale", "student, worked example", "class, weak walls"])
def test_a_page_becomes_a_few_sheets(tab: Page, tmp_path: Path, name: str) -> None:
    visit(tab, tmp_path, name)
    sheets = len(re.findall(rb"/Type\s*/Page\b", tab.pdf(format="A4")))
    assert 2 <= sheets <= 12


@pytest.mark.parametrize(("markup", "style", "told"), [
    ("<p>" + "tall " * 99 + "</p>", {"overflow": "hidden", "height": "1rem"}, "cut: "),
    ("<p>wide</p>", {"width": "1400px"}, "beyond the sheet: "),
])
def test_what_paper_would_lose_is_seen(tab: Page, tmp_path: Path, markup: str, style: dict[str, str], told: str) -> None:
    tab.set_viewport_size({"width": PAPER, "height": 990})
    visit(tab, tmp_path, "student, no scale")
    plant(tab, markup, **style)
    tab.emulate_media(media="print")
    assert [one.startswith(told) for one in tab.evaluate(CUT, [PAPER, SHRINKS])] == [True]
