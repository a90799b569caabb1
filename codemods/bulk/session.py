"""One call of `bulk run`, `resume` or `retry`, from the source to the report."""

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from secrets import token_hex
from typing import Any

from codemods.bulk.commits import identity_of
from codemods.bulk.driving import Drive
from codemods.bulk.git import Git
from codemods.bulk.ledger import Ledger, Member, Pass
from codemods.bulk.options import Wish, wish_of
from codemods.bulk.place import MARK, Place, PlaceError, found_place, held, open_place
from codemods.bulk.platforms import TOKENS, token_name
from codemods.bulk.pools import LocalPool, Pool, PoolError
from codemods.bulk.report import write_report
from codemods.bulk.running import Log, StepError
from codemods.bulk.selection import selected
from codemods.bulk.sources import Source, host_for, read
from codemods.bulk.standing import PENDING, Standing, standing
from codemods.bulk.tables import tables

Say = Callable[[str], None]


@dataclass(frozen=True)
class How:
    """Where and with whom it is done: `work` None for the default place, `scheduler` the address of a Dask scheduler."""

    work: Path | None = None
    jobs: int = 1
    scheduler: str = ""


class NothingMore(Exception):
    """There is nothing to do; the message says why."""


def run_pass(place: Path, wish: Wish, how: How, say: Say) -> dict[str, Any]:
    """Begin a pass, or its next wave, and carry it out; gives the tables."""
    source = read(place)
    with _opened(source, how, fresh=True) as (folder, ledger, lock):
        last = ledger.passes()[-1] if ledger.passes() else None
        if last and wish.wave and last.options.get("wave") == wish.wave and last.wave < last.waves:
            _check_finished(ledger, last, source)
            ledger.next_wave(wish.plain())
        else:
            members = selected(source.specs, wish.limit, wish.sample, wish.seed, wish.wave)
            ledger.begin(_now(), version("flask-to-async"), wish.plain(), [_shown(source, member) for member in members])
        return _carried_out(source, folder, ledger, lock, how, say)


def resume(place: Path, how: How, say: Say) -> dict[str, Any]:
    """Go on with the last pass; what is recorded is not done again."""
    source = read(place)
    with _opened(source, how) as (folder, ledger, lock):
        _last(ledger)
        return _carried_out(source, folder, ledger, lock, how, say)


def retry(place: Path, names: list[str], how: How, say: Say) -> dict[str, Any]:
    """Do what failed again: of these repositories, or of all when none is named."""
    source = read(place)
    with _opened(source, how) as (folder, ledger, lock):
        current = _last(ledger)
        members = {member.name for member in ledger.members(current.number, current.wave)}
        if unknown := [name for name in names if name not in members]:
            raise NothingMore(f"there is no repository {unknown[0]!r} in the last pass; `flask-to-async bulk status` lists them")
        outcomes = {spec.name: standing(spec, current, ledger.steps(spec.name)).outcome for spec in source.specs if spec.name in members}
        failed = [name for name, outcome in outcomes.items() if outcome in ("failed", PENDING)]
        again = [name for name in failed if not names or name in names]
        if not again:
            raise NothingMore("nothing has failed" if not names else f"{', '.join(names)}: nothing has failed there")
        ledger.retry(current.number, again)
        return _carried_out(source, folder, ledger, lock, how, say)


def looked_at(place: Path, work: Path | None) -> tuple[Source, Place, Ledger, Pass]:
    """The last pass, to be read only."""
    source = read(place)
    folder = found_place(work or source.work)
    ledger = Ledger(folder.ledger)
    return source, folder, ledger, _last(ledger)


def _shown(source: Source, member: Member) -> Member:
    """Its address as people read it: a path below the file that names it is told from there."""
    return replace(member, url=member.url.removeprefix(f"{source.work.parent}{os.sep}"))


def _last(ledger: Ledger) -> Pass:
    if not ledger.passes():
        raise NothingMore("no pass was begun here; `flask-to-async bulk run` begins one")
    return ledger.passes()[-1]


def _check_finished(ledger: Ledger, last: Pass, source: Source) -> None:
    specs = {spec.name: spec for spec in source.specs}
    for member in ledger.members(last.number, last.wave):
        if member.name in specs and standing(specs[member.name], last, ledger.steps(member.name)).outcome == PENDING:
            raise NothingMore(f"wave {last.wave} of {last.waves} is not finished; `flask-to-async bulk resume` finishes it")


