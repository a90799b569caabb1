"""Carrying a Bowler query out in memory: each file is a group, with the guards that our own stages have."""

import difflib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

from bowler import Query
from bowler.tool import BowlerTool
from bowler.types import RetryFile

from codemods.catalogue_files import load_catalogue
from codemods.queries import loaded_query
from codemods.stage_names import QueryError
from transforms.guards import compiles, new_names
from transforms.importing import torn
from transforms.index import ParseCache, build_index
from transforms.model import Decision, FileChange, Outcome, Project, Safety, Verdict
from transforms.text import Text, Undecodable, decode, newline_of, split_lines

_POSITION = re.compile(r"\((\d+), \d+\)\)$")


@dataclass(frozen=True)
class _Lines:
    """A file's lines with their ends, the same lines as Bowler reads them, and as Bowler leaves them."""

    ends: list[str]
    old: list[str]
    new: list[str]


class _Refused(Exception):
    """The file is left as it is: a rule code, a reason, a line."""

    def __init__(self, code: str, reason: str, line: int = 1) -> None:
        super().__init__(reason)
        self.code, self.line = code, line


def run_query(stage: str, root: Path, project: Project, accepts: Callable[[str], bool]) -> tuple[Outcome, Project]:
    """Run the query on every file that may be edited. Raises QueryError when it cannot be run at all."""
    with loaded_query(stage) as query:
        names = {path: name for path in sorted(project.editable) if (name := _name(query, root / path))}
        if not names:
            raise QueryError(
                f"{stage} works on {', '.join(query.paths)}, where no file of the target lies: run it from the folder above, or name no path in Query()"
            )
        return _run(stage, query, names, project, accepts)


@dataclass
class _Results:
    """What became of each file: its new bytes with the lines that differ, or the reason why it is left."""

    made: dict[str, tuple[bytes, list[int]]] = field(default_factory=dict)
    refused: dict[str, _Refused] = field(default_factory=dict)


def _run(stage: str, query: Query, names: dict[str, str], project: Project, accepts: Callable[[str], bool]) -> tuple[Outcome, Project]:
    results = _results(_tool(stage, query), query, names, project)
    after = _hold_together(results, project, accepts)
    refused = [Decision(path, item.line, "", item.code, Verdict.REFUSE, str(item), "", stage) for path, item in results.refused.items()]
    decided = [_decision(stage, path, line, accepts(_group(path))) for path, (_, lines) in results.made.items() for line in lines]
    changes = [FileChange(path, data, after.python[path]) for path, data in sorted(project.python.items()) if data != after.python[path]]
    return Outcome(stage, tuple(changes), tuple(sorted([*refused, *decided]))), after


def _results(tool: BowlerTool, query: Query, names: dict[str, str], project: Project) -> _Results:
    """Every file, and once more those for which the query asks for that, as long as their number goes down."""
    results, waiting, last = _Results(), list(names), 0
    while waiting and len(waiting) != last:
        last, again = len(waiting), []
        for path in waiting:
            try:
                made = _file(tool, query, path, names[path], project.python[path])
                results.made |= {path: made} if made[1] else {}
            except RetryFile:
                again.append(path)
            except _Refused as refused:
                results.refused[path] = refused
        waiting = again
    results.refused |= {path: _Refused("B402", "the query asks for a later try each time") for path in waiting}
    return results


def _hold_together(results: _Results, project: Project, accepts: Callable[[str], bool]) -> Project:
    """The project with the accepted files; a file whose change would tear it from another is refused, until all hold together."""
    catalogue, cache = load_catalogue(), ParseCache()
    before = build_index(project, catalogue, cache, everything=True)
    while True:
        accepted = {path: data for path, (data, _) in results.made.items() if accepts(_group(path))}
        after = project.replace_python({**project.python, **accepted})
        torn_files = torn(before, build_index(after, catalogue, cache, everything=True), accepted)
        if not torn_files:
            return after
        for path, reason in torn_files.items():
            results.refused[path] = _Refused("B403", reason, results.made.pop(path)[1][0])


def _group(path: str) -> str:
    return f"bowler:{path}"


def _decision(stage: str, path: str, line: int, accepted: bool) -> Decision:
    if not accepted:
        return Decision(path, line, "", "B400", Verdict.LEAVE, "not accepted by the user", "", stage)
    return Decision(path, line, "", "B400", Verdict.CHANGE, "the query changes this place", _group(path), stage, Safety.UNSAFE)


def _tool(stage: str, query: Query) -> BowlerTool:
    """Bowler's own set of fixers; of its methods only those that work in memory are called."""
    try:
        options = {"print_function": query.python_version == 3}
        return BowlerTool(query.compile(), options=options, interactive=False, write=False, silent=True, in_process=True)
    except Exception as error:
        raise QueryError(f"{stage}: Bowler does not accept the query: {type(error).__name__}: {error}") from None


