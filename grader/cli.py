"""The command line: one function per command, exit codes, and the only place that prints."""

from __future__ import annotations

import argparse
import os
import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from grader import __version__
from grader.errors import AssignmentError, GraderError, SandboxError, UsageError

if TYPE_CHECKING:
    from grader.model import KillMatrix, Result
    from grader.public_reach import Reach
    from grader.sandbox import Box

OK, INCOMPLETE, WRONG = 0, 1, 2
MOST_LEFT_OUT = 50
"""Files that are no notebooks, named one by one."""
MOST_NAMED = 8
"""Members of one group of alike hand-ins, named one by one."""

# No wrapping of ours: the end of a student's name would stand in a line of its own, and could pass for a result.
out, err = Console(highlight=False, soft_wrap=True), Console(stderr=True, highlight=False, soft_wrap=True)


def run(arguments: Sequence[str]) -> int:
    """Parse and carry out one command; returns the exit status."""
    options = _parser().parse_args(arguments)
    for name in ("SIGTERM", "SIGHUP"):  # as orderly as Ctrl-C
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _interrupt)
    try:
        status: int = options.command(options)
    except (UsageError, AssignmentError) as error:
        err.print(f"[bold red]error:[/] {escape(str(error))}")
        return WRONG
    except SandboxError as error:
        err.print(f"[bold red]error:[/] {escape(str(error))}\nNo student code was run. Nothing was graded.")
        return INCOMPLETE
    except GraderError as error:
        err.print(f"[bold red]error:[/] {escape(str(error))}")
        return INCOMPLETE
    except KeyboardInterrupt:
        err.print("stopped; what was finished is on disk, and the same command with --resume (make: RESUME=yes) does the rest")
        return INCOMPLETE
    return status


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="grader", description="Marks notebooks: runs each student's functions behind walls, compares the numbers, says why.",
        epilog="Exit status: 0 all is well; 1 the run ended early, or a check failed; 2 the command or the assignment is wrong.",
    )
    parser.add_argument("--version", action="version", version=f"grader {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_grade(commands)
    _add_selfcheck(commands)
    _add_release(commands)
    _add_verify(commands)
    _add_doctor(commands)
    _add_similar(commands)
    return parser


def _add_grade(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "grade", help="grade a folder or a zip of notebooks",
        description="Grades every notebook in a folder or a zip. Writes OUT/index.html, OUT/grades.csv, and for each submission "
        "OUT/results/ID.json and OUT/feedback/ID.html."
    )
    command.add_argument("submissions", nargs="?", type=Path, default=Path("submissions/attention"),
                         help="folder or zip: each notebook in it, and each sub-folder with a notebook, is one submission "
                         "(default: %(default)s)")
    _add_assignment(command)
    command.add_argument("--out", type=Path, default=None, metavar="DIR", help="where to write (default: grades/<assignment>)")
    command.add_argument("--jobs", type=_positive, default=None, metavar="N", help="worker processes (default: one per core)")
    command.add_argument("--seed", default=None, metavar="TEXT",
                         help="secret that hidden cases are drawn from (default: $GRADER_SEED, else the assignment's .seed file)")
    command.add_argument("--resume", action="store_true",
                         help="keep the results in OUT that are still right, and do only what is missing")
    command.add_argument("--anonymous", action="store_true",
                         help="also write OUT/index-anonymous.html, a class page without names that can be shown around")
    _add_weak(command)
    command.set_defaults(command=_grade)


def _add_selfcheck(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "selfcheck", help="run the public checks on one notebook",
        description="Runs the public checks on one notebook and says what to look at. Exit status 0 only when all of them pass."
    )
    command.add_argument("notebook", nargs="?", type=Path, default=Path("student_template/attention/attention.ipynb"),
                         help="the notebook, saved (default: %(default)s)")
    command.add_argument("--watch", action="store_true", help="check again whenever the notebook is saved; Ctrl-C ends")
    _add_assignment(command)
    command.set_defaults(command=_selfcheck)


def _add_release(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "release", help="build the zip that students get: hand-out and self-check",
        description="Writes one zip with the hand-out, its README and Makefile, and a self-check that runs without the reference."
    )
    _add_assignment(command)
    command.add_argument("--out", type=Path, default=None, metavar="FILE",
                         help="where to write (default: dist/<assignment>-student.zip)")
    command.set_defaults(command=_release)


def _add_verify(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "verify", help="check an assignment against its reference, its hand-out and every known slip",
        description="Grades the reference (full marks), the untouched hand-out (none) and every known slip (caught, and named as "
        "itself), and says where the assignment contradicts itself."
    )
    _add_assignment(command)
    command.add_argument("--seed", default=None, metavar="TEXT", help="as for grade")
    command.add_argument("--page", type=Path, default=None, metavar="FILE",
                         help="where the matrix of checks and slips goes (default: grades/<assignment>-verify.html)")
    command.set_defaults(command=_verify)


def _add_assignment(command: argparse.ArgumentParser) -> None:
    command.add_argument("--assignment", type=Path, default=Path("reference/attention"), metavar="DIR",
                         help="folder with assignment.toml, solution.py and cases.py (default: %(default)s)")


def _add_doctor(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "doctor", help="say what the sandbox is made of on this machine, and how to get what is missing",
        description="Shows which layers of the sandbox work on this machine, why one does not, and the command that mends it. "
        "Exit status 0 only when what the assignment asks for is there."
    )
    _add_assignment(command)
    command.set_defaults(command=_doctor)


def _add_similar(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "similar", help="list hand-ins whose code is much alike, for a person to judge",
        description="Compares the extracted functions of all hand-ins, whatever their names, comments and layout, and writes "
        "OUT/similar.html with those that are much alike side by side. Runs no student code, moves no mark."
    )
    command.add_argument("submissions", nargs="?", type=Path, default=Path("submissions/attention"),
                         help="folder or zip, as for grade (default: %(default)s)")
    _add_assignment(command)
    command.add_argument("--out", type=Path, default=None, metavar="DIR", help="where to write (default: grades/<assignment>)")
    command.add_argument("--jobs", type=_positive, default=None, metavar="N", help="worker processes (default: one per core)")
    command.add_argument("--even-short", action="store_true",
                         help="list alike code also where the functions are too short to tell")
    command.set_defaults(command=_similar)


def _add_weak(command: argparse.ArgumentParser) -> None:
    command.add_argument("--allow-weak-sandbox", action="store_true",
                         help="run student code although this machine's sandbox is weaker than the assignment asks for")


def _positive(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return number


def _grade(options: argparse.Namespace) -> int:
    from grader.assignment import load_assignment
    from grader.clock import time_of_run
    from grader.collect import collect
    from grader.crew import default_jobs
    from grader.distribute import grade_all
    from grader.pipeline import demands_of, open_box, prepare
    from grader.publish import publish
    from grader.resume import find_finished
    from grader.seed import find_seed
    from grader.target import EARLIER, check_target, only_run, set_aside
    from grader.verify import try_reference

    assignment = load_assignment(options.assignment)
    found = collect(options.submissions)
    seed = find_seed(options.seed, os.environ, assignment.folder, _warn)
    now = time_of_run(os.environ)
    course = prepare(assignment, seed, released=assignment.shows_hidden(now), graded=now.isoformat().replace("+00:00", "Z"))
    target: Path = options.out or Path("grades") / assignment.name
    demands = demands_of(assignment, allow_weaker=options.allow_weak_sandbox)
    ids = {submission.id for submission in found.submissions}
    check_target(target, options.submissions)
    with only_run(target):
        with open_box(assignment, demands) as box:
            box.start()
            lacking = try_reference(course, box)
        if lacking:
            _warn(f"the reference does not earn full marks here: {lacking} `verify` shows more.")
        total = len(found.submissions)
        out.print(f"Grading {total} submissions of “{escape(assignment.title)}” behind {', '.join(box.layers) or 'nothing'}.")
        if box.is_weak:
            _print_weakness(box)
        if course.released:
            out.print("  release_hidden has passed: pages show what hidden cases expect")
        _print_left_out(found.left_out)
        if found.doubt:
            _warn(found.doubt)
        finished = find_finished(found.submissions, course, target, box) if options.resume else {}
        if options.resume:
            out.print(f"  {len(finished)} of {total} results are on disk already and still right")
        demands = replace(demands, layers=box.layers)
        results = _with_progress(total - len(finished), lambda done: grade_all(
            found.submissions, course, target, options.jobs or default_jobs(), done, demands, finished,
        ))
        moved = set_aside(target, ids)
        if moved:
            earlier = escape(str(target / EARLIER))
            out.print(f"  moved {moved} results of an earlier run, whose submissions are not here now, to {earlier}")
        publish(results, assignment, target, found.left_out, anonymous=options.anonymous)
    _print_summary(results, target)
    return OK


def _print_left_out(names: Sequence[str]) -> None:
    for name in names[:MOST_LEFT_OUT]:
        out.print(f"  left out: {_plain(name)}")
    if len(names) > MOST_LEFT_OUT:
        out.print(f"  left out: {len(names) - MOST_LEFT_OUT} more")


def _print_weakness(box: Box) -> None:
    acts = f" Student code can {', '.join(box.gave_way)}." if box.gave_way else ""
    out.print(f"[bold yellow]weak sandbox:[/] only “{box.level}”, and the assignment asks for “{box.demands.minimum}”.{acts}")


def _with_progress(total: int, work: object) -> list[Result]:
    """A bar on a terminal, a line for each submission in a pipe."""
    assert callable(work)
    if not out.is_terminal:
        results: list[Result] = work(lambda result: out.print(f"  {_line(result)}"))
        return results
    columns = (TextColumn("grading"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"), TimeElapsedColumn(),
               TextColumn("left"), TimeRemainingColumn(), TextColumn("{task.fields[name]}"))
    with Progress(*columns, console=out, transient=True, auto_refresh=False) as progress:
        task = progress.add_task("grading", total=total, name="", rate="")

        def done(result: Result) -> None:
            speed = progress.tasks[0].speed
            rate = f"{speed:.1f} a second" if speed else ""
            progress.update(task, advance=1, name=_plain(result.submission.id), rate=rate, refresh=True)

        finished: list[Result] = work(done)
    return finished


def _line(result: Result) -> str:
    name = _plain(result.submission.id)
    if result.status == "needs_attention":
        return f"{name}: needs attention ({result.attention[0].code})"
    return f"{name}: {result.score:g} of {result.points:g}"


def _print_summary(results: Sequence[Result], target: Path) -> None:
    from grader.resume import OUR_FAULTS

    attention = [result for result in results if result.status == "needs_attention"]
    scores = [result.score for result in results if result.score is not None]
    table = Table(title=f"{len(results)} submissions", title_justify="left", show_header=True)
    table.add_column("exercise")
    for verdict in ("correct", "incorrect", "missing", "other"):
        table.add_column(verdict, justify="right")
    for name in next((result.exercises for result in results if result.exercises), {}):
        verdicts = [result.exercises[name].verdict for result in results if name in result.exercises]
        counts = [verdicts.count(verdict) for verdict in ("correct", "incorrect", "missing")]
        table.add_row(name, *map(str, counts), str(len(verdicts) - sum(counts)))
    out.print(table, soft_wrap=False)
    if scores:
        mean, most = sum(scores) / len(scores), results[0].points
        out.print(f"mean {mean:.1f}, lowest {min(scores):g}, highest {max(scores):g} of {most:g}")
    for result in attention:
        name, reason = _plain(result.submission.id), _plain(result.attention[0].message)
        out.print(f"[yellow]needs attention:[/] {name}: {reason}")
    ours = sum(result.attention[0].code in OUR_FAULTS for result in attention)
    if ours:
        out.print(f"Once what is wrong here is mended, --resume (make: RESUME=yes) grades these {ours} again.")
    out.print(f"Open {escape(str(target / 'index.html'))} for the class, {escape(str(target / 'feedback'))} for the students.")


def _selfcheck(options: argparse.Namespace) -> int:
    from grader.assignment import load_assignment
    from grader.selfcheck import selfcheck
    from grader.student.telling import as_text
    from grader.student.watch import saves

    assignment = load_assignment(options.assignment)
    status = INCOMPLETE
    try:
        for _ in saves(options.notebook) if options.watch else [None]:
            report = selfcheck(options.notebook, assignment)
            out.out(as_text(report, colour=out.is_terminal), highlight=False)
            status = OK if report.good else INCOMPLETE
    except KeyboardInterrupt:
        if not options.watch:
            raise
    return status


def _release(options: argparse.Namespace) -> int:
    from grader.assignment import load_assignment
    from grader.release import build_bundle
    from grader.report import write_file

    assignment = load_assignment(options.assignment)
    target: Path = options.out or Path("dist") / f"{assignment.name}-student.zip"
    bundle = build_bundle(assignment)
    for remark in bundle.remarks:
        _warn(remark)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_file(target, bundle.content)
    except OSError as error:
        raise UsageError(f"{target}: {error.strerror}; give another --out") from None
    out.print(f"{escape(str(target))}: {', '.join(bundle.names)} ({len(bundle.content) / 1000:.0f} kB)")
    out.print("For students as it is: no reference, no hidden case, no seed is in it.")
    return OK


def _verify(options: argparse.Namespace) -> int:
    from grader.assignment import load_assignment
    from grader.kill_matrix import try_slips
    from grader.messages import join, word
    from grader.pipeline import open_box, prepare
    from grader.public_reach import measure_reach
    from grader.report import render_matrix, write_file
    from grader.seed import find_seed
    from grader.translate import catalogue_of, word_matrix
    from grader.verify import check_texts, verify

    assignment = load_assignment(options.assignment)
    course = prepare(assignment, find_seed(options.seed, os.environ, assignment.folder, _warn))
    trials = verify(course)
    with open_box(assignment) as box:
        matrix = try_slips(course, box)
    reach = measure_reach(assignment)
    problems = [join([trial.title, trial.problem], ": ") for trial in trials if trial.problem] + matrix.problems()
    problems += [*reach.problems(), *check_texts(course)]
    table = Table(title=f"verify {assignment.name}", title_justify="left")
    for column in ("hand-in", "marks"):
        table.add_column(column)
    for trial in trials:
        table.add_row(trial.title, "none" if trial.result.score is None else f"{trial.result.score:g} of {trial.result.points:g}")
    out.print(table, soft_wrap=False)
    _print_matrix(matrix)
    _print_reach(reach)
    page: Path = options.page or Path("grades") / f"{assignment.name}-verify.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    catalogue = catalogue_of(assignment)
    write_file(page, render_matrix(word_matrix(matrix, catalogue), [word(one, catalogue) for one in problems], assignment))
    for problem in problems:
        out.print(f"[red]wrong:[/] {_plain(problem)}")
    if not problems:
        slips, rows = len(matrix.slips()), len(matrix.rows)
        out.print(f"[green]all as it must be[/]: {slips} known slips are caught and named in each exercise where they are tried "
                  f"({rows} rows), every check catches something")
    out.print(f"The whole matrix is in {escape(str(page))}.")
    return INCOMPLETE if problems else OK


def _print_matrix(matrix: KillMatrix) -> None:
    table = Table(title="known slips", title_justify="left")
    for column in ("exercise", "slip", "caught by", "named"):
        table.add_column(column, justify="right" if column == "caught by" else "left")
    for row in matrix.rows:
        count = f"{len(row.caught_by)} of {len(matrix.checks[row.exercise])}"
        named = f"[red]{escape(row.problem)}[/]" if row.problem else escape(", ".join(row.named))
        table.add_row(row.exercise, escape(row.slip), count, named)
    out.print(table, soft_wrap=False)
    for row in matrix.caught_once():
        out.print(f"only one check catches {escape(row.slip)} in {row.exercise}: {row.caught_by[0]}")


def _print_reach(reach: Reach) -> None:
    if reach.tried:
        caught, related = (reach.tried - len(missed) for missed in (reach.missed, reach.missed_by_relations))
        out.print(f"self-check: of {reach.tried:,} known wrong solutions, with one slip or two, its checks catch {caught:,}; "
                  f"what needs no published value catches {related:,}")
    for one in reach.missed[:MOST_NAMED]:
        out.print(f"  not caught by it in {one.exercise}: {escape(' with '.join(one.slips))}")


def _doctor(options: argparse.Namespace) -> int:
    from grader.assignment import load_assignment
    from grader.doctor import OPTIONAL, examine
    from grader.machine import look_at_machine

    assignment = load_assignment(options.assignment)
    found = examine(look_at_machine(), assignment)
    table = Table(title="the sandbox on this machine", title_justify="left", show_lines=True)
    for column in ("layer", "here", "what it is for, and what stands in its way"):
        table.add_column(column)
    for finding in found.findings:
        optional = finding.layer in OPTIONAL
        here = "[green]yes[/]" if finding.works else "[dim]no, optional[/]" if optional else "[yellow]no[/]"
        why = f"\nwhy not: {_plain(finding.reason)}" if finding.reason else ""
        table.add_row(finding.layer, here, escape(finding.purpose) + why)
    out.print(table, soft_wrap=False)
    for finding in found.findings:
        if finding.mend:
            out.print(f"[bold]to get {finding.layer}:[/]")
            out.print(escape(finding.mend))
    if found.trouble:
        out.print(f"[red]wrong:[/] {_plain(found.trouble)}")
    verdict = "[green]good enough[/]" if found.holds else "[red]not enough[/]"
    out.print(f"\nThis machine has “{found.level}”; “{escape(assignment.title)}” asks for “{found.minimum}”: {verdict}.")
    return OK if found.holds else INCOMPLETE


def _similar(options: argparse.Namespace) -> int:
    from grader.assignment import load_assignment
    from grader.collect import collect
    from grader.compare import compare
    from grader.crew import default_jobs
    from grader.report import SIMILAR, render_similar, tell_similar, write_file
    from grader.report.wording import ENGLISH
    from grader.target import pages_in

    assignment = load_assignment(options.assignment)
    found = collect(options.submissions)
    target: Path = options.out or Path("grades") / assignment.name
    total = len(found.submissions)
    out.print(f"Comparing {total} submissions of “{escape(assignment.title)}”; nothing in them is run.")
    _print_left_out(found.left_out)
    with Progress(TextColumn("reading"), BarColumn(), MofNCompleteColumn(), console=out, transient=True,
                  disable=not out.is_terminal) as progress:
        task = progress.add_task("reading", total=total)
        survey = compare(found.submissions, assignment, options.jobs or default_jobs(), lambda: progress.advance(task),
                         even_short=options.even_short)
    page = target / SIMILAR
    try:
        target.mkdir(parents=True, exist_ok=True)
        write_file(page, render_similar(survey, assignment, pages=pages_in(target, survey.hand_ins)))
    except OSError as error:
        raise GraderError(f"{page}: {error.strerror}\n  mend: give another --out") from None
    for cluster in survey.clusters:
        names = ", ".join(_plain(one) for one in cluster.members[:MOST_NAMED])
        more = ENGLISH.similar_more(len(cluster.members) - MOST_NAMED) if len(cluster.members) > MOST_NAMED else ""
        weakest = f" (at least {cluster.links[-1].share:.0%})" if cluster.links else ""
        out.print(f"  {ENGLISH.similar_kinds[cluster.kind]}{weakest}: {names}{more}")
    for hand_in in survey.unread:
        out.print(f"[yellow]not compared:[/] {_plain(hand_in.id)}: {_plain(hand_in.problem)}")
    for sentence in tell_similar(survey, ENGLISH):
        out.print(escape(sentence))
    out.print(f"Open {escape(str(page))}. It is for a person to judge; no mark was moved.")
    return OK


def _warn(text: str) -> None:
    err.print(f"[yellow]note:[/] {_plain(text)}")


def _plain(text: str) -> str:
    """A text that others wrote, in one line: its control characters taken out, its brackets no markup of ours."""
    from grader.report import clean_line

    return escape(clean_line(text))
