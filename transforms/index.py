"""The whole program, read: facts of every file, resolver, handlers, call graph. Nothing in it changes afterwards."""

import ast
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from transforms.bridge.names import holds_bridge
from transforms.callers import Unread
from transforms.catalogue import Catalogue
from transforms.comments import Comment, read_comments
from transforms.embedded import embedded
from transforms.facts import ModuleFacts
from transforms.graph import Graph
from transforms.host.names import holds_asgi
from transforms.layout import Layout
from transforms.model import Project
from transforms.names import Names, NameTable, table_of
from transforms.parsing import parse
from transforms.patches import Patch, find_patches
from transforms.progress import Tick, no_tick
from transforms.registry import Registry, find_handlers
from transforms.requirements import Requirements, read_requirements
from transforms.resolve import Resolver
from transforms.scan import scan
from transforms.templates import entry_points, template_names
from transforms.text import Text, Undecodable, decode

_FRAMEWORK = re.compile(rb"flask|\bquart\b", re.IGNORECASE)


@dataclass(frozen=True)
class Parsed:
    """One file, decoded and scanned."""

    data: bytes
    text: Text
    facts: ModuleFacts
    names: NameTable
    comments: tuple[Comment, ...] = ()


@dataclass(frozen=True)
class Index:
    """All that the decisions are made from. `broken` maps a path to the reason why it could not be read."""

    project: Project
    catalogue: Catalogue
    files: Mapping[str, Parsed]
    broken: Mapping[str, tuple[int, str]]
    layout: Layout
    resolver: Resolver
    registry: Registry
    graph: Graph
    requirements: Requirements

    @property
    def modules(self) -> Mapping[str, ModuleFacts]:
        """Facts by path."""
        return self.resolver.modules

    @cached_property
    def patches(self) -> tuple[Patch, ...]:
        """What the application replaces in its libraries."""
        return find_patches(self.resolver)


@dataclass
class ParseCache:
    """Facts of files already seen, by path and content; makes the next stage's index cheap."""

    known: dict[tuple[str, bytes], Parsed] = field(default_factory=dict)
    failed: dict[tuple[str, bytes], tuple[int, str]] = field(default_factory=dict)
    last: "Index | None" = None


def build_index(project: Project, catalogue: Catalogue, cache: ParseCache | None = None, everything: bool = False, tick: Tick = no_tick) -> Index:
    """Read the whole project. A file that cannot be parsed becomes a row in `broken`; the rest goes on.

    A project without Flask is only parsed, unless `everything` asks for its facts too.
    """
    cache = cache or ParseCache()
    last = cache.last
    if (
        last
        and last.catalogue is catalogue
        and last.project.python == project.python
        and last.project.editable == project.editable
        and last.project.seen == project.seen
    ):
        return last
    cache.last = _build(project, catalogue, cache, everything, tick)
    return cache.last


def _build(project: Project, catalogue: Catalogue, cache: ParseCache, everything: bool, tick: Tick) -> Index:
    files: dict[str, Parsed] = {}
    broken: dict[str, tuple[int, str]] = {}
    whole = everything or any(_FRAMEWORK.search(data) for data in project.python.values())
    for number, path in enumerate(sorted(project.python)):
        tick("reading", number, len(project.python))
        if holds_bridge(path, project.python[path]) or holds_asgi(path, project.python[path]):
            continue  # ours, and no part of the application
        _read(path, project.python[path], whole, cache, files, broken)
    layout = Layout(project.python, sys.stdlib_module_names | {name.partition(".")[0] for name in catalogue.modules})
    names = Names(parsed.names for parsed in files.values())
    resolver = Resolver({path: parsed.facts for path, parsed in files.items()}, layout, catalogue, names)
    registry = find_handlers(resolver)
    if not registry.async_rendering and any(b"enable_async" in data for data in project.python.values()):
        registry = replace(registry, async_rendering="Jinja's async mode")
    scripts = {path: text.encode() for path, text in project.metadata.items() if text.startswith("#!")}
    roots = {layout.module_name(path).partition(".")[0] for path in files} - {""}
    texts = {path: project.python[path] for path in broken} | scripts | embedded({**project.metadata, **project.others}, roots)
    unread = Unread(template_names(project.metadata, resolver.modules.values()), entry_points(project.metadata), texts)
    graph = Graph(resolver, registry, unread, project.seen)
    return Index(project, catalogue, files, broken, layout, resolver, registry, graph, read_requirements(project.metadata))


def _read(path: str, data: bytes, whole: bool, cache: ParseCache, files: dict[str, Parsed], broken: dict[str, tuple[int, str]]) -> None:
    key = (path, data)
    if key in cache.failed:
        broken[path] = cache.failed[key]
        return
    try:
        if key not in cache.known:
            text = decode(data)
            tree = parse(text.body)
            if not whole:
                return
            cache.known[key] = _parsed(path, data, text, tree)
        files[path] = cache.known[key]
    except (Undecodable, SyntaxError, ValueError, RecursionError, MemoryError) as error:
        broken[path] = cache.failed[key] = (getattr(error, "lineno", None) or 1, _sentence(error))


def _parsed(path: str, data: bytes, text: Text, tree: ast.Module) -> Parsed:
    facts = scan(path, tree)
    return Parsed(data, text, facts, table_of(facts), read_comments(path, text.body, tree))


def _sentence(error: Exception) -> str:
    if isinstance(error, SyntaxError):
        return f"not valid Python for the interpreter that runs this tool: {error.msg}"
    if isinstance(error, RecursionError | MemoryError):
        return "nested too deeply to be parsed"
    return str(error)
