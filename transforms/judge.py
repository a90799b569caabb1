"""What becomes of each handler, and why: the decision that all stages share."""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from transforms.adapter import adapter_for
from transforms.coroutine_tests import client_in_coroutine
from transforms.decoration import Decoration, decoration
from transforms.facts import Class, Function, by_place, imported_package
from transforms.index import Index
from transforms.layout import is_test
from transforms.memory_databases import memory_database
from transforms.model import Settings, Verdict
from transforms.moves import Move, moves, with_database
from transforms.reach import Reach, Reached, is_bound, is_orm, starts_loop
from transforms.registry import Handler
from transforms.streaming import streams
from transforms.suppression import BY_COMMENT, BY_SETTINGS, left

_WORKER = re.compile(
    r"(?:-k|--worker-class)[ =\"',]*[\w.]*?(gevent|eventlet)|^\s*(gevent)(?:-monkey-patch)?\s*=\s*(?:[1-9]|true)|uwsgi\b[^\n]*--(gevent)\b", re.MULTILINE
)
_GREEN = re.compile(r"gevent|eventlet")
EARLY, LATE = "routes", "executor"


@dataclass(frozen=True)
class Judgement:
    """The verdict on one handler; `stage` is the stage in which it becomes async, empty when it does not."""

    handler: Handler
    verdict: Verdict
    code: str
    reason: str
    stage: str = ""
    adapter: str = ""
    moves: tuple[Move, ...] = ()
    reached: tuple[Reached, ...] = ()


def selected(index: Index, handler: Handler, settings: Settings) -> bool:
    """Whether `--only` lets the handler take part: by endpoint, dotted module, or path."""
    path = handler.function.module.path
    names = (handler.endpoint, handler.function.name, index.layout.module_name(path), path)
    return not settings.only or any(fnmatchcase(name, glob) for name in names for glob in settings.only)


def own_handlers(index: Index) -> list[Handler]:
    """The handlers that may be changed: not those of tests, nor of files outside the folder that was named."""
    found = [handler for function, handler in index.registry.handlers.items() if is_own(index, function)]
    return sorted(found, key=lambda handler: by_place(handler.function))


def is_own(index: Index, function: Function) -> bool:
    """Whether the function stands in a file that may be edited and is no test."""
    path = function.module.path
    return path in index.project.editable and not is_test(path)


def judge(index: Index, reach: Reach, handler: Handler, settings: Settings) -> Judgement:
    """Decide one handler. The first reason that applies is the one given."""
    function = handler.function
    reached = tuple(reach.everything(function))
    possible = moves(index, reach, function, settings) if handler.awaited and not (function.is_async or function.is_generator) else []
    for verdict, code, reason in _settled(reach, handler, settings, reached, possible):
        return Judgement(handler, verdict, code, reason, reached=reached)
    decorated = decoration(index, function)
    for verdict, code, reason in _hindered(index, reach, handler, decorated, reached, settings):
        return Judgement(handler, verdict, code, reason, moves=tuple(possible), reached=reached)
    if unwanted := left(index, settings, function, function.node, "R100"):
        return Judgement(handler, Verdict.LEAVE, unwanted.code, unwanted.reason, moves=tuple(possible), reached=reached)
    stage, code, reason = _timing(index, reach, function, possible, settings)
    verdict = Verdict.CHANGE if stage else (Verdict.LEAVE if code in (BY_COMMENT, BY_SETTINGS) else Verdict.REFUSE)
    return Judgement(handler, verdict, code, reason, stage, decorated.adapter if stage else "", tuple(possible), reached)


_Row = tuple[Verdict, str, str]


def _settled(reach: Reach, handler: Handler, settings: Settings, reached: Sequence[Reached], possible: Sequence[Move]) -> Iterator[_Row]:
    """Handlers for which nothing is to be gained, or that Flask does not await."""
    function = handler.function
    if not handler.awaited:
        yield Verdict.LEAVE, "R104", handler.why_not
    if function.is_async:
        yield Verdict.LEAVE, "R110", "it is `async def` already"
    if function.is_generator:
        yield Verdict.LEAVE, "R102", "it is a generator: Flask iterates it in the worker's thread"
    if reach.movable(function) or settings.all_handlers or any(move.region and not move.obstacle for move in possible):
        return
    database = next((item for item in reached if is_orm(item.site.entry)), None)
    if database:
        if settings.orm == "leave":
            yield Verdict.LEAVE, "R109", f"of what blocks it reaches only database work: {database.path} ({database.place})"
        return
    bound = next((item for item in reached if is_bound(item.site.entry)), None)
    if bound:
        block = next((f"; its block cannot move as one: {move.obstacle}" for move in possible if move.region), "")
        yield Verdict.LEAVE, "R101", f"it reaches only {bound.path} ({bound.place}), which stays on the request's own thread: nothing is gained{block}"
    yield Verdict.LEAVE, "R101", _nothing(reach, function)


