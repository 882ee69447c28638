"""A written answer, in the markdown and LaTeX of notebooks, -> HTML that holds nothing active.

Order matters: markdown, then LaTeX to MathML, then nh3 over the whole, since both converters let HTML through.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from re import Match
from urllib.parse import unquote
from xml.etree.ElementTree import Element

import mistune
import nh3
from latex2mathml.converter import convert_to_element
from markupsafe import Markup, escape
from mistune.block_parser import BlockParser
from mistune.core import BlockState, InlineState
from mistune.inline_parser import InlineParser
from mistune.plugins.formatting import strikethrough
from mistune.plugins.table import table

from grader.report.text import clean_text, strip_hidden

ANSWER_LENGTH = 20_000
FORMULA_LENGTH = 2_000

# No formula is longer than FORMULA_LENGTH here either: an open bracket must not make every later one scan to the end.
_ENVIRONMENTS = "equation|align|aligned|gather|gathered|multline|eqnarray|split|matrix|pmatrix|bmatrix|cases|array"
_BLOCK = (
    r"^ {0,3}(?:\$\$(?P<block_dollars>(?:[^$\\]|\\[\s\S]){1,2000}?)\$\$"
    r"|\\{1,2}\[(?P<block_brackets>[\s\S]{1,2000}?)\\{1,2}\]"
    rf"|(?P<block_environment>\\begin\{{(?P<block_name>(?:{_ENVIRONMENTS})\*?)\}}[\s\S]{{1,2000}}?\\end\{{(?P=block_name)\}}))"
    r"[ \t]*[.,;]?[ \t]*(?:\n|$)"
)
_INLINE = (
    r"\$\$(?P<dollars>(?:[^$\\]|\\[\s\S]){1,2000}?)\$\$"
    r"|\$(?![\s$])(?P<dollar>(?:[^$\\\n]|\\.|\n(?!\s*\n)){1,2000}?)(?<!\s)\$(?!\d)"
    r"|\\{1,2}\[(?P<brackets>[^\n]{1,2000}?)\\{1,2}\]"
    r"|\\{1,2}\((?P<parentheses>[^\n]{1,2000}?)\\{1,2}\)"
    rf"|(?P<environment>\\begin\{{(?P<name>(?:{_ENVIRONMENTS})\*?)\}}[\s\S]{{1,2000}}?\\end\{{(?P=name)\}})"
)

_UNNEEDED = re.compile(r"\\label\{[^{}]*\}|\\(?:nonumber|notag)(?![A-Za-z])|\\(?:begin|end)\{equation\*?\}")
_LETTER = re.compile(r"[A-Za-z]")
_ENVIRONMENT = re.compile(r"\\(begin|end)\{(\w+)\*?\}")
_KNOWN_AS = {
    "align": "align*", "aligned": "align*", "eqnarray": "align*", "flalign": "align*", "split": "align*",
    "gather": "matrix", "gathered": "matrix", "multline": "matrix",
}
"""The converter's name for an environment that it does not know, or would number as Jupyter does not."""
_HALF_DONE = re.compile(r"<m[ion][^>]*>(?:\\|&</)")
"""An unknown command, or a tab stop outside a table, comes back as itself."""

_MATH_TAGS = {
    "math", "mrow", "mi", "mo", "mn", "ms", "mtext", "mspace", "mfrac", "msqrt", "mroot", "msub", "msup", "msubsup", "munder",
    "mover", "munderover", "mtable", "mtr", "mtd", "mstyle", "mpadded", "mphantom", "menclose", "mmultiscripts",
}
_TEXT_TAGS = {
    "p", "br", "hr", "b", "strong", "i", "em", "u", "s", "del", "sub", "sup", "small", "mark", "code", "pre", "kbd", "blockquote",
    "ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td", "a", "span", "div", "img",
}
_PICTURE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]+\Z")
_ATTACHED = re.compile(r"(?<=[(<\"'=])attachment:[^)>\"'\n]{1,300}?(?=\s*[)>\"']|\s\")")
_STAND_IN = "data:image/png;base64,{:08d}"
_NO_PICTURE = re.compile(r'<img(?: alt="([^"]*)")?>')
_UNTOLD = re.compile(r'<img src="([^"]*)"(?: alt="")?>')
"""A picture that says nothing to those who cannot see it."""
_LINK = re.compile(r"(?:https?://|mailto:)", re.IGNORECASE)
_SIZES = {
    "width": re.compile(r"\d?(?:\.\d{1,3})?em"), "linethickness": re.compile(r"0|0px|\.?\dpx"),
    "scriptlevel": re.compile(r"\+?\d"),
}
"""What an answer may say about sizes: nothing that would fill the page."""
_CLASSES = {"span": {"tex", "display"}, "p": {"heading"}}