def _name(query: Query, file: Path) -> str:
    """The file's name as Bowler would give it to the query; empty for a file that the query does not ask for."""
    for base in query.paths:
        folder = Path(base).resolve()
        if folder == file or folder in file.parents:
            name = str(base) if folder == file else f"{base.rstrip('/')}/{file.relative_to(folder).as_posix()}"
            break
    else:
        if query.paths != ["."]:
            return ""
        name = str(file)
    return name if query.filename_matcher is None or query.filename_matcher(name) else ""


def _file(tool: BowlerTool, query: Query, path: str, name: str, data: bytes) -> tuple[bytes, list[int]]:
    """The file's bytes after the query, and the lines of the places that differ."""
    try:
        text = decode(data)
    except Undecodable as error:
        raise _Refused("F001", str(error)) from None
    lines = _transformed(tool, path, name, text.body)
    places = _places(query, lines, name) if lines.old != lines.new else []
    if not places:
        return data, []
    body = _joined(lines, places, text.body)
    reason = _unsound(tool, lines, path, text, body)
    if reason:
        raise _Refused("B403", reason, places[0][0] + 1)
    return text.encode(body), [start + 1 for start, _, _ in places]


def _transformed(tool: BowlerTool, path: str, name: str, body: str) -> _Lines:
    ends = split_lines(body) or [""]
    old = [line.rstrip("\r\n") for line in ends]
    return _Lines(ends, old, _text(tool, path, name, "\n".join(old) + "\n", body).split("\n")[:-1])


def _text(tool: BowlerTool, path: str, name: str, source: str, body: str) -> str:
    """What the fixers of the tool make of the source."""
    said: list[str] = []
    tool.log_error = lambda message, *args, **options: said.append(str(args[-1]) if args else message)
    try:
        tree = tool.refactor_string(source, name)
    except RetryFile:
        raise
    except (Exception, SystemExit) as error:
        raise _Refused("B402", f"the query failed on this file: {type(error).__name__}: {error}") from None
    if tree is not None:
        return str(tree)
    if compiles(path, body):
        raise _Refused("F001", f"not valid Python for the interpreter that runs this tool, nor for Bowler: {said[-1]}")
    line = _POSITION.search(said[-1])
    raise _Refused("B401", f"Bowler's grammar cannot parse it: {said[-1]}", int(line.group(1)) if line else 1)


_Place = tuple[int, int, list[str]]


def _places(query: Query, lines: _Lines, name: str) -> list[_Place]:
    """From which old line to which, and the lines that take their place; a hunk that the query's own `process` rejects is left out."""
    groups = list(difflib.SequenceMatcher(None, lines.old, lines.new).get_grouped_opcodes(3))
    hunks = _hunks(lines, name)
    kept = [group for group, hunk in zip(groups, hunks, strict=True) if _wanted(query, name, hunk)]
    return [(i1, i2, lines.new[j1:j2]) for group in kept for tag, i1, i2, j1, j2 in group if tag != "equal"]


def _wanted(query: Query, name: str, hunk: list[str]) -> bool:
    try:
        answers = [processor(name, hunk) for processor in query.processors]  # each is asked, as in Bowler
    except (Exception, SystemExit) as error:
        raise _Refused("B402", f"the query's process() failed on this file: {type(error).__name__}: {error}") from None
    return all(answer is not False for answer in answers)


def _hunks(lines: _Lines, name: str) -> Iterator[list[str]]:
    """The hunks in the form in which Bowler hands them to `process`."""
    head: list[str] = []
    hunk: list[str] = []
    for line in difflib.unified_diff(lines.old, lines.new, name, name, lineterm=""):
        if len(head) < 2:
            head.append(line)
            continue
        if line.startswith("@@") and hunk:
            yield [*head, *hunk]
            hunk = []
        hunk.append(line)
    yield [*head, *hunk]


def _joined(lines: _Lines, places: list[_Place], body: str) -> str:
    """The new text: lines that stay, or that one line takes the place of, keep their own ends, others get the file's."""
    newline, result = newline_of(body), list(lines.ends)
    for start, end, new in reversed(places):
        tails = [line[len(line.rstrip("\r\n")) :] or newline for line in result[start:end]]
        result[start:end] = [line + tail for line, tail in zip_longest(new, tails[: len(new)], fillvalue=newline)]
    result = [line if line.endswith(("\r", "\n")) else line + newline for line in result]
    whole = "".join(result)
    return whole if body.endswith(("\r", "\n")) else whole.removesuffix(newline)


def _unsound(tool: BowlerTool, lines: _Lines, path: str, text: Text, body: str) -> str:
    """Why the result may not be shown to anybody; empty when it is sound."""
    source = "\n".join(lines.old) + "\n"
    if str(BowlerTool([], options=tool.options).refactor_string(source, path)) != source:
        return "Bowler's grammar does not keep the file's text"
    if reason := compiles(path, body) or new_names(text.body, body):
        return reason
    try:
        text.encode(body)
    except Undecodable as error:
        return str(error)
    return ""
