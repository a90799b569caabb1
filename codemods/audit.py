"""Every handler: what it reaches, through which helpers, and what would become of it; at the end what it would bring."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from codemods.catalogue_files import catalogue_for
from codemods.counted import counted
from codemods.project import Loaded
from codemods.report import EXPLAIN, Paint
from transforms.hazards import hazards
from transforms.index import Index, build_index
from transforms.judge import Judgement, judge, own_handlers, selected, stopped
from transforms.model import Decision, Settings, Verdict
from transforms.reach import Reach, Reached, is_movable, is_orm
from transforms.rules import RULES

_SHOWN = 6
_SHADES = {Verdict.CHANGE: "green", Verdict.LEAVE: "blue", Verdict.REFUSE: "yellow"}
_WORDS = {Verdict.CHANGE: "would become async", Verdict.LEAVE: "would be left", Verdict.REFUSE: "would be refused"}


def survey(loaded: Loaded, settings: Settings) -> tuple[Index, list[Judgement]]:
    """Judge every handler of the project."""
    index = build_index(loaded.project, catalogue_for(loaded))
    return index, judged(index, settings)


def judged(index: Index, settings: Settings) -> list[Judgement]:
    """Judge every handler of a project that was read."""
    reach = Reach(index.graph)
    handlers = [handler for handler in own_handlers(index) if selected(index, handler, settings)]
    stop = stopped(index)
    found = [judge(index, reach, handler, settings) for handler in handlers]
    return [replace(item, verdict=Verdict.REFUSE, code="P001", reason=stop, stage="") for item in found] if stop else found


def dangers(index: Index, settings: Settings) -> list[Decision]:
    """What is wrong with threads and context where code is async already; with `--only`, in the files that it selects."""
    found = hazards(index, settings)
    return [item for item in found if not settings.only or any(fnmatchcase(item.path, glob) for glob in settings.only)]


def audit_lines(index: Index, judgements: Sequence[Judgement], found: Sequence[Decision], paint: Paint) -> Iterator[str]:
    """The audit as text."""
    stop = stopped(index)
    if stop:
        yield paint(f"The project cannot be migrated: {stop}", "yellow")
        yield ""
    for judgement in judgements:
        yield from _handler_lines(judgement, paint)
    yield from _danger_lines(found, paint)
    yield from _balance(index, judgements, stop, paint)


def _handler_lines(judgement: Judgement, paint: Paint) -> Iterator[str]:
    handler, verdict = judgement.handler, judgement.verdict
    yield f"{paint(handler.endpoint, 'bold')}  {handler.function.place}  ({handler.slot})"
    yield f"  {paint(_WORDS[verdict], _SHADES[verdict])} {judgement.code}: {judgement.reason}"
    shown = distinct(judgement.reached)
    for item in shown[:_SHOWN]:
        yield f"    {item.path}  {item.place}"
    if len(shown) > _SHOWN:
        yield f"    … and {len(shown) - _SHOWN} more"


def _danger_lines(found: Sequence[Decision], paint: Paint) -> Iterator[str]:
    if found:
        yield ""
        yield paint(f"Threads and context: {counted(len(found), 'place')} to look at", "bold")
    for item in found:
        yield f"  {paint(item.code, 'yellow')}  {item.path}:{item.line}{f' {item.symbol}' if item.symbol else ''}: {item.reason}"
        yield f"        {RULES[item.code].remedy}"


def distinct(reached: Sequence[Reached]) -> list[Reached]:
    """The calls that matter for the verdict, each once."""
    found: dict[tuple[str, str], Reached] = {}
    for item in reached:
        if is_movable(item.site.entry) or is_orm(item.site.entry) or item.site.entry.thread_bound or item.site.entry.verdict == "refuse":
            found.setdefault((item.place, item.site.entry.name), item)
    return list(found.values())


def _balance(index: Index, judgements: Sequence[Judgement], stop: str, paint: Paint) -> Iterator[str]:
    if not own_handlers(index):
        yield "No handler: nothing here is seen to be registered with Flask (`@app.route(…)`, `add_url_rule`, …). Name the folder of the application."
        return
    counts = Counter(judgement.verdict for judgement in judgements)
    codes = Counter(judgement.code for judgement in judgements if judgement.verdict != Verdict.CHANGE)
    yield ""
    yield paint(
        f"{counted(len(judgements), 'handler')}: {counts[Verdict.CHANGE]} would become async, {counts[Verdict.LEAVE]} left, {counts[Verdict.REFUSE]} refused",
        "bold",
    )
    for code, number in codes.most_common():
        yield f"  {number:4}  {code}  {RULES[code].title}"
    if codes:
        yield EXPLAIN
    yield ""
    yield from _advice(judgements, stop)


def _advice(judgements: Sequence[Judgement], stop: str) -> Iterator[str]:
    changed = sum(judgement.verdict == Verdict.CHANGE for judgement in judgements)
    database = sum(judgement.code in ("R109", "R113") for judgement in judgements)
    yield "What it would bring: on Flask every request keeps its thread, also with async views, so a server takes no more requests at once than it has threads."
    yield "An async view costs about 0.5 ms of CPU more than a plain one; what is gained is that independent calls inside one view can run at once, and a code base that is ready for an async host."
    if stop or not changed:
        yield "Advice: do not migrate now. Nothing here would gain from it; if requests queue up, more threads do (gunicorn -k gthread --threads 32)."
    elif database > changed:
        yield "Advice: most of what blocks is the database through an ORM, for which more threads do (gunicorn -k gthread --threads 32). Migrate only the handlers that wait for other services: --only."
    else:
        yield f"Advice: {counted(changed, 'handler')} {'waits' if changed == 1 else 'wait'} for other services. If they are slow and you want to call several at once, migrate; if requests only queue up, more threads do (gunicorn -k gthread --threads 32)."