def _now() -> float:
    """The time of the pass, which is the date of its commits; SOURCE_DATE_EPOCH sets it, as in other programs that make things."""
    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    return float(given) if given.isdigit() else float(int(time.time()))


@contextlib.contextmanager
def _opened(source: Source, how: How, fresh: bool = False) -> Iterator[tuple[Place, Ledger, int]]:
    """The work folder, its ledger, and its lock. A run that was killed keeps the lock until its workers have ended."""
    folder = how.work or source.work
    place = open_place(folder) if fresh else found_place(folder)
    with held(place.folder / "lock") as lock:
        _check_git(place)
        ledger = Ledger(place.ledger)
        try:
            yield place, ledger, lock
        finally:
            ledger.close()


def _carried_out(source: Source, place: Place, ledger: Ledger, lock: int, how: How, say: Say) -> dict[str, Any]:
    current = ledger.passes()[-1]
    if _signs(place):
        say("note: commit.gpgsign is set, but commits made here are not signed; see docs/bulk.md")
    mark = _marked(place)
    pool: Pool = _cluster(how.scheduler) if how.scheduler else LocalPool(how.jobs, lock)

    def tell(name: str, found: Standing, done: int, of: int) -> None:
        say(f"[{done}/{of}] {name}: {found.outcome}{f': {found.reason}' if found.reason else ''}")

    before = signal.signal(signal.SIGTERM, _interrupted)
    try:
        Drive(ledger, current, source, place, mark, pool, tell, _tokens(source), _hidden(source)).run()
    finally:
        pool.close()
        signal.signal(signal.SIGTERM, before)
    found = tables(ledger, current, {spec.name: spec for spec in source.specs})
    _copy_patches(place, wish_of(current.options).patches, found)
    write_report(place.report, found)
    return found


def _cluster(address: str) -> Pool:
    try:
        from codemods.bulk.dask_pool import DaskPool  # only where it is installed
    except ImportError:
        raise PoolError("--scheduler needs Dask beside this tool: `pip install distributed`") from None
    return DaskPool(address)


def _check_git(place: Place) -> None:
    """Before anything is done: git is there, and knows who commits."""
    git = Git(place.folder, Log(Path(os.devnull), place.folder), 60)
    try:
        identity_of(git, 0, {"GIT_CEILING_DIRECTORIES": str(place.folder.parent)})
    except StepError as error:
        raise NothingMore(f"{error}; git has to be installed, and user.name and user.email have to be set in its configuration") from None


def _signs(place: Place) -> bool:
    """Whether the user's git signs commits."""
    asked = ("config", "--type=bool", "--get", "commit.gpgsign")
    return Git(place.folder, Log(Path(os.devnull), place.folder), 60).ended(asked, {"GIT_CEILING_DIRECTORIES": str(place.folder.parent)}).out.strip() == b"true"


def _interrupted(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _marked(place: Place) -> str:
    """A word in the work folder by which workers know that they see the same one."""
    word = token_hex(8)
    path = place.folder / MARK
    path.write_text(f"{path.read_text().partition('seen by')[0].rstrip()}\nseen by {word}")
    return word


def _tokens(source: Source) -> dict[str, str]:
    hosts = {host.name: host for spec in source.specs for host in (host_for(source.hosts, spec.push_url or spec.url),)}
    return {name: token for name, host in hosts.items() if (token := os.environ.get(token_name(host) or " ", ""))}


def _hidden(source: Source) -> list[str]:
    """Environment variables that no command of a repository sees."""
    named = {host.token_env for host in source.hosts.values() if host.token_env}
    return sorted({*TOKENS, "GH_TOKEN", "GL_TOKEN", *named, *source.variables})


def _copy_patches(place: Place, folder: str, found: dict[str, Any]) -> None:
    if not folder:
        return
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        for row in found["repositories"]:
            if row["commits"]:
                shutil.copyfile(place.patch(row["name"]), Path(folder) / f"{row['name']}.patch")
    except OSError as error:
        raise PlaceError(f"the patches could not be written: {error.filename or folder}: {error.strerror}") from None
