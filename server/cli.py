"""The commands. Each is thin: it reads its arguments, calls the one function that does the work, prints what it says.

A room's function is imported when its command runs, so that `--help` is quick. Long work is told
`advance(done, total)`, which moves the progress bar. A dict answer holds what a program would read; its "says" is
the same for a person, and a true "failed" makes the exit code 1.
"""

import asyncio
import json
import os
import sys
import traceback
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Protocol, TypeVar

import typer

from server.errors import Refused

Answer = TypeVar("Answer")
_OURS = str(Path(__file__).resolve().parent.parent)

app = typer.Typer(
    help="Care management for primary-care practices.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # they print local variables, and those hold patients' data
    context_settings={"help_option_names": ["-h", "--help"]},
)
import_app = typer.Typer(help="Bring data into a practice.", no_args_is_help=True)
tokens_app = typer.Typer(help="Bearer tokens for programs that use the API.", no_args_is_help=True)
claims_app = typer.Typer(help="Signed claims and their files.", no_args_is_help=True)
demo_app = typer.Typer(help="The demo practices, and large ones for measuring.")
jobs_app = typer.Typer(help="Background work that failed.", no_args_is_help=True)
audit_app = typer.Typer(help="The record of who saw and did what.", no_args_is_help=True)
app.add_typer(import_app, name="import")
app.add_typer(jobs_app, name="jobs")
app.add_typer(audit_app, name="audit")
app.add_typer(tokens_app, name="tokens")
app.add_typer(claims_app, name="claims")
app.add_typer(demo_app, name="demo")

Data = Annotated[
    str | None, typer.Option("--data", metavar="DIR", help="Data folder; left out: .carewright/data.")
]
Practice = Annotated[str, typer.Option("--practice", metavar="SLUG", help="The practice's short name.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]


class Advance(Protocol):
    """Told how far a long work is; both numbers count the same things."""

    def __call__(self, done: int, total: int) -> None: ...


@app.command()
def up(
    port: Annotated[
        int | None, typer.Option(help="Port to listen on; 0 takes any free one. Left out: 8080.")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on; left out: 127.0.0.1.")] = None,
    data: Data = None,
    demo: Annotated[bool, typer.Option(help="Make two demo practices in a new data folder.")] = True,
    small_demo: Annotated[
        bool, typer.Option("--small-demo", help="Only the seven people written by hand, not 280.")
    ] = False,
) -> None:
    """Start everything: database, migrations, web pages, GraphQL and worker. Ctrl-C stops it all."""
    from server import supervisor

    supervisor.up(_configured(data, host=host, port=port), demo=demo, small_demo=small_demo)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def test(context: typer.Context) -> None:
    """Run the test suite on throw-away servers of its own. Further arguments go to pytest."""
    from server.settings import ROOT

    _needs_test_tools()
    named = [place for word in context.args if (place := ROOT / word.partition("::")[0]).exists()]
    # Who names a file wants all that is in it, campaigns too; whoever names a folder, or nothing, the default suite.
    chosen = "-m" in context.args or any(place.is_file() for place in named)
    arguments = context.args if chosen else ["-m", "not campaign", *context.args]
    if not named and "-n" not in context.args and (processors := os.cpu_count() or 1) > 1:
        # One more than there are processors: some tests do nothing but wait.
        arguments = ["-n", str(min(processors + 1, 8)), "--dist", "loadfile", *arguments]
    os.chdir(ROOT)
    os.execv(sys.executable, [sys.executable, "-P", "-m", "pytest", *arguments])  # noqa: S606 -- our own Python


@app.command()
def bench(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME", help="doors, ledger, rollup, close, demo, pages; all when left out."),
    ] = None,
    size: Annotated[str, typer.Option(help="ci: minutes; full: the sizes of the targets.")] = "ci",
    report: Annotated[
        bool,
        typer.Option("--report", help="Measure once; a missed gate fails only where counts were compared."),
    ] = False,
    table: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Put the table of all of them into this page, at <!-- bench -->."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure ratios on throw-away servers; exits 1 if one misses its gate three times in a row."""
    from bench.__main__ import NAMES, measured

    _one_of("benchmark", names or [], NAMES)
    _one_of("size", [size], ("ci", "full"))
    if table is not None and names:
        raise Refused(
            "TABLE_OF_A_PART",
            f"A table of {', '.join(names)} alone would take the place of the page's table of all benchmarks.",
            "Leave the names out, or leave --table out and read what is printed.",
        )
    raise typer.Exit(measured(names or [], size, report=report, as_json=as_json, page=table))


@app.command()
def campaign(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="WORD", help="Only those whose name or file has one of these."),
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="The counts that the promises name; takes hours.")
    ] = False,
    browser: Annotated[
        str, typer.Option(help="yes: if there is one; no: without; must: a skipped one is a failure.")
    ] = "yes",
    table: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Put the counts into this page, at <!-- campaigns -->."),
    ] = None,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Keep pytest's own report here.")] = None,
) -> None:
    """Run the slow tests (kills, storms, fuzzing, the browser) and tell what each counted."""
    from bench.campaigns import MARKS, run

    _needs_test_tools()
    _one_of("choice", [browser], tuple(MARKS))
    raise typer.Exit(run(words or [], full=full, browser=browser, page=table, junit=junit))