def _nothing(reach: Reach, function: Function) -> str:
    left = next((item for item in reach.surely(function) if item.site.entry.verdict == "leave" and item.site.entry.kind != "cpu"), None)
    if left:
        return f"it reaches nothing that gains from async; {left.site.entry.name} ({left.place}): {left.site.entry.reason}"
    possible = next((item for item in reach.everything(function) if item.site.entry.verdict == "wrap"), None)
    if possible:
        return f"no blocking call is proved to be reached; {possible.path} ({possible.place}) is only possible"
    unknown = [(item, node) for item in sorted(reach.proved(function), key=by_place) for node in reach.graph.unknown(item)]
    if unknown:
        item, node = unknown[0]
        return f"it reaches no blocking call that the tool knows; {len(unknown)} calls could not be followed, the first {ast.unparse(node.func)[:40]}() at {item.module.path}:{node.lineno}"
    computing = next((item for item in reach.surely(function) if item.site.entry.kind == "cpu" and item.site.entry.verdict == "leave"), None)
    return (
        f"it reaches no blocking call; {computing.site.entry.name} ({computing.place}): {computing.site.entry.reason}"
        if computing
        else "it reaches no blocking call"
    )


def _hindered(index: Index, reach: Reach, handler: Handler, decorated: Decoration, reached: Sequence[Reached], settings: Settings) -> Iterator[_Row]:
    """Handlers that would break."""
    function = handler.function
    for caller in index.graph.callers(function):
        holder = f" ({caller.name})" if caller.name else ""
        yield Verdict.REFUSE, "R103", f"{caller.place}{holder}: {'calls it and cannot await it' if caller.sure else f'it {caller.why}'}"
    if decorated.refusal:
        yield Verdict.REFUSE, "R105", decorated.refusal
    if function.cls and handler.slot == "class-based view":
        yield from _related(index, function, function.cls)
    loop = next((item for item in reached if starts_loop(item.site.entry)), None)
    if loop:
        yield Verdict.REFUSE, "R107", f"{loop.path} ({loop.place}) fails inside a running event loop"
    database = next((item for item in reached if is_orm(item.site.entry)), None)
    if settings.orm == "executor" and database and (memory := memory_database(index)):
        yield Verdict.REFUSE, "R113", f"it works on a database: {database.path} ({database.place}); {memory}"
    streamed = streams(index, reach, function)
    if streamed:
        yield Verdict.REFUSE, "R107", f"it streams with the request's context ({streamed}), which fails in an async view before Flask 3.1.2: ask for flask>=3.1.2"
    obstacle = adapter_for(index, function, decorated.adapter).obstacle if decorated.adapter else ""
    if obstacle:
        yield Verdict.REFUSE, "R111", obstacle
    stop = reach.stop_in(function)
    if stop:
        yield Verdict.REFUSE, "R111", f"next() at {stop} may raise StopIteration, which a coroutine turns into RuntimeError; give it a default"


def _related(index: Index, function: Function, cls: Class) -> Iterator[_Row]:
    family = index.resolver.classes.family(cls)
    for other in family[1:]:
        if index.resolver.classes.has_member(other, function.name):
            yield Verdict.REFUSE, "R108", f"{other.name} ({other.module.path}:{other.node.lineno}) has a {function.name}() too, which may call this one or be called for it"
    for relative in family:
        own = relative.methods.get("dispatch_request")
        if own and function.name != "dispatch_request" and not _leaves_dispatch_to_flask(own):
            yield Verdict.REFUSE, "R108", f"{relative.name}.dispatch_request ({relative.methods['dispatch_request'].place}) calls the methods itself"


def _leaves_dispatch_to_flask(function: Function) -> bool:
    """Whether a `dispatch_request` only wraps `super().dispatch_request(...)`, which awaits the method, and looks up no method itself."""
    called = [ast.unparse(call.node.func) for call in function.calls]
    looks = any(name == "getattr" or (name.startswith("self.") and name.count(".") == 1) for name in called)
    return "super().dispatch_request" in called and not function.is_async and not looks