def _attribute(tag: str, name: str, value: str) -> str | None:
    """The values that the list below cannot express; None takes the attribute away."""
    if name == "src":
        return value if _PICTURE.match(value) else None
    if name == "href":
        return value if tag == "a" and _LINK.match(value) else None
    if name in _SIZES:
        return value if _SIZES[name].fullmatch(value) else None
    return value


_SANITISER = nh3.Cleaner(
    tags=_TEXT_TAGS | _MATH_TAGS,
    clean_content_tags={"script", "style", "title", "template", "iframe", "object", "svg", "annotation-xml", "noscript"},
    attributes={
        "*": set(), "a": {"href"}, "img": {"src", "alt"}, "ol": {"start"}, "th": {"align"}, "td": {"align"},
        "math": {"display"}, "mi": {"mathvariant"}, "mo": {"stretchy", "fence", "form", "separator", "movablelimits", "accent"},
        "mfrac": {"linethickness"}, "mspace": {"width"}, "mtd": {"columnalign"}, "mtable": {"displaystyle"},
        "mstyle": {"displaystyle", "scriptlevel"}, "mover": {"accent"}, "munder": {"accentunder"}, "menclose": {"notation"},
    },
    attribute_filter=_attribute, allowed_classes=_CLASSES, url_schemes={"http", "https", "mailto", "data"},
    link_rel="noopener noreferrer nofollow", strip_comments=True,
)


@dataclass(frozen=True)
class Prose:
    """A written answer, laid out; `cut` and `plain` say what could not be done to it."""

    markup: Markup
    cut: bool = False
    plain: bool = False


def view_prose(source: str, pictures: Mapping[str, str] | None = None) -> Prose:
    """Lay out one answer; `pictures` are data URIs by name. Never raises: what cannot be laid out is shown as it was typed."""
    text = clean_text(source)
    cut = len(text) > ANSWER_LENGTH
    text = text[:ANSWER_LENGTH].strip()
    known = [(name, uri) for name, uri in (pictures or {}).items() if _PICTURE.match(uri)]
    try:
        html = str(_markup_of(_with_stand_ins(text, {name: _STAND_IN.format(at) for at, (name, _) in enumerate(known)})))
        for at, (_, uri) in enumerate(known):
            html = html.replace(f'src="{_STAND_IN.format(at)}"', f'src="{uri}"')
        return Prose(Markup(html), cut)  # noqa: S704  sanitised; each picture matched above
    except Exception:  # three converters over hostile text: whatever they raise, the answer stays readable
        return Prose(Markup("<pre>{}</pre>").format(text), cut, plain=True)


def _with_stand_ins(text: str, names: Mapping[str, str]) -> str:
    """A small picture in place of each name that is known: the data itself would pass through every converter."""
    return _ATTACHED.sub(lambda found: names.get(unquote(found[0][len("attachment:"):]), found[0]), text) if names else text


def _markup_of(text: str) -> Markup:
    html = _MARKDOWN(text)
    assert isinstance(html, str)
    safe = _NO_PICTURE.sub(lambda found: f"<em>[{found[1] or '…'}]</em>", _SANITISER.clean(html))
    safe = _UNTOLD.sub(r'<img src="\1" alt="…">', safe)
    return Markup(strip_hidden(safe))  # noqa: S704  sanitised; entities made hidden characters