def _one_of(what: str, given: Sequence[str], known: Sequence[str]) -> None:
    for word in given:
        if word not in known:
            raise Refused("NO_SUCH_WORD", f"“{word}” is no {what}.", f"Choose from: {', '.join(known)}.")


def _needs_test_tools() -> None:
    import importlib.util

    if importlib.util.find_spec("pytest") is None:
        raise Refused(
            "NO_TEST_TOOLS",
            "The test tools are not installed here.",
            "Run it as `python3 carewright.py`, which brings them.",
        )


@app.command()
def doctor(data: Data = None, as_json: AsJson = False) -> None:
    """Check this installation; each finding ends with the command that mends it."""
    from server import doctor as examination

    findings = examination.examine(_configured(data))
    healthy = all(finding.state != "failure" for finding in findings)
    if as_json:
        _print_json({"healthy": healthy, "findings": examination.as_dicts(findings)})
    else:
        for finding in findings:
            typer.echo(f"{finding.state:8} {finding.subject}: {finding.says}")
            if finding.mend:
                typer.echo(f"{'':8} -> {finding.mend}")
    raise typer.Exit(0 if healthy else 1)


@import_app.command("fhir")
def import_fhir(
    paths: Annotated[
        list[Path], typer.Argument(exists=True, metavar="PATH...", help="Bundles, NDJSON, or folders.")
    ],
    practice: Practice,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Bring FHIR R4 bundles or NDJSON into a practice. Importing twice changes nothing the second time."""
    from server.interop import fhir_import

    with _progress("Importing") as advance:
        report = _with_the_house(data, lambda: fhir_import.import_files(paths, practice, advance))
    _answer(report, as_json)


@app.command("close-month")
def close_month(
    month: Annotated[str, typer.Argument(metavar="YYYY-MM", help="The service month.")],
    practice: Practice,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Decide every claim line and hold of a month, with its reason and its source."""
    from server.claims.month import check_month

    check_month(month)
    from server import worker
    from server.claims import command

    worker.gather_kinds()
    with _progress("Deciding") as advance:
        closed = _with_the_house(data, lambda: command.close_month(month, practice, worker.work_for, advance))
    says = (
        f"{closed.month}: {closed.lines} lines and {closed.holds} holds for {closed.patients} patients; "
        f"{closed.unchanged} as they were before."
    )
    _answer({**asdict(closed), "says": says}, as_json)


@claims_app.command("export")
def export_claims(
    month: Annotated[str, typer.Argument(metavar="YYYY-MM", help="The service month.")],
    practice: Practice,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", file_okay=False, help="The folder to write to.")
    ],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Write the files (X12 837P) of a month's signed claims into a folder; each whole, or not at all."""
    from server.claims.month import check_month

    check_month(month)
    from server.claims import export

    _answer(_with_the_house(data, lambda: export.export_month(month, practice, out)), as_json)


@app.command()
def cases(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, metavar="FILE...")],
    as_json: AsJson = False,
) -> None:
    """Run golden billing cases against the installed plugins: a line per mismatch, then `N passed, N failed`."""
    from server import cases as golden

    raise typer.Exit(golden.run(files, as_json))


