"""Every word of `wording`, in German: „du“ to students, nobody addressed on the pages of the instructor."""

from __future__ import annotations

from collections.abc import Sequence

from grader.report.wording import Wording, without_letter

_VERDICTS = {
    "correct": "richtig",
    "incorrect": "noch nicht richtig",
    "missing": "nicht gefunden",
    "error": "mit Fehler abgebrochen",
    "timeout": "hat zu lange gedauert",
    "memory": "hat zu viel Speicher gebraucht",
    "crashed": "vor der Antwort beendet",
    "forbidden": "nicht erlaubt",
}
_MEANINGS = {
    "incorrect": "Die Funktion läuft, aber manches, was sie zurückgibt, stimmt noch nicht.",
    "missing": "Diese Funktion wurde nicht gefunden, oder sie ist noch so leer wie in der Vorlage.",
    "error": "Die Funktion hat eine Ausnahme ausgelöst.",
    "timeout": "Die Funktion wurde in der erlaubten Zeit nicht fertig.",
    "memory": "Die Funktion brauchte mehr Speicher als erlaubt.",
    "crashed": "Das Programm endete mitten in einem Aufruf.",
    "forbidden": "Die Funktion tut etwas, das diese Aufgabe nicht erlaubt.",
}
_ADVICE = {
    "incorrect": "Bei den Tests unten steht, was abweicht und wo.",
    "missing": "Schreibe sie, oder prüfe, ob ihr Name so geschrieben ist wie in der Vorlage.",
    "error": "Starte den Kernel neu und führe dein Notebook von oben bis unten aus, dann siehst du es selbst.",
    "timeout": "Suche nach einer Schleife, die nie endet, oder nach Arbeit, die immer wieder von vorn getan wird.",
    "memory": "Suche nach einem Array, das viel größer ist, als es sein muss.",
    "crashed": "Nimm Aufrufe wie exit() heraus und gib deine Ergebnisse zurück, statt das Programm zu beenden.",
    "forbidden": "Löse es mit dem, was die Vorlage erlaubt.",
}