def _timing(index: Index, reach: Reach, function: Function, possible: Sequence[Move], settings: Settings) -> tuple[str, str, str]:
    """The stage in which the handler can become async without breaking, or the reason why none is right."""
    found = with_database(index, reach, function, settings, possible)
    if apart := next((move.obstacle for move in found if move.is_database and move.code == "E304"), ""):
        return "", "R113", apart
    database = [move for move in found if move.is_database and not move.obstacle]
    free = [move for move in found if not move.is_database and not move.obstacle]
    if not free and not database:
        return _no_move(possible, settings, reach, function)
    hazards = [item for item in reach.everything(function) if is_bound(item.site.entry)]
    gain = next((move for move in [*free, *database] if not move.along), (free or database)[0])
    reason = f"it will await {gain.subject} (line {gain.node.lineno})"
    if not hazards:
        return EARLY, "R100", reason
    if any(not move.thread for move in free) or database:
        moved: set[ast.AST] = {move.node for move in [*free, *database] if move.thread}
        moved |= {node for move in free if move.region for node in move.region.covers()}
        left = [item for item in reach.without(function, moved) if is_bound(item.site.entry) and not (database and is_orm(item.site.entry))]
        if not left and any(move.region and hazards[0].site.node in move.region.covers() for move in free):
            return LATE, "R100", f"{reason}; in the stage that moves the whole block"
        if not left:
            return LATE, "R100", f"{reason}; in the stage that also keeps {hazards[0].site.entry.name} on the request's thread"
        hazards = left
    return _stays(hazards[0])


def _stays(hazard: Reached) -> tuple[str, str, str]:
    if is_orm(hazard.site.entry):
        return "", "R113", f"besides its blocking calls it works on a database session: {hazard.path} ({hazard.place}), which would move to another thread"
    return "", "R106", f"{hazard.path} ({hazard.place}) belongs to the request's thread, and an async view runs on another one"


def _no_move(possible: Sequence[Move], settings: Settings, reach: Reach, function: Function) -> tuple[str, str, str]:
    if settings.all_handlers and not any(is_bound(item.site.entry) for item in reach.everything(function)):
        return EARLY, "R100", "`--all-handlers` asks for it, though it awaits nothing"
    if possible:
        move = next((item for item in possible if item.code in (BY_COMMENT, BY_SETTINGS)), possible[0])
        code = move.code if move.code in ("R106", BY_COMMENT, BY_SETTINGS) else "R111"
        return "", code, f"{move.subject} (line {move.node.lineno}): {move.obstacle}"
    reached = reach.movable(function)
    if not reached:
        return _stays(next(item for item in reach.everything(function) if is_bound(item.site.entry)))
    return "", "R111", f"{reached[0].path} ({reached[0].place}) is not called in a place where it could be awaited"


def stopped(index: Index) -> str:
    """Why nothing at all may be migrated; empty when something may."""
    for item in index.requirements.find("flask"):
        if item.excludes_from((2,)) and _concerns(index, item.source):
            return f"{item.source} asks for a Flask below 2.0, which calls an async view and never awaits it: upgrade Flask first"
    for override in index.registry.flask_overrides:
        if is_own(index, override):
            return f"{override.place}: a subclass of Flask has its own {override.name}(), so the tool cannot tell how views are called"
    if worker := _green_worker(index):
        return worker
    if place := client_in_coroutine(index):
        return f"{place}: a coroutine sends requests through the test client, which fails for async views inside its event loop; make it a plain function first"
    return _green_import(index)


def _concerns(index: Index, source: str) -> bool:
    """Whether the requirements of that file are those of code that may be edited: it lies beside or above it."""
    folder = source.rpartition("/")[0].removesuffix("requirements").rstrip("/")
    return any(not folder or path.startswith(f"{folder}/") for path in index.project.editable)


def _green_import(index: Index) -> str:
    """A module of the application that imports gevent or eventlet."""
    for path in sorted(index.modules):
        for _, binding in index.modules[path].imported() if not is_test(path) and _concerns(index, path) else ():
            if imported_package(binding) in ("gevent", "eventlet"):
                line = getattr(binding.node, "lineno", 1)
                return f"{path}:{line}: the app runs on {imported_package(binding)}, where Flask's async views fail; serve it with threads first"
    return ""


def _green_worker(index: Index) -> str:
    """A server configuration that asks for gevent or eventlet workers."""
    for path in sorted(index.modules):
        for binding in index.modules[path].scope.bindings.get("worker_class", []) if _concerns(index, path) else []:
            if any(isinstance(item, ast.Constant) and _GREEN.search(str(item.value)) for item in ast.walk(binding.node)):
                return f"{path}:{getattr(binding.node, 'lineno', 1)}: the app is served by green workers, where Flask's async views fail; serve it with threads first"
    for path in sorted(index.project.metadata):
        found = _WORKER.search(index.project.metadata[path])
        if found and _concerns(index, path) and not path.endswith((".txt", ".html", ".lock")):
            line = index.project.metadata[path].count("\n", 0, found.start()) + 1
            return (
                f"{path}:{line}: the app is served by {found[1] or found[2] or found[3]} workers, where Flask's async views fail; serve it with threads first"
            )
    return ""