@tokens_app.command("create")
def create_token(
    practice: Practice,
    email: Annotated[str, typer.Option(help="Whose token it is; it can do no more than they.")],
    scope: Annotated[list[str] | None, typer.Option(help="What it may do; repeat for several.")] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Make an API token and print it: once, for it is kept only as a hash."""
    from server.tenants import tokens

    token = _with_the_house(data, lambda: tokens.create_for_command(practice, email, scope or []))
    _answer({"token": token, "says": token}, as_json)


@jobs_app.command("failed")
def list_failed_jobs(practice: Practice, data: Data = None, as_json: AsJson = False) -> None:
    """List the work of a practice that failed at every attempt, and where it broke."""
    from server.tenants import commands
    from server.worker import gather_kinds

    gather_kinds()
    _print_table(_with_the_house(data, lambda: commands.failed_jobs(practice)), as_json)


@jobs_app.command("retry")
def retry_jobs(
    practice: Practice,
    kind: Annotated[str, typer.Option(help="Only this kind, such as recount; left out: all.")] = "",
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Have the failed work of a practice tried again."""
    from server.tenants import commands

    _answer(_with_the_house(data, lambda: commands.retry_failed_jobs(practice, kind)), as_json)


@audit_app.command("verify")
def verify_audit(practice: Practice, data: Data = None, as_json: AsJson = False) -> None:
    """Check that nobody changed a practice's audit behind the system's back; exit code 1 if somebody did."""
    from server.tenants import commands

    _answer(_with_the_house(data, lambda: commands.verify_audit(practice)), as_json)


@app.command()
def schema() -> None:
    """Print the GraphQL schema in SDL."""
    from server.graphql import schema as graph

    typer.echo(graph.sdl(), nl=False)


@app.command()
def routes(as_json: AsJson = False) -> None:
    """List every HTTP route with its scope: tenant, public or platform."""
    from server.app import route_table

    _print_table(route_table(), as_json)


@app.command()
def plugins(as_json: AsJson = False) -> None:
    """List the loaded plugins: versions, hooks, and when their oldest value was last reviewed."""
    from server.plugin_host import discover

    _print_table(discover.describe(), as_json)


@demo_app.callback(invoke_without_command=True)
def large_demo(
    context: typer.Context,
    patients: Annotated[int, typer.Option(min=0, help="Invented people in each practice.")] = 0,
    practices: Annotated[int, typer.Option(min=1, help="How many practices.")] = 1,
    seed: Annotated[int, typer.Option(help="The same seed gives the same people.")] = 1,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """With --patients: make large practices of invented people, to measure with."""
    if context.invoked_subcommand is not None:
        return
    if not patients:
        typer.echo(context.get_help())
        raise typer.Exit(2)
    from server import demo_large

    with _progress("Inventing") as advance:
        made = _with_the_house(data, lambda: demo_large.make(patients, practices, seed, advance))
    _answer(made, as_json)


@demo_app.command("fill")
def fill_demo(data: Data = None, as_json: AsJson = False) -> None:
    """Bring the demo practices to their full size: 240 and 40 people with two years behind them."""
    from server import demo_lives, worker

    worker.gather_kinds()
    with _progress("Inventing") as advance:
        came = _with_the_house(data, lambda: demo_lives.fill(advance))
    said = ", ".join(f"{count} to {slug}" for slug, count in came.items())
    if not as_json:
        typer.echo(f"People who came: {said}. Closing their months.")
    closed = _with_the_house(data, lambda: demo_lives.close_months(worker.work_for))
    _answer({"came": came, "closed": closed, "says": f"Months that were closed: {closed}."}, as_json)


@demo_app.command("make")
def make_demo(data: Data = None, as_json: AsJson = False) -> None:
    """Make the demo practices if they are not there, and print their sign-ins."""
    from server import demo

    sign_ins = _with_the_house(data, demo.seed)
    if not as_json:
        typer.echo("Demo sign-ins; `python3 carewright.py demo code EMAIL` prints the code of the moment.")
    _print_table(sign_ins, as_json)


@demo_app.command("code")
def demo_code(
    email: Annotated[str, typer.Argument(help="The demo sign-in.")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Print the current sign-in code of someone in a demo practice."""
    from server.tenants import demo_code as codes

    code = _with_the_house(data, lambda: codes.current_code(email))
    _answer({"code": code, "says": code}, as_json)


def _configured(data: str | None, **given: object) -> Any:
    """The settings, with what was said on the command line put over the environment."""
    from server.settings import settings

    if data is not None:
        given["data_dir"] = Path(data).absolute()
    for name, value in given.items():
        if value is not None:
            os.environ[f"CAREWRIGHT_{name.upper()}"] = str(value)
    settings.cache_clear()
    return settings()


def _with_the_house(data: str | None, work: Callable[[], Awaitable[Answer]]) -> Answer:
    """Do `work` with the doors to the data open: the running house's, or one opened for this command."""
    from server.attach import attached

    _configured(data)

    async def inside() -> Answer:
        from server.plugin_host.kept import end_kept_runner
        from server.tenants.db import open_doors

        doors = open_doors()
        try:
            return await work()
        finally:
            await end_kept_runner()
            await doors.close()

    with attached():
        return asyncio.run(inside())


@contextmanager
def _progress(title: str) -> Iterator[Advance]:
    """A bar on the terminal; nothing where nobody watches."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=None)

        def advance(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield advance


def _answer(report: dict[str, Any], as_json: bool) -> None:
    if as_json:
        _print_json({key: value for key, value in report.items() if key != "says"})
    else:
        typer.echo(report["says"])
    if report.get("failed"):
        raise typer.Exit(1)


def _print_json(value: object) -> None:
    typer.echo(json.dumps(value, indent=2, default=str, ensure_ascii=False))


def _print_table(rows: Sequence[dict[str, Any]], as_json: bool) -> None:
    """Rows in aligned columns, one for every key that any row has; lists are joined."""
    if as_json:
        _print_json(list(rows))
        return
    if not rows:
        typer.echo("None.")
        return
    keys = list(dict.fromkeys(key for row in rows for key in row))
    lines = [[key.replace("_", " ").upper() for key in keys]]
    lines += [[_cell(row.get(key, "")) for key in keys] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _cell(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def main() -> None:
    """Run a command. A refusal is one sentence on stderr and exit code 1; a wrong usage is 2."""
    try:
        app(prog_name="carewright.py")
    except Refused as refused:
        sys.exit(f"{refused.message} {refused.next_step}".strip())
    except Exception as error:
        # Where it broke, and of what kind; never its words or values, which may be a patient's.
        for frame in traceback.extract_tb(error.__traceback__):
            if _OURS in frame.filename and "site-packages" not in frame.filename:
                typer.echo(f"  {frame.filename}:{frame.lineno} in {frame.name}", err=True)
        sys.exit(f"{type(error).__name__}. This is a mistake of ours; please report the lines above.")


if __name__ == "__main__":
    main()
