"""Every word that a self-check says of a notebook, in each language; what pages say too stands in report.wording.

What it says of files and of setting up, before it knows the course, is English (command.py, set_up.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grader.report.wording import Wording
from grader.task import Language


@dataclass(frozen=True)
class Words:
    """One language. Fields in braces are filled in with str.format."""

    good: str = "All public checks pass. The course's grader also tries other data and other sizes."
    not_good: str = "Not all public checks pass yet."
    unanswered: str = "{count} had no answer to check: your function stopped on their data."
    leans: str = "It calls your {earlier}, which is not right yet: mend that first, then look here again."
    more_next_time: str = "Change something and check again to be told more."
    unsaved: str = "If you have written it already: save the notebook, then check again."
    stale: str = (
        "Your kernel may still know names that no cell defines any more: restart it and run all cells to see what a grader sees.")
    note: str = "note"
    place: str = "cell {cell}"
    found_words: str = "Answer ({name}): found, words: {count}"
    found_none: str = "Answer ({name}): none found yet"
    read: str = "{file}, as saved {ago}"
    without_walls: str = "Your code ran on this machine as it is. The course's grader runs it in a sandbox."
    no_functions: str = (
        "check() found none of the functions {names}. Run the cells that define them, then check again: "
        "check({arguments})")
    not_a_function: str = "check() was given {kind} for {name}, not a function. Did a later cell give its name to something else?"
    unreadable: str = "Save it again in Jupyter (the .ipynb, not a .py or a web page), or take a fresh one from the zip."
    loop: str = "Is there a loop that never ends?"
    slow: str = "It took {seconds} s here. The grader makes {more} times as many calls and allows {most} s: make it faster."
    doubtful: str = "All public checks pass, but the grader would stop it or may not run it: see above."
    unknown: str = "It uses {modules}, which the grader may not have: do without, or ask."
    surplus: str = "check() takes the functions {names}; this belongs to none of them: {what}."
    same_reason: str = "{count} checks"
    other_versions: str = "The grader runs Python {python} and NumPy {numpy}; here are Python {own_python} and NumPy {own_numpy}."
    watching: str = "Watching {file}: save it to check it again, Ctrl-C ends."
    handed_out: str = "{file}, as handed out"
    others: str = "Did you mean another notebook? Beside it there are: {names}. Name the one: python selfcheck.py {first}"
    seconds: str = "{count} s ago"
    minutes: str = "{count} min ago"
    hours: str = "{count} h ago"
    days: str = "{count} days ago"


ENGLISH = Words()
GERMAN = Words(
    good="Alle öffentlichen Tests sind bestanden. Bei der Bewertung kommen andere Daten und andere Größen hinzu.",
    not_good="Noch sind nicht alle öffentlichen Tests bestanden.",
    unanswered="{count} hatten keine Antwort zu prüfen: Deine Funktion brach bei ihren Daten ab.",
    leans="Sie ruft dein {earlier} auf, das noch nicht stimmt: Verbessere erst das, dann sieh hier wieder nach.",
    more_next_time="Ändere etwas und prüfe noch einmal, dann erfährst du mehr.",
    unsaved="Falls du sie schon geschrieben hast: Speichere das Notebook und prüfe noch einmal.",
    stale="Vielleicht kennt dein Kernel noch Namen, die keine Zelle mehr definiert: Starte ihn neu und führe alle Zellen aus, "
          "dann siehst du, was auch die Bewertung sieht.",
    note="Hinweis",
    place="Zelle {cell}",
    found_words="Antwort ({name}): gefunden, Wörter: {count}",
    found_none="Antwort ({name}): noch keine gefunden",
    read="{file}, gespeichert {ago}",
    without_walls="Dein Code lief auf diesem Rechner ohne Schutz. Bei der Bewertung läuft er abgeschirmt.",
    no_functions="check() hat keine der Funktionen {names} gefunden. Führe die Zellen aus, die sie definieren, und prüfe noch "
                 "einmal: check({arguments})",
    not_a_function="check() bekam für {name} {kind} und keine Funktion. Hat eine spätere Zelle den Namen anders vergeben?",
    unreadable="Speichere es in Jupyter noch einmal (die .ipynb-Datei, keine .py und keine Webseite), oder nimm ein frisches aus "
               "dem Zip.",
    loop="Gibt es eine Schleife, die nie endet?",
    slow="Hier dauerte es {seconds} s. Bei der Bewertung sind es {more}-mal so viele Aufrufe, und erlaubt sind {most} s: Mach es "
         "schneller.",
    doubtful="Alle öffentlichen Tests sind bestanden, aber bei der Bewertung würde es abgebrochen oder vielleicht nicht laufen: "
             "siehe oben.",
    unknown="Sie benutzt {modules}, was bei der Bewertung vielleicht fehlt: Komm ohne aus, oder frag nach.",
    surplus="check() nimmt die Funktionen {names}; das gehört zu keiner davon: {what}.",
    same_reason="{count} Tests",
    other_versions="Bewertet wird mit Python {python} und NumPy {numpy}; hier sind Python {own_python} und NumPy {own_numpy}.",
    watching="{file} wird beobachtet: Beim Speichern wird neu geprüft, Strg-C beendet.",
    handed_out="{file}, wie ausgeteilt",
    others="Meintest du ein anderes Notebook? Daneben liegen: {names}. Nenne es: python selfcheck.py {first}",
    seconds="vor {count} s",
    minutes="vor {count} min",
    hours="vor {count} h",
    days="vor {count} Tagen",
)
WORDS: Mapping[Language, Words] = {"en": ENGLISH, "de": GERMAN}


def verdict_word(verdict: str, wording: Wording) -> str:
    """The word of results and grades, and the page's own where that says it in another language."""
    return verdict if wording.language == "en" else f"{verdict} ({wording.verdicts[verdict]})"


def tell_age(seconds: float, words: Words) -> str:
    """How long ago something was, roughly."""
    steps: Sequence[tuple[float, str]] = ((120, words.seconds), (7200, words.minutes), (172800, words.hours))
    sizes = (1, 60, 3600)
    for (most, sentence), size in zip(steps, sizes, strict=True):
        if seconds < most:
            return sentence.format(count=max(round(seconds / size), 0))
    return words.days.format(count=round(seconds / 86400))
