"""Every template that is said anywhere, in German: „du“ to students, nobody addressed in what only an instructor reads.

What an assignment calls things (a reason, a label) is filled in after a colon, since its case is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping

_CHECKS = {
    "{name}: {slip}: the students' self-check does not catch it":
        "{name}: {slip}: der Selbsttest der Studierenden erkennt es nicht",
    "the assignment does not allow it": "diese Aufgabe erlaubt es nicht",
    "`{name}` was not given to check().": "`{name}` wurde check() nicht übergeben.",
    "it ran out of memory": "der Speicher reichte nicht",
    "This program is incomplete: {name} is missing.": "Dieses Programm ist unvollständig: {name} fehlt.",
    "Python does not start here: {reason}.": "Python startet hier nicht: {reason}.",
    "it took more than {seconds:g} s": "es dauerte mehr als {seconds:g} s",
    "it ended with exit status {status}": "es endete mit Status {status}",
    "The notebook has {size:.0f} MB, more than the {most} MB that are read; clear its outputs.":
        "Das Notebook hat {size:.0f} MB, gelesen werden höchstens {most} MB; lösche seine Ausgaben.",
    "{what}; before that, cell {cell} raised {exception}: {message}":
        "{what}; davor löste Zelle {cell} {exception} aus: {message}",
    "The picture `{name}` of answer ({question}) cannot be shown: it is not in the notebook, is no PNG, JPEG, GIF or WebP, or is "
    "too large.":
        "Das Bild `{name}` der Antwort ({question}) lässt sich nicht zeigen: Es ist nicht im Notebook, ist kein PNG, JPEG, GIF "
        "oder WebP, oder es ist zu groß.",
    "there is no public check of it; the grader tries it on data of its own":
        "dafür gibt es keinen öffentlichen Test; bei der Bewertung wird mit eigenen Daten geprüft",
    "there is no function to check": "es gibt keine Funktion, die sich testen ließe",
    "the cell is not valid Python": "die Zelle ist kein gültiges Python",
    "it was not run because of the import rule": "die Funktion wurde wegen der Import-Regel nicht ausgeführt",
    "Your `{name}` does the right thing with what your `{names}` returns; the difference to the expected results comes from "
    "`{names}`, where it is charged.":
        "Dein `{name}` macht mit dem, was dein `{names}` zurückgibt, das Richtige; der Unterschied zu den erwarteten Ergebnissen "
        "kommt von `{names}` und kostet nur dort Punkte.",
    "On top of what your `{names}` returns: {message}": "Aufbauend auf dem, was dein `{names}` zurückgibt: {message}",
    "there was no answer to check": "es kam keine Antwort, die sich prüfen ließe",
    "returns {names}: finite real numbers of the right shape":
        "gibt {names} zurück: endliche reelle Zahlen in der richtigen Form",
    "leaves its arguments unchanged": "lässt ihre Argumente unverändert",
    "gives equal results for equal calls": "gibt bei gleichen Aufrufen gleiche Ergebnisse",
    "It changes {names} in place; work on a copy.": "Die Funktion überschreibt {names}; arbeite mit einer Kopie.",
    "{problem}.": "{problem}.",
    "Two calls with the same arguments gave different results.":
        "Zwei Aufrufe mit denselben Argumenten ergaben verschiedene Ergebnisse.",
    "argument {number}": "Argument {number}",
    "this compares with your {name}, which is not right yet":
        "hier wird mit deinem {name} verglichen, und das ist noch nicht richtig",
    "{names} was not returned, which this assignment allows": "{names} wurde nicht zurückgegeben, was diese Aufgabe erlaubt",
    "`{name}` was not returned, which this assignment allows": "`{name}` wurde nicht zurückgegeben, was diese Aufgabe erlaubt",
    "it cannot hold on top of your earlier function, and is not charged again":
        "das kann mit deiner früheren Funktion nicht gelten und kostet nicht noch einmal Punkte",
    "they have different shapes": "sie haben verschiedene Formen",
    "by up to {gap:.2g}": "Unterschied bis zu {gap:.2g}",
    "there are NaN or infinite numbers": "es kommen NaN oder unendliche Zahlen vor",
    "{nothing}: {why}": "{nothing}: {why}",
    "The results disagree in {label} ({how}).": "Hier stimmen die Ergebnisse nicht überein: {label} ({how}).",
    "{counted} of {size} numbers": "{counted} von {size} Zahlen",
    "{count} NaN": "{count} NaN",
    "{count} infinite": "{count} unendliche",
    "{count} values are returned where {wanted} were asked for": "es werden {count} Werte zurückgegeben, verlangt sind {wanted}",
    "`{name}` is {problem}": "`{name}` ist {problem}",
    "`{name}` holds complex numbers": "`{name}` enthält komplexe Zahlen",
    "`{name}` has shape {shape} where {wanted} ({axes}) was asked for":
        "`{name}` hat die Form {shape}, verlangt ist {wanted} ({axes})",
    "`{name}` holds {counted}": "`{name}` enthält Ungültiges: {counted}",
    "a {kind} that does not hold arrays alone": "ein Objekt vom Typ {kind}, das nicht nur Arrays enthält",
    "a {kind} of arrays of different shapes": "ein Objekt vom Typ {kind} mit Arrays verschiedener Form",
    "the results come back in another order than {names}": "die Ergebnisse kommen in anderer Reihenfolge zurück als {names}",
    "`{name}` is not returned": "`{name}` wird nicht zurückgegeben",
    "no answer within the time limit": "keine Antwort innerhalb der erlaubten Zeit",
    "no answer within the memory limit": "keine Antwort mit dem erlaubten Speicher",
    "no answer: the process ended early": "keine Antwort: der Prozess endete vorzeitig",
    "it gave no answer": "die Funktion gab keine Antwort",
    "{silence}: {detail}": "{silence}: {detail}",
    "it raised {exception}": "die Funktion hat {exception} ausgelöst",
    "it raised {exception}: {message}": "die Funktion hat {exception} ausgelöst: {message}",
    "{what} (cell {cell}, line {line})": "{what} (Zelle {cell}, Zeile {line})",
    "{what} (cell {cell}, line {line}, in your {name})": "{what} (Zelle {cell}, Zeile {line}, in deinem {name})",
    "keeps to the import rule": "hält die Import-Regel ein",
    "{module} (cell {cell}, line {line})": "{module} (Zelle {cell}, Zeile {line})",
    "It uses {places}: {reason}.": "Die Funktion verwendet {places}, aber: {reason}.",
    "calls your {names}": "ruft deine Funktion {names} auf",
    "It does not call your {names}.": "Die Funktion ruft {names} aus deinem Notebook nicht auf.",
    "{name} for {case}": "{name} für {case}",
    "{count} of {size} numbers in `{name}` are NaN or infinite.":
        "In `{name}` sind NaN oder unendlich: {count} von {size} Zahlen.",
    "{count} of {size} numbers in `{name}` differ": "{count} von {size} Zahlen in `{name}` weichen ab",
    "{count} of {size} numbers in `{name}` differs": "{count} von {size} Zahlen in `{name}` weicht ab",
    "{counted}, by up to {gap:.2g}.": "{counted}, um bis zu {gap:.2g}.",
    "{counted}; the largest difference is {gap:.3g}, at {place}: yours is {yours:.4g}, expected is {expected:.4g}.":
        "{counted}; der größte Unterschied beträgt {gap:.3g}, bei {place}: Deine Zahl ist {yours:.4g}, erwartet ist "
        "{expected:.4g}.",
    " and ": " und ",
}
_RETURNED = {
    "a dict": "ein dict",
    "a set": "ein set",
    "a string": "eine Zeichenkette",
    "a range": "ein range",
    "a slice": "ein slice",
    "a class": "eine Klasse",
    "a generator": "ein Generator",
    "a coroutine": "eine Coroutine",
    "a function": "eine Funktion",
    "a method": "eine Methode",
    "a module": "ein Modul",
    "an ellipsis (...)": "eine Ellipse (...)",
    "an object of a plotting or notebook library": "ein Objekt aus einer Bibliothek für Diagramme oder Notebooks",
    "an array of Python objects": "ein Array aus Python-Objekten",
    "an array of strings": "ein Array aus Zeichenketten",
    "a structured array": "ein strukturiertes Array",
    "an array of dates": "ein Array aus Datumsangaben",
    "an array of time spans": "ein Array aus Zeitspannen",
    "an array of an unusual dtype": "ein Array mit einem ungewöhnlichen dtype",
    "an object of type {name}": "ein Objekt vom Typ {name}",
    "an array of {size:.1e} numbers": "ein Array aus {size:.1e} Zahlen",
    "a structure nested more than {count} deep, or in itself":
        "eine Struktur, die mehr als {count}-fach oder in sich selbst verschachtelt ist",
    "a structure of {count:,} parts": "eine Struktur aus {count:,} Teilen",
    "a structure of more than {count:,} parts": "eine Struktur aus mehr als {count:,} Teilen",
    "a list of more than {count:,} parts": "eine Liste aus mehr als {count:,} Teilen",
    "{kind} that cannot be turned into an array": "{kind} (lässt sich nicht in ein Array umwandeln)",
}
_TRIED = {
    "it tried to {act}: {message}": "sie wollte {act}: {message}",
    "open a network socket": "eine Netzwerkverbindung öffnen",
    "connect to the network": "sich mit dem Netz verbinden",
    "look up a host on the network": "einen Rechner im Netz suchen",
    "start another program": "ein anderes Programm starten",
    "start another process": "einen anderen Prozess starten",
    "signal a process": "einem Prozess ein Signal schicken",
    "delete a file": "eine Datei löschen",
    "rename a file": "eine Datei umbenennen",
    "make a folder": "einen Ordner anlegen",
    "delete a folder": "einen Ordner löschen",
    "list a folder": "einen Ordner auflisten",
    "change a file's mode": "die Rechte einer Datei ändern",
    "make a link": "einen Link anlegen",
    "change a file": "eine Datei ändern",
    "open or change a file": "eine Datei öffnen oder ändern",
}
_HANDED_IN = {
    "The notebook is larger than {limit} MB; clear its outputs and hand it in again.":
        "Das Notebook ist größer als {limit} MB; lösche seine Ausgaben und gib es noch einmal ab.",
    "The hand-in holds {count} notebooks; {name} was graded.": "Die Abgabe enthält {count} Notebooks; bewertet wurde {name}.",
    "The file could not be read: {reason}.": "Die Datei konnte nicht gelesen werden: {reason}.",
    "The file could not be read.": "Die Datei konnte nicht gelesen werden.",
    "it is not a regular file": "sie ist keine gewöhnliche Datei",
    "the list of entries and the entry itself differ": "die Liste der Einträge und der Eintrag selbst widersprechen sich",
    "its size or checksum is not the one in the list of entries":
        "seine Größe oder Prüfsumme ist nicht die aus der Liste der Einträge",
    "its LZMA settings are not known": "seine LZMA-Einstellungen sind unbekannt",
    "the zip has been changed since it was listed": "die Zip-Datei wurde geändert, seit sie aufgelistet wurde",
    "the zip is damaged at this entry ({error})": "die Zip-Datei ist bei diesem Eintrag beschädigt ({error})",
    "{name} {problem}, so it was not opened; {mend}.": "{name} {problem} und wurde deshalb nicht geöffnet; {mend}.",
    "{name} {problem} ({detail}), so it was not opened; {mend}.":
        "{name} {problem} ({detail}) und wurde deshalb nicht geöffnet; {mend}.",
    "{name} ({problem})": "{name} ({problem})",
    "{name} ({problem}: {detail})": "{name} ({problem}: {detail})",
    "{name} (an archive, not opened: unpack it first)": "{name} (ein Archiv, nicht geöffnet: Es muss erst entpackt werden)",
    "{name} ({count} hidden or left by a system)": "{name} (verborgen oder von einem System hinterlassen: {count})",
    "is a folder that is called a notebook": "ist ein Ordner, der wie ein Notebook heißt",
    "is a folder with nothing in it": "ist ein leerer Ordner",
    "is a folder that holds bytes itself": "ist ein Ordner, der selbst Bytes enthält",
    "is a symbolic link": "ist ein symbolischer Link",
    "is a named pipe": "ist eine benannte Pipe",
    "is a socket": "ist ein Socket",
    "is a device": "ist ein Gerät",
    "cannot be read": "kann nicht gelesen werden",
    "is a folder that cannot be listed": "ist ein Ordner, der sich nicht auflisten lässt",
    "lies too many folders deep": "liegt zu viele Ordner tief",
    "is a folder of too many files": "ist ein Ordner mit zu vielen Dateien",
    "is encrypted": "ist verschlüsselt",
    "has a name that points out of the zip": "hat einen Namen, der aus der Zip-Datei hinausführt",
    "has a name longer than any file's may be": "hat einen Namen, der länger ist, als Dateinamen sein dürfen",
    "unpacks to far more than a notebook of its size holds":
        "wird beim Entpacken viel größer als ein Notebook dieser Größe",
    "is packed in a way that is not read here": "ist auf eine Weise gepackt, die hier nicht gelesen wird",
    "is damaged in the zip's list of entries": "ist in der Liste der Einträge der Zip-Datei beschädigt",
    "the notebook itself has to be handed in": "abgegeben werden muss das Notebook selbst",
    "its permissions have to be mended": "die Zugriffsrechte müssen geändert werden",
    "the notebook has to be moved up": "das Notebook muss weiter nach oben",
    "everything but the notebook has to be taken out": "alles außer dem Notebook muss heraus",
    "it has to be zipped without a password": "es muss ohne Passwort gepackt werden",
    "it has to be zipped from its own folder": "es muss aus seinem eigenen Ordner heraus gepackt werden",
    "it has to be renamed": "es muss umbenannt werden",
    "its outputs have to be cleared": "die Ausgaben müssen gelöscht werden",
    "it has to be zipped with deflate, as is usual": "es muss wie üblich mit Deflate gepackt werden",
    "the zip has to be made or downloaded again": "die Zip-Datei muss neu angelegt oder heruntergeladen werden",
    "more than {most}": "mehr als {most}",
    "{count} times": "das {count}-Fache",
    "it has no name": "ohne Namen",
    "method {number}": "Verfahren {number}",
    "it lies where another entry lies": "liegt dort, wo ein anderer Eintrag liegt",
    "it is larger packed than unpacked": "ist gepackt größer als entpackt",
    "All notebooks are larger than {limit:,} MB, and these are the largest":
        "Alle Notebooks zusammen sind größer als {limit:,} MB, und diese sind die größten",
    "{name} holds {count} notebooks, more than {most}": "{name} enthält {count} Notebooks, mehr als {most}",
    "The notebooks of {name} are together larger than {limit:,} MB":
        "Die Notebooks von {name} sind zusammen größer als {limit:,} MB",
    "{reason}, so none was opened; the one to be graded has to be handed in alone, with its outputs cleared.":
        "{reason}, deshalb wurde keines geöffnet; das eine, das bewertet werden soll, muss allein und ohne Ausgaben abgegeben "
        "werden.",
}
_NOTEBOOK = {
    "The file is empty; the notebook has to be handed in again.":
        "Die Datei ist leer; das Notebook muss noch einmal abgegeben werden.",
    "The file is not a notebook: it does not hold JSON.": "Die Datei ist kein Notebook: Sie enthält kein JSON.",
    "The file is JSON, but not a notebook: it has no cells.": "Die Datei ist JSON, aber kein Notebook: Sie hat keine Zellen.",
    "The file is not valid {encoding}; unreadable characters were replaced.":
        "Die Datei ist kein gültiges {encoding}; unlesbare Zeichen wurden ersetzt.",
    "The file starts with a byte order mark, which was skipped.":
        "Die Datei beginnt mit einer Byte-Order-Mark, die übergangen wurde.",
    "The file is saved as {encoding}; notebooks are UTF-8. It was read all the same.":
        "Die Datei ist als {encoding} gespeichert; Notebooks sind UTF-8. Gelesen wurde sie trotzdem.",
    "The notebook breaks off: its JSON ends at line {line}, column {column}; it has to be handed in again.":
        "Das Notebook bricht ab: Sein JSON endet in Zeile {line}, Spalte {column}; es muss noch einmal abgegeben werden.",
    "The notebook is damaged: its JSON is wrong at line {line}, column {column}; it has to be handed in again.":
        "Das Notebook ist beschädigt: Sein JSON ist in Zeile {line}, Spalte {column} falsch; es muss noch einmal abgegeben "
        "werden.",
    "The notebook's JSON is nested too deeply to be read.":
        "Das JSON des Notebooks ist zu tief verschachtelt, um gelesen zu werden.",
    "The notebook's JSON holds a number that is too long to be read.":
        "Das JSON des Notebooks enthält eine Zahl, die zu lang ist, um gelesen zu werden.",
    "The notebook is of format {format} and cannot be brought to format 4 ({error}).":
        "Das Notebook hat das Format {format} und lässt sich nicht in Format 4 umwandeln ({error}).",
    "The notebook's `cells` are not a list; save it again from Jupyter.":
        "Die `cells` des Notebooks sind keine Liste; speichere es noch einmal aus Jupyter.",
    "The notebook has {count:,} cells, more than {most:,}; cut it down.":
        "Das Notebook hat {count:,} Zellen, mehr als {most:,}; kürze es.",
    "The notebook's cells are {length:,} characters long, more than {most:,}; what they hold of data belongs in a file.":
        "Die Zellen des Notebooks sind {length:,} Zeichen lang, mehr als {most:,}; Daten darin gehören in eine Datei.",
    "The notebook's code has {count:,} words, signs and lines, more than {most:,}; what it holds of data belongs in a file.":
        "Der Code des Notebooks hat {count:,} Wörter, Zeichen und Zeilen, mehr als {most:,}; Daten darin gehören in eine Datei.",
    "The notebook's statements depend on each other in too many ways to be followed; cut them down.":
        "Die Anweisungen des Notebooks hängen auf zu viele Weisen voneinander ab, um ihnen zu folgen; kürze sie.",
    "The notebook holds no code cell, so there is nothing to grade; a person has to look at it.":
        "Das Notebook enthält keine Code-Zelle, es gibt also nichts zu bewerten; es muss von einem Menschen angesehen werden.",
    "The notebook is written for {language}, not for Python; a person has to look at it.":
        "Das Notebook ist für {language} geschrieben, nicht für Python; es muss von einem Menschen angesehen werden.",
    "The notebook does not define `{name}`.": "Das Notebook definiert `{name}` nicht.",
    "`{name}` is still the hand-out's stub.": "`{name}` ist noch so leer wie in der Vorlage.",
    "You defined `{defined}` in cell {cell}: rename it to `{name}`.":
        "In Zelle {cell} hast du `{defined}` definiert: Benenne es in `{name}` um.",
    "You defined `{defined}` inside `{owner}` in cell {cell}: bind it to the name `{name}` at the top level.":
        "In Zelle {cell} hast du `{defined}` innerhalb von `{owner}` definiert: Gib ihm auf oberster Ebene den Namen `{name}`.",
    "Cell {cell}, which defines `{name}`, is not valid Python: {problem} (line {line}).":
        "Zelle {cell}, die `{name}` definiert, ist kein gültiges Python: {problem} (Zeile {line}).",
    "cell {cell}, which defines `{name}`, is not valid Python (line {line}: {problem})":
        "Zelle {cell}, die `{name}` definiert, ist kein gültiges Python (Zeile {line}: {problem})",
    "no cell of the notebook defines `{name}`": "keine Zelle des Notebooks definiert `{name}`",
    "This cell is not valid Python ({problem}), so nothing in it was used.":
        "Diese Zelle ist kein gültiges Python ({problem}), deshalb wurde nichts daraus verwendet.",
    "This cell also defines `{name}`, but is not valid Python; the definition in cell {cell} was graded.":
        "Auch diese Zelle definiert `{name}`, ist aber kein gültiges Python; bewertet wurde die Definition in Zelle {cell}.",
    "`{name}` is defined {count} times in different ways; the last was graded.":
        "`{name}` ist {count}-mal verschieden definiert; bewertet wurde die letzte Definition.",
    "The hand-out's stub of `{name}` stands after your own; yours was graded.":
        "Nach deinem eigenen `{name}` steht noch das leere aus der Vorlage; bewertet wurde deines.",
    "`{module}` is imported here although {reason}; no graded function uses it.":
        "Hier wird `{module}` importiert, aber: {reason}. Keine bewertete Funktion verwendet es.",
    "it is nested too deeply": "zu tief verschachtelt",
    "invalid syntax": "ungültige Syntax",
    "a number in it has too many digits": "eine Zahl darin hat zu viele Stellen",
}
_MARKS = {
    "credit for what is right besides the named slip": "Punkte für das, was außer dem benannten Fehler richtig ist",
    "credit for what is right besides the named slips": "Punkte für das, was außer den benannten Fehlern richtig ist",
    "{hint} It stands in your `{name}`, which this part calls.":
        "{hint} Der Fehler steckt in deinem `{name}`, das dieser Teil aufruft.",
    "{message} The slip stands in your `{name}`, which this part calls.":
        "{message} Der Fehler steckt in deinem `{name}`, das dieser Teil aufruft.",
    "`{name}`: {title}. A person may overrule this mark.": "`{name}`: {title}. Ein Mensch kann diese Bewertung ändern.",
    "`{name}` does not call your `{earlier}`, which the exercise asks to use.":
        "`{name}` ruft dein `{earlier}` nicht auf, das in diesem Teil verwendet werden soll.",
}
_OUR_FAULTS = {
    "The grader could not finish this submission: it {reason}, {count} times. A person has to look at it.":
        "Das Bewertungsprogramm wurde mit dieser Abgabe nicht fertig: Sie {reason}, {count}-mal. Sie muss von einem Menschen "
        "angesehen werden.",
    "The grader failed on this submission ({kind}: {error}). A person has to look at it.":
        "Das Bewertungsprogramm ist an dieser Abgabe gescheitert ({kind}: {error}). Sie muss von einem Menschen angesehen "
        "werden.",
    "took far longer than its time limits allow": "brauchte viel länger, als ihre Zeitgrenzen erlauben",
    "ended the process that was at work on it": "beendete den Prozess, der an ihr arbeitete",
    "Reading it {reason}.": "Beim Lesen: Sie {reason}.",
    "The grader failed on it ({kind}).": "Das Bewertungsprogramm ist daran gescheitert ({kind}).",
    "Its functions are longer than {most:,} signs.": "Die Funktionen sind länger als {most:,} Zeichen.",
}
_VERIFY = {
    "{name}: the check {check} catches nothing": "{name}: Der Test {check} erkennt nichts",
    "no check catches it": "kein Test erkennt ihn",
    "it is named {slips}": "er wird {slips} genannt",
    "it is not named": "er wird nicht benannt",
    "it is {verdict}": "das Ergebnis ist {verdict}",
    "the reference solution": "die Musterlösung",
    "the untouched hand-out": "die unveränderte Vorlage",
    "{name} is {verdict}: {message}": "{name} ist {verdict}: {message}",
    "it earns {score:g} of {points:g}": "sie bekommt {score:g} von {points:g}",
    "it earns {score:g}": "sie bekommt {score:g}",
    "{name} counts as written": "{name} gilt als geschrieben",
    "{file}: no text of the course is {text}; correct its spelling, or take it out":
        "{file}: Im Kurs gibt es keinen Text {text}; die Schreibweise muss berichtigt werden, oder die Zeile muss heraus",
    "{file}: lacks {text}": "{file}: Es fehlt {text}",
}
_SANDBOX = {
    "it was not done after {seconds:g} s": "nach {seconds:g} s war die Funktion nicht fertig",
    "it used up its {seconds:g} s of processor time": "die {seconds:g} s Rechenzeit waren aufgebraucht",
    "it ran out of its {size} MB of memory": "die {size} MB Speicher reichten nicht",
    "it was killed by signal {number} ({name})": "der Prozess wurde durch Signal {number} beendet ({name})",
    "it ended the process with os._exit or a crash (exit status {status})":
        "die Funktion hat den Prozess mit os._exit oder einem Absturz beendet (Status {status})",
    "it broke the reply protocol: {problem}": "die Funktion hat das Antwortprotokoll verletzt: {problem}",
    "it sent something that is no list of positions": "gesendet wurde etwas, das keine Liste von Stellen ist",
    "it sent more than is allowed": "gesendet wurde mehr als erlaubt",
    "it sent more than it was asked for": "gesendet wurde mehr als gefragt",
    "it sent an answer out of turn": "gesendet wurde eine Antwort außer der Reihe",
    "it sent something that is no list of exceptions": "gesendet wurde etwas, das keine Liste von Ausnahmen ist",
    "it sent something that is no exception": "gesendet wurde etwas, das keine Ausnahme ist",
    "it sent something that is no answer": "gesendet wurde etwas, das keine Antwort ist",
    "a frame announces {header} + {payload} bytes, more than is allowed":
        "ein Datenblock kündigt {header} + {payload} Bytes an, mehr als erlaubt",
    "a frame's header is not JSON": "der Kopf eines Datenblocks ist kein JSON",
    "a frame's header is not a JSON object": "der Kopf eines Datenblocks ist kein JSON-Objekt",
    "a frame holds {count} bytes too many": "ein Datenblock enthält {count} Bytes zu viel",
    "a frame holds too few bytes for its arrays": "ein Datenblock enthält zu wenige Bytes für seine Arrays",
    "a returned value is not described as it must be": "ein Rückgabewert ist nicht so beschrieben, wie er es sein muss",
    "a returned value is of no known kind": "ein Rückgabewert ist von keiner bekannten Art",
    "a {kind} is not described as it must be": "ein Objekt vom Typ {kind} ist nicht so beschrieben, wie es sein muss",
    "an array is not described by dtype and shape": "ein Array ist nicht mit dtype und Form beschrieben",
    "an array has a dtype that is not allowed": "ein Array hat einen dtype, der nicht erlaubt ist",
    "an array has too many dimensions": "ein Array hat zu viele Dimensionen",
    "an array has a dimension that is no size": "ein Array hat eine Dimension, die keine Größe ist",
    "an array has too many elements": "ein Array hat zu viele Elemente",
    "a description is not plain text": "eine Beschreibung ist kein einfacher Text",
    "The sandbox does not start: {failure}.": "Die Abschirmung startet nicht: {failure}.",
    "The sandbox failed twice on the same program: {problem}.":
        "Die Abschirmung ist zweimal am selben Programm gescheitert: {problem}.",
    "The sandbox could not test its own walls: {why}": "Die Abschirmung konnte sich nicht selbst prüfen: {why}",
    "The sandbox could not test its own walls: they answered in an unexpected way.":
        "Die Abschirmung konnte sich nicht selbst prüfen: Die Antwort war anders als erwartet.",
    "The sandbox is weaker here than “{minimum}”, which the assignment asks for ({reasons}).\n"
    "  mend: `make doctor` says how to get what is missing; --allow-weak-sandbox (make: WEAK=yes) grades without it, "
    "if you trust every hand-in":
        "Die Abschirmung ist hier schwächer als „{minimum}“, was die Aufgabe verlangt ({reasons}).\n"
        "  Abhilfe: `make doctor` zeigt, wie das Fehlende zu bekommen ist; --allow-weak-sandbox (make: WEAK=yes) bewertet "
        "ohne es, wenn allen Abgaben zu trauen ist",
    "no {name}: {why}": "kein {name}: {why}",
    "no answer": "keine Antwort",
    "{command} cannot be started ({error})": "{command} lässt sich nicht starten ({error})",
    "the warm interpreter has gone": "der vorgewärmte Interpreter ist verschwunden",
    "the warm interpreter takes no work ({error})": "der vorgewärmte Interpreter nimmt keine Arbeit an ({error})",
    "the warm interpreter does not answer ({error})": "der vorgewärmte Interpreter antwortet nicht ({error})",
    "the warm interpreter let a process run beyond its limits":
        "der vorgewärmte Interpreter ließ einen Prozess über seine Grenzen hinaus laufen",
    "it had the layers {before}, and now has {now}": "sie hatte die Schichten {before} und hat jetzt {now}",
    "its walls did not stop an attempt to {acts}": "diesen Versuch haben ihre Wände nicht verhindert: {acts}",
    ", to ": ", ",
    "read a private file": "eine private Datei lesen",
    "read the course's own files": "die Dateien des Kurses lesen",
    "write a file": "eine Datei schreiben",
    "open a socket": "einen Socket öffnen",
    "open a local socket": "einen lokalen Socket öffnen",
    "fork": "einen Prozess abspalten",
    "start a program": "ein Programm starten",
    "signal the process that started it": "dem Prozess, der sie gestartet hat, ein Signal schicken",
    "read the memory of the process that started it": "den Speicher des Prozesses lesen, der sie gestartet hat",
    "read the environment of the process that started it": "die Umgebung des Prozesses lesen, der sie gestartet hat",
    "make a user namespace": "einen User-Namespace anlegen",
    "use a descriptor that is not its own": "einen fremden Deskriptor benutzen",
}

GERMAN: Mapping[str, str] = {
    **_CHECKS, **_RETURNED, **_TRIED, **_HANDED_IN, **_NOTEBOOK, **_MARKS, **_OUR_FAULTS, **_VERIFY, **_SANDBOX,
}
