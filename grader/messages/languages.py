"""The languages that messages can be put into; `german` holds every template that is said anywhere."""

from __future__ import annotations

from collections.abc import Mapping

from grader.messages import Catalogue
from grader.messages.german import GERMAN

ENGLISH = Catalogue("en", {})
CATALOGUES: Mapping[str, Catalogue] = {
    "en": ENGLISH,
    "de": Catalogue("de", GERMAN, str.maketrans({".": ",", ",": "."})),
}