class _German(Wording):
    """The sentences; the labels are given below. Numbers follow `point` and need no method of their own."""

    def moment(self, date: str, clock: str) -> str:
        return f"{date}, {clock} Uhr (UTC)"

    def percent(self, share: int) -> str:
        return f"{share}\N{NO-BREAK SPACE}%"

    def of(self, score: float, points: float) -> str:
        return f"{self.number(score)} von {self.number(points)}"

    def points(self, points: float) -> str:
        return f"{self.number(points)} {'Punkt' if points == 1 else 'Punkte'}"

    def out_of(self, points: float) -> str:
        return f"von {self.number(points)} {'Punkt' if points == 1 else 'Punkten'}"

    def similar_title(self, title: str) -> str:
        return f"{title}: sehr ähnlicher Code"

    def similar_summary(self, total: int, compared: int, groups: int) -> str:
        hand_ins = "Eine Abgabe" if total == 1 else f"{total} Abgaben"
        listed = "keine Gruppe" if not groups else "eine Gruppe" if groups == 1 else f"{groups} Gruppen"
        return f"{hand_ins}, davon {compared} mit eigenem Code; aufgeführt: {listed}."

    def similar_too_short(self, median: float, limit: int, told_all: bool) -> str:
        then = ("Sie steht trotzdem da, weil es verlangt wurde; das meiste davon bedeutet nichts." if told_all else
                "Aufgeführt ist nur, was Buchstabe für Buchstabe gleich ist; `--even-short` (make: EVEN_SHORT=yes) führt auch "
                "den Rest auf.")
        return (f"Die Funktionen sind zu kurz für eine Aussage. Der Hälfte der Abgaben bleiben höchstens {self.number(median)} "
                f"Fingerabdrücke, wenn fortfällt, was nichts beweist; nötig wären {limit}. Die Ähnlichkeit so kurzer Funktionen "
                f"hat ehrliche Gründe. {then}")

    def similar_left_out(self, common: int, most: int) -> str:
        return (f"Zuerst fällt fort, was nichts beweist: was die Vorlage vorgibt, was die Musterlösung und die bekannten "
                f"Schreibweisen enthalten und was mehr als {most} Abgaben haben (kurze Stellen: {common}). Eine Lösung, die "
                f"unter mehr als {most} die Runde machte, wird also nicht gesehen, außer bei gleichen Dateien oder Kommentaren.")

    def similar_more(self, count: int) -> str:
        return f" und {count} weitere"

    def similar_links(self, shared: int, fewer: int, links: int) -> str:
        strength = f"{shared} von {fewer} Fingerabdrücken ({self.share(shared, fewer)}) der kleineren Abgabe"
        return f"Gemeinsam: {strength}." if links == 1 else f"Das schwächste Glied, das die Gruppe zusammenhält: {strength}."

    def similar_strength(self, shared: int, fewer: int) -> str:
        return f"{shared} von {fewer} ({self.share(shared, fewer)})"

    def similar_opposite(self, cell: int, line: int) -> str:
        return f"wie Zelle {cell}, Zeile {line} gegenüber"

    def similar_not_shown(self, count: int) -> str:
        some = "Ein Paar dieser Gruppe steht" if count == 1 else f"{count} Paare dieser Gruppe stehen"
        return f"{some} nicht nebeneinander, damit die Seite lesbar bleibt."

    def similar_code_of(self, student: str, cell: int) -> str:
        return f"Code von {student}, Zelle {cell}"

    def weak_sandbox(self, level: str) -> str:
        return (f"Eingereichter Code lief nur hinter „{level}“, und das ist weniger, als die Aufgabe verlangt. `make doctor` "
                "zeigt, was fehlt. Diese Punkte sollten erst zählen, wenn dort neu bewertet wurde, wo nichts fehlt.")

    def class_title(self, title: str) -> str:
        return f"{title}: der Kurs"

    def written_waiting(self, count: int, points: float) -> str:
        answers = "Eine schriftliche Antwort" if count == 1 else f"{count} schriftliche Antworten"
        return f"{answers} ({self.points(points)}) noch nicht bewertet"

    def written_marked(self, score: float, points: float) -> str:
        return f"{self.of(score, points)} für die schriftlichen Antworten"

    def example(self, title: str) -> str:
        return f"Rechne es von Hand nach: {title}"

    def example_yours(self, step: str) -> str:
        return f"bei dir: {step}"

    def example_departs(self, step: str) -> str:
        return (f"Jede Zahl hier lässt sich von Hand nachrechnen. Deine Funktion verlässt den richtigen Weg bei {step} oder "
                "schon davor.")

    def example_nothing(self, step: str) -> str:
        return f"Deine Funktion liefert hier für {step} nichts, was sich vergleichen ließe."

    def matrix_right(self, slips: int, rows: int) -> str:
        known = "Der eine bekannte Fehler wird" if slips == 1 else f"Alle {slips} bekannten Fehler werden"
        tries = f" in jedem Teil, in dem sie erprobt werden ({rows} Zeilen)," if rows > slips else ""
        return f"{known}{tries} erkannt und richtig benannt, und jeder Test erkennt etwas."

    def reread(self, place: str) -> str:
        return f"In der Vorlage steht es unter „{without_letter(place)}“."

    def together(self, titles: Sequence[str]) -> str:
        return " zusammen mit ".join(f"„{title}“" for title in titles)

    def alike(self, titles: Sequence[str]) -> str:
        return f"Von außen ist das nicht zu unterscheiden von {' oder von '.join(titles)}."

    def carried(self, earlier: Sequence[str]) -> str:
        if not earlier:
            part = "Dieser Teil baut auf einem früheren auf, der noch nicht richtig ist."
        elif len(earlier) == 1:
            part = f"Dieser Teil baut auf „{earlier[0]}“ auf, und das ist noch nicht richtig."
        else:
            titles = " und ".join(f"„{title}“" for title in earlier)
            part = f"Dieser Teil baut auf {titles} auf, und das ist noch nicht alles richtig."
        return f"{part} Bewertet wurde er mit deiner eigenen Fassung davon, damit ein Fehler von dort nur einmal Punkte kostet."

    def checks_passed(self, count: int) -> str:
        return f"{self.passed}: {_tests(count)}"

    def checks_failed(self, count: int) -> str:
        return f"{self.failed}: {_tests(count)}"

    def checks_skipped(self, count: int) -> str:
        return f"{self.skipped}: {_tests(count)}"

    def cell(self, cell: int) -> str:
        return f"Zelle {cell}"

    def line(self, line: int) -> str:
        return f"Zeile {line}"

    def place(self, cell: int | None, line: int | None) -> str:
        where = [] if cell is None else [f"Zelle {cell}"]
        return ", ".join(where + ([] if line is None else [f"Zeile {line}"]))

    def code_of(self, exercise: str, cell: int) -> str:
        return f"Dein Code für {exercise}, Zelle {cell}"

    def lines_left_out(self, count: int) -> str:
        return "Eine weitere Zeile wird nicht gezeigt." if count == 1 else f"{count} weitere Zeilen werden nicht gezeigt."

    def agrees(self) -> str:
        return "Dein Ergebnis stimmt mit dem erwarteten überein."

    def differs(self, row: str, column: str, yours: str, expected: str) -> str:
        return f"Am stärksten weichen sie bei {row}, {column} voneinander ab: Bei dir steht {yours}, erwartet ist {expected}."

    def other_shape(self, yours: Sequence[int], expected: Sequence[int]) -> str:
        return f"Dein Ergebnis hat die Form {self.shape(yours)}; erwartet ist {self.shape(expected)}."

    def corner(self, rows: int, columns: int, shape: Sequence[int]) -> str:
        return f"Die ersten {rows} × {columns} von {' × '.join(map(str, shape))}."

    def not_drawn(self, shape: Sequence[int]) -> str:
        return f"{self.shape(shape)}: Auf dieser Seite stehen schon zu viele Tabellen, um auch diese zu zeichnen."

    def grid_title(self, which: str, picture: str, rows: str, columns: str) -> str:
        return f"{which}: {picture} ({rows} mal {columns})"

    def axes(self, rows: str, columns: str) -> str:
        return f"Zeilen: {rows}. Spalten: {columns}."

    def bin(self, low: float, high: float, last: bool) -> str:
        return f"{self.number(low)} bis {'' if last else 'unter '}{self.number(high)}"

    def histogram(self, bins: Sequence[tuple[str, int]]) -> str:
        return "Abgaben nach Punkten. " + "; ".join(f"{label}: {count}" for label, count in bins) + "."

    def rate_note(self, graded: int) -> str:
        return "Von einer bewerteten Abgabe." if graded == 1 else f"Von {graded} bewerteten Abgaben."

    def left_out(self, count: int) -> str:
        return "Eine Datei wurde ausgelassen" if count == 1 else f"{count} Dateien wurden ausgelassen"

    def nobody(self, number: str) -> str:
        return f"Person {number}"

    def shown(self, some: str, all_of: str) -> str:
        return f"{some} von {all_of} gezeigt"