# --- LaTeX ------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=512)
def _formula(source: str, display: bool) -> str:
    """MathML, or the source itself where the converter cannot do it. Not yet sanitised."""
    mathml = _mathml(source, "block" if display else "inline") if len(source) <= FORMULA_LENGTH else ""
    if mathml:
        return f'<span class="display">{mathml}</span>' if display else mathml
    return f'<span class="{"tex display" if display else "tex"}"><code>{escape(source.strip())}</code></span>'


def _mathml(source: str, display: str) -> str:
    """What the converter makes of a formula, or an empty text where it fails or does only half."""
    tidy = _UNNEEDED.sub("", source).strip()
    tidy = _ENVIRONMENT.sub(lambda found: rf"\{found[1]}{{{_KNOWN_AS.get(found[2], found[2])}}}", tidy)
    if _LETTER.fullmatch(tidy):  # every fifth formula of an answer is one
        return f'<math display="{display}"><mrow><mi>{tidy}</mi></mrow></math>'
    try:
        mathml = _write(convert_to_element(tidy, display=display)) if tidy else ""
        if 'linebreak="newline"' in mathml:  # browsers break no line outside a table
            mathml = _write(convert_to_element(rf"\begin{{matrix}}{tidy}\end{{matrix}}", display=display))
    except Exception:  # no common base; StopIteration and RecursionError are among them
        return ""
    return "" if _HALF_DONE.search(mathml) else mathml


def _write(element: Element) -> str:
    """As the library's own `convert` writes an element, its entities as they are, but without the cost of namespaces."""
    about = "".join([f' {name}="{str(value).replace(chr(34), "&quot;")}"' for name, value in element.items()])
    return f"<{element.tag}{about}>{element.text or ''}{''.join(map(_write, element))}</{element.tag}>{element.tail or ''}"


def _raw(found: Match[str], *groups: str) -> str:
    return next((text for group in groups if (text := found.group(group)) is not None), "")


def _parse_block(_: BlockParser, found: Match[str], state: BlockState) -> int:
    state.append_token({"type": "display_formula", "raw": _raw(found, "block_dollars", "block_brackets", "block_environment")})
    return found.end()


def _parse_inline(_: InlineParser, found: Match[str], state: InlineState) -> int:
    display = _raw(found, "dollars", "brackets", "environment")
    if display:
        state.append_token({"type": "display_formula", "raw": display})
    else:
        state.append_token({"type": "formula", "raw": _raw(found, "dollar", "parentheses")})
    return found.end()


def _formulas(md: mistune.Markdown) -> None:
    """A mistune plugin: formulas as Jupyter delimits them, found before markdown's own underscores and backslashes."""
    md.block.register("display_formula", _BLOCK, _parse_block, before="list")
    for rules in (md.block.list_rules, md.block.block_quote_rules):
        md.block.insert_rule(rules, "display_formula", before="list")
    md.inline.register("formula", _INLINE, _parse_inline, before="escape")


# --- markdown ---------------------------------------------------------------------------------------------------------


class _Renderer(mistune.HTMLRenderer):
    """Mistune's own, but headings do not disturb the page's, and pictures come from nowhere else."""

    def heading(self, text: str, level: int, **attrs: object) -> str:  # noqa: ARG002  mistune's signature
        return f'<p class="heading">{text}</p>\n'

    def image(self, text: str, url: str, title: str | None = None) -> str:  # noqa: ARG002
        alt = escape(text)
        return f'<img src="{escape(url)}" alt="{alt}">' if _PICTURE.match(url) else f"<em>[{alt or '…'}]</em>"

    def display_formula(self, text: str) -> str:
        return _formula(text, True)

    def formula(self, text: str) -> str:
        return _formula(text, False)


def _build() -> Callable[[str], object]:
    return mistune.Markdown(renderer=_Renderer(escape=False), plugins=[strikethrough, table, _formulas])


_MARKDOWN = _build()