def _tests(count: int) -> str:
    return f"{count} {'Test' if count == 1 else 'Tests'}"


GERMAN = _German(
    language="de",
    point=",",
    verdicts=_VERDICTS,
    meanings=_MEANINGS,
    advice=_ADVICE,
    outcomes={"passed": "bestanden", "failed": "nicht bestanden", "skipped": "nicht ausgeführt"},

    matrix="Tests gegen bekannte Fehler",
    matrix_wrong="Mit dieser Aufgabe stimmt etwas nicht:",
    matrix_slip="Fehler",
    matrix_named="Benannt als",
    matrix_caught="erkannt",
    skip_link="Zum Inhalt springen",
    all_right="Alle Tests sind bestanden. Es gibt nichts zu verbessern.",
    next_steps="Was du als Nächstes tun kannst",
    not_judged="Noch nicht bewertet",
    not_judged_next=(
        "Das sind keine null Punkte: Über deine Arbeit ist noch nichts entschieden. Deine Lehrperson sieht diese Abgabe oben in "
        "der Liste und schaut sie sich an. Wenn du den oben genannten Grund beheben kannst, frage, ob du noch einmal abgeben "
        "darfst."),
    for_the_code="für den Code",
    checks="Tests",
    failed="Zu verbessern",
    passed="Bestanden",
    skipped="Nicht ausgeführt",
    hidden="verdeckt",
    example_given="Gegeben",
    example_steps="Schritt für Schritt, der richtige Weg",
    pays_note="Was bestanden ist, bringt Punkte im Verhältnis zu den Zahlen, die richtig sind.",
    hidden_note="Verdeckte Tests rechnen mit anderen Zahlen als die Vorlage, deshalb zeigen sie keine Eingaben.",
    released_note=(
        "Verdeckte Tests rechnen mit anderen Zahlen als die Vorlage. Sie sind freigegeben, deshalb steht unten, was sie "
        "erwarten."),
    reason_above="Aus dem oben genannten Grund.",
    matrices="Deine Zahlen neben den erwarteten",
    yours="Dein Ergebnis",
    expected="Erwartet",
    difference="Dein Ergebnis − erwartet",
    nothing_returned="Es kam nichts zurück, was sich zeichnen ließe.",
    not_numbers="Was zurückkam, lässt sich nicht als Tabelle aus Zahlen zeichnen.",
    code="Dein Code",
    code_note="Nur die Zeilen, die dieser Teil braucht.",
    written="Schriftliche Antworten",
    no_answer="Im Notebook wurde keine Antwort gefunden.",
    answer_cut="Die Antwort ist länger, als diese Seite zeigt; vollständig steht sie in deinem Notebook.",
    answer_plain="Die Antwort ließ sich nicht setzen, deshalb steht sie hier so, wie sie eingegeben wurde.",
    comment="Kommentar",
    not_marked="noch nicht bewertet",
    notices="Gut zu wissen",
    receipt="Beleg",
    file="Datei",
    fingerprint="SHA-256",
    grader="Bewertungsprogramm",
    assignment="Aufgabe",
    layers="Abschirmung",
    no_layers="nichts wurde ausgeführt",
    graded="Bewertet",

    class_attention="Muss angesehen werden",
    set_aside="Diese Abgabe konnte nicht bewertet werden und muss von einem Menschen angesehen werden.",
    class_attention_none="Alle Abgaben konnten bewertet werden.",
    hidden_data="Verdeckte Zahlen",
    similar="Sehr ähnlicher Code, zur Prüfung durch eine Person",
    to_similar="Sehr ähnlicher Code",
    similar_reading="Wie das zu lesen ist",
    similar_unread="Nicht verglichen",
    similar_code="Der Code",
    similar_purpose=(
        "Diese Seite zeigt, welche Lösungen einander sehr ähnlich sind. Sie entscheidet nichts und ändert keine Punkte. "
        "Ähnlichkeit hat auch ehrliche Gründe: Arbeit zu zweit, eine Vorlesung oder ein Buch, die alle kennen, dieselbe Hilfe. "
        "Vor jedem Schluss stehen der Blick auf beide Seiten und ein Gespräch."),
    similar_blind=(
        "Namen, Kommentare, Annotationen, Anordnung und die Reihenfolge der Funktionen zählen nicht. Eine anders geschriebene "
        "Zeile (`np.dot(a, b)` für `a @ b`) oder eine anders zerlegte Funktion wird nicht erkannt; Textantworten werden nicht "
        "verglichen. Wer nicht aufgeführt ist, muss also nicht verschieden sein."),
    similar_marks=(
        "Gemeinsame Zeilen sind markiert; die Zahl nach = nennt Zelle und Zeile desselben Codes auf der anderen Seite. Zeilen, "
        "die vorgegeben sind oder die viele haben, sind auch dann nicht markiert, wenn sie übereinstimmen. Ein Fingerabdruck ist "
        "eine Zahl für 12 Zeichen hintereinander; behalten werden etwa zwei von fünf."),
    similar_kinds={
        "file": "Dieselbe Datei", "letters": "Dieselben Buchstaben samt Kommentaren", "code": "Sehr ähnlich",
    },
    similar_kind_notes={
        "file": "Diese Dateien stimmen Byte für Byte überein, mit allem, was darin steht.",
        "letters": "Der Code stimmt Buchstabe für Buchstabe überein, samt Kommentaren von einiger Länge. Eine Aufgabe lässt beim "
                   "Code vielleicht wenig Wahl; Wortlaut, Kommas und Ort eines Kommentars sind frei. Deshalb sagt das auch bei "
                   "kurzem Code etwas.",
    },
    weak_title="Die Abschirmung war zu schwach",
    weak_tag="schwache Abschirmung",
    which="Welche",
    left_out_note="Das sind keine Notebooks. Ist eine davon eine Abgabe, kann sie als Notebook (*.ipynb) nachgefordert werden.",
    class_look="Einen Blick wert",
    class_numbers="Der Kurs in Zahlen",
    submissions="Abgaben",
    waiting="Nicht bewertet",
    mean="Mittelwert",
    median="Median",
    full_marks="Volle Punktzahl",
    distribution="Verteilung der Punkte",
    check_rates="Wie die einzelnen Tests ausfielen",
    check="Test",
    rate="Bestanden von",
    telling_column="Trennschärfe",
    telling_note=(
        "Die Trennschärfe ist die Korrelation zwischen dem Bestehen eines Tests und den übrigen Punkten (punktbiserial, −1 bis "
        "1). Nahe 0 oder darunter, mit ? gekennzeichnet, sagt ein Test wenig darüber, wie gut eine Abgabe ist, oder sogar das "
        "Gegenteil: Dann lohnt ein Blick, ob er fragt, was er fragen soll. Bei weniger als zehn Abgaben gibt es keine."),
    search="Nach einem Namen oder Fehler suchen",
    show="Zeigen",
    show_all="alle",
    kinds={"waiting": "nicht bewertet", "look": "einen Blick wert", "mistakes": "mit Fehlern", "full": "volle Punktzahl"},
    slips="Fehler, die häufigsten zuerst",
    slips_none="Es wurde kein Fehler benannt.",
    slip="Fehler",
    who="Wer",
    all_submissions="Alle Abgaben",
    student="Name",
    score="Punkte",
    no_submissions="Es gibt keine Abgaben.",
    no_score="nicht bewertet",
)
