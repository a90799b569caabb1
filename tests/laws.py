"""The ten laws of ARCHITECTURE.md, each a function over a project: it returns the breaches, none when the law holds.

They look at the tool from outside, with `ast`, pyflakes and difflib of their own, so that a mistake in the index cannot
hide itself. Three exceptions: where the edits are (law 4) and which groups there are (law 5) only the plan knows, and law 10
holds `migrate` against what `audit` knows.
"""

import ast
import difflib
import io
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache

from pyflakes.checker import Checker
from pyflakes.messages import UndefinedName, UnusedImport

from codemods.audit import distinct
from codemods.catalogue_files import load_catalogue
from transforms.edits import AddFunction, Edit, Enclose, Outline
from transforms.facts import Function
from transforms.host.source import source
from transforms.index import ParseCache, build_index
from transforms.judge import own_handlers, selected
from transforms.layout import is_test
from transforms.model import FileChange, Outcome, Project, Settings, Verdict
from transforms.placement import is_awaited
from transforms.reach import Reach, Reached
from transforms.stages import STAGES, Staged, run_stage

CATALOGUE = load_catalogue()
HOST = source().encode()  # the module that stage server writes: held by tests of its own


@dataclass(repr=False)
class Run:
    """All stages over one project; `projects[i]` is what stage i works on, the last one the end."""

    start: Project
    settings: Settings = Settings()
    cache: ParseCache = field(default_factory=ParseCache)
    outcomes: list[Outcome] = field(default_factory=list)
    projects: list[Project] = field(default_factory=list)

    def __post_init__(self):
        self.projects.append(self.start)
        for name in STAGES:
            staged = self.stage(name, self.projects[-1])
            self.outcomes.append(staged.outcome)
            self.projects.append(staged.project)

    def stage(self, name: str, project: Project, accepts=lambda group: True) -> Staged:
        return run_stage(name, project, CATALOGUE, self.settings, accepts, self.cache)

    def stages(self) -> Iterator[tuple[str, Project, Outcome, Project]]:
        yield from zip(STAGES, self.projects, self.outcomes, self.projects[1:], strict=False)


def text_of(data: bytes) -> str:
    """As Python reads it, newlines as they are."""
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    return data.decode(encoding)


def lines_of(data: bytes) -> list[str]:
    """Lines by Python's rules: not at form feeds."""
    return io.StringIO(text_of(data), newline="").readlines()


@lru_cache(maxsize=4096)
def tree_of(data: bytes) -> ast.Module:
    """Parsed once: the same files come by again and again."""
    return ast.parse(data)


def law_1_compiles(run: Run) -> list[str]:
    """What the tool wrote is Python."""
    return [problem for name, _, outcome, _ in run.stages() for change in outcome.changes for problem in _not_python(name, change)]


def _not_python(name: str, change: FileChange) -> Iterator[str]:
    try:
        compile(change.after, change.path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        yield f"{name}: {change.path} does not compile: {error}"


def law_2_once_is_enough(run: Run) -> list[str]:
    """Each stage on its own result, and all stages on the end, change nothing."""
    found = []
    for name, _, _, after in run.stages():
        for label, project in (("its own result", after), ("the end", run.projects[-1])):
            found += [f"{name} on {label} changes {change.path}" for change in run.stage(name, project).outcome.changes]
    return found


def law_3_changed_if_decided(run: Run) -> list[str]:
    """A file's text differs if and only if a decision to change something in it was taken; a new file needs one somewhere."""
    found = []
    for name, _, outcome, _ in run.stages():
        decided = {decision.path for decision in outcome.decisions if decision.verdict == Verdict.CHANGE}
        touched = {change.path for change in outcome.changes if change.before is not None}
        found += [f"{name}: {path} changed without a decision" for path in touched - decided]
        found += [f"{name}: {path} is decided to change and did not" for path in decided - touched]
        found += [f"{name}: {change.path} appeared without a decision" for change in outcome.changes if change.before is None and not decided]
        found += [f"{name}: {change.path} is listed and did not change" for change in outcome.changes if change.before == change.after]
        found += [f"{name}: {item} has no group" for item in outcome.decisions if item.verdict == Verdict.CHANGE and not item.group]
        found += [f"{name}: {item} has no reason" for item in outcome.decisions if not item.reason.strip()]
    return found


def law_4_only_what_is_decided(run: Run) -> list[str]:
    """Touched lines belong to a statement with an edit, and the edit to a decision; imports and constants excepted."""
    found = []
    for name, before, outcome, _ in run.stages():
        plan = STAGES[name](build_index(before, CATALOGUE, run.cache), run.settings)
        taken = {item.group for item in outcome.decisions if item.verdict == Verdict.CHANGE}
        planned = {item.group for item in plan.decisions if item.verdict == Verdict.CHANGE}
        found += [f"{name}: {change.path}: an edit in group {change.group} that no decision explains" for change in plan.changes if change.group not in planned]
        for change in outcome.changes:
            if change.before is not None:
                edits = [item.edit for item in plan.changes if item.path == change.path and item.group in taken]
                found += [f"{name}: {change.path}:{line} is touched without a decision" for line in _unowned(change, edits)]
    return found


def _unowned(change: FileChange, edits: list[Edit]) -> Iterator[int]:
    old, new = lines_of(change.before), lines_of(change.after)
    owned = _statement_lines(tree_of(change.before), [edit.place for edit in edits])
    owned |= {line for edit in edits if isinstance(edit, Enclose) for line in range(edit.place[0], edit.last[2] + 1)}
    owned |= {line for edit in edits if isinstance(edit, Outline | AddFunction) for line in range(edit.place[0], edit.place[2] + 1)}
    free_old, free_new = _head_lines(change.before), _head_lines(change.after)
    for tag, low, high, new_low, new_high in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag in ("replace", "delete"):
            yield from (line for line in range(low + 1, high + 1) if line not in owned and line not in free_old and old[line - 1].strip())
        if tag == "insert" and not {low, low + 1} & owned:
            yield from (low for line in range(new_low + 1, new_high + 1) if line not in free_new and new[line - 1].strip())


def _statement_lines(tree: ast.Module, places: list[tuple[int, int, int, int]]) -> set[int]:
    """Lines of the innermost statements around the edits; of a compound statement only its head, decorators included."""
    found: set[int] = set()
    for place in places:
        holding = [node for node in ast.walk(tree) if isinstance(node, ast.stmt) and _first_line(node) <= place[0] <= (node.end_lineno or 0)]
        node = max(holding, key=lambda item: (_first_line(item), -(item.end_lineno or 0)))
        body = getattr(node, "body", None)
        last = max(_first_line(body[0]) - 1, node.lineno) if isinstance(body, list) else node.end_lineno
        found |= set(range(_first_line(node), (last or 0) + 1))
    return found


def _first_line(node: ast.AST) -> int:
    return min([node.lineno, *(item.lineno for item in getattr(node, "decorator_list", []))])


def _head_lines(data: bytes) -> set[int]:
    """Imports, and assignments of constants at the top level."""
    found: set[int] = set()
    for node in tree_of(data).body:
        constant = isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id.isupper()
        if isinstance(node, ast.Import | ast.ImportFrom) or constant:
            found |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return found


def law_5_any_choice_works(run: Run) -> list[str]:
    """Each group alone, and all but each, gives working code; none accepted gives the input back."""
    found = []
    for name, before, outcome, _ in run.stages():
        groups = sorted({item.group for item in outcome.decisions if item.verdict == Verdict.CHANGE})
        nothing = run.stage(name, before, lambda group: False)
        found += [f"{name}: {change.path} changed with nothing accepted" for change in nothing.outcome.changes]
        found += [] if nothing.project.python == before.python else [f"{name}: nothing accepted is not the input"]
        for chosen in groups:
            for label, accepts in ((f"only {chosen}", chosen.__eq__), (f"all but {chosen}", chosen.__ne__)):
                staged = run.stage(name, before, accepts)
                problems = [problem for change in staged.outcome.changes for problem in _not_python(name, change)]
                problems += [problem for path in before.python for problem in _new_complaints(path, before, staged.project)]
                problems += _not_awaited(before, staged.project)
                taken = {item.group for item in staged.outcome.decisions if item.verdict == Verdict.CHANGE}
                problems += [f"{name}: {group} was not accepted" for group in taken if not accepts(group)]
                found += [f"{label}: {problem}" for problem in problems]
    return found


def law_6_names(run: Run) -> list[str]:
    """No name became undefined, and no import that was used is left behind unused."""
    return [problem for path in run.start.python for problem in _new_complaints(path, run.start, run.projects[-1])]


def _new_complaints(path: str, before: Project, after: Project) -> Iterator[str]:
    if before.python[path] == after.python[path]:
        return
    old, new = _complaints(before.python[path]), _complaints(after.python[path])
    for kind, name in sorted(new - old):
        if kind == "undefined" or not _wanted_elsewhere(path, name, after):
            yield f"{path}: {kind} {name} is new"


@lru_cache(maxsize=4096)
def _complaints(data: bytes) -> set[tuple[str, str]]:
    found = set()
    for message in Checker(ast.parse(data)).messages:
        if isinstance(message, UndefinedName):
            found.add(("undefined", str(message.message_args[0])))
        elif isinstance(message, UnusedImport):
            found.add(("unused import", str(message.message_args[0])))
    return found


def _wanted_elsewhere(path: str, name: str, project: Project) -> bool:
    """Whether another file imports the name from this one, or a string such as a mock's target names it."""
    stem = path.removesuffix("/__init__.py").removesuffix(".py").rpartition("/")[2]
    bare = name.rpartition(".")[2].rpartition(" as ")[2]
    for other, data in project.python.items():
        text = text_of(data)
        if other != path and (f"{stem}.{bare}" in text or f"{stem} import" in text and bare in text):
            return True
    return False


def law_7_nothing_is_silent(run: Run, names: frozenset[str]) -> list[str]:
    """Every call of one of the names in async code, when the executor stage starts and when it is done, has a decision."""
    end = run.projects[-1]
    found = []
    for label, project, outcome in (("before", run.projects[-2], run.outcomes[-1]), ("after", end, run.stage("executor", end).outcome)):
        explained = {(decision.path, decision.line) for decision in outcome.decisions}
        for path in sorted(project.editable):
            if not is_test(path) and _parses(project.python[path]) and project.python[path] != HOST:
                for line, name in known_calls_in_async(project.python[path], names):
                    if (path, line) not in explained:
                        found.append(f"{label} the executor stage: {path}:{line} calls {name} and nothing says why")
    return found


def _parses(data: bytes) -> bool:
    try:
        tree_of(data)
    except (SyntaxError, ValueError):
        return False
    return True


def known_calls_in_async(data: bytes, names: frozenset[str]) -> Iterator[tuple[int, str]]:
    """Calls by an imported or builtin name, directly in the body of an `async def`."""
    tree = tree_of(data)
    imported: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.asname or alias.name.partition(".")[0]: alias.name if alias.asname else alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            imported |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    for function in ast.walk(tree):
        if isinstance(function, ast.AsyncFunctionDef):
            for call in _own_calls(function):
                name = _dotted(call.func, imported)
                if name in names:
                    yield call.lineno, name


def _own_calls(function: ast.AST) -> Iterator[ast.Call]:
    """Calls that the function itself makes: not those of functions, lambdas and classes inside it, nor awaited ones."""
    waiting = list(ast.iter_child_nodes(function)) if not isinstance(function, ast.AsyncFunctionDef) else list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            continue
        if isinstance(node, ast.Await) and isinstance(node.value, ast.Call):
            waiting += list(ast.iter_child_nodes(node.value))
            continue
        if isinstance(node, ast.Call):
            yield node
        waiting += list(ast.iter_child_nodes(node))


def _dotted(node: ast.expr, imported: dict[str, str]) -> str:
    if isinstance(node, ast.Attribute):
        base = _dotted(node.value, imported)
        return f"{base}.{node.attr}" if base else ""
    if isinstance(node, ast.Name):
        return imported.get(node.id, f"builtins.{node.id}")
    return ""


def law_8_order_does_not_matter(run: Run) -> list[str]:
    """The files in reverse order give the same outcome."""
    start = run.start
    turned = Run(replace(start, python=dict(reversed(start.python.items())), metadata=dict(reversed(start.metadata.items()))), run.settings)
    return [f"{one.stage}: the order of the files matters" for one, two in zip(run.outcomes, turned.outcomes, strict=True) if one != two]


def law_9_all_awaited(run: Run) -> list[str]:
    """No call of a function that became async is left without `await`."""
    return [problem for _, before, _, after in run.stages() for problem in _not_awaited(before, after)]


def _not_awaited(before: Project, after: Project) -> list[str]:
    found = []
    made = {name for path in before.python for name in _made_async(before.python[path], after.python[path])}
    for path, data in after.python.items():
        if not made or not _parses(data):
            continue
        tree = tree_of(data)
        awaited = {node.value for node in ast.walk(tree) if isinstance(node, ast.Await)}
        own = _defined(tree)
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and call not in awaited and _means_one_of(call.func, made, own, path):
                found.append(f"{path}:{call.lineno}: {ast.unparse(call)[:60]} is not awaited")
    return found


def _made_async(before: bytes, after: bytes) -> Iterator[tuple[str, str]]:
    """Functions at the top level and methods that are async only now, unless an adapter turns them back."""
    if before == after:
        return
    old = {(item.name, item.lineno) for item in _functions(tree_of(before)) if isinstance(item, ast.AsyncFunctionDef)}
    names = {name for name, _ in old}
    for item in _functions(tree_of(after)):
        decorators = {ast.unparse(decorator).rpartition(".")[2] for decorator in item.decorator_list}
        if isinstance(item, ast.AsyncFunctionDef) and item.name not in names and "run_async" not in decorators:
            yield item.name, "method" if item.args.args[:1] and item.args.args[0].arg in ("self", "cls") else "function"


def _functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
        elif isinstance(node, ast.ClassDef):
            yield from (item for item in node.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef))


def _defined(tree: ast.Module) -> set[str]:
    """Plain functions and classes of this file: a call of such a name means them."""
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}


def _means_one_of(node: ast.expr, made: set[tuple[str, str]], own: set[str], path: str) -> bool:
    if isinstance(node, ast.Name):
        return (node.id, "function") in made and node.id not in own
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return (node.attr, "method") in made and node.value.id in ("self", "cls") and node.attr not in own
    return False


def law_10_what_stays_is_told(run: Run) -> list[str]:
    """Whatever `audit` says an async handler may reach on the loop when all is done, a row of the run names by its line."""
    told = {_text_at(before, item.path, item.line) for _, before, outcome, _ in run.stages() for item in outcome.decisions if item.path in before.python}
    index = build_index(run.projects[-1], CATALOGUE, run.cache)
    found = set()
    for handler in own_handlers(index):
        if handler.awaited and handler.function.is_async and selected(index, handler, run.settings):
            for item in _on_the_loop(Reach(index.graph), handler.function):
                path, _, line = item.place.rpartition(":")
                if _text_at(run.projects[-1], path, int(line)) not in told:
                    found.add(f"{item.place}: {item.path} stays on the loop and no row says so")
    return sorted(found)


def _on_the_loop(reach: Reach, handler: Function) -> list[Reached]:
    """State of a thread that is only looked at is left out: it does not block."""
    reached = distinct(reach.walk(handler, lambda edge: not edge.elsewhere))
    return [
        item
        for item in reached
        if not (item.site.entry.verdict == "leave" and item.site.entry.thread_bound)
        and not (isinstance(item.site.node, ast.Call) and is_awaited(item.function, item.site.node))
    ]


def _text_at(project: Project, path: str, line: int) -> tuple[str, str]:
    """A line is known again by its text: what stays is not changed, but it is moved by what is."""
    return path, lines_of(project.python[path])[line - 1].strip()


LAWS = (
    law_1_compiles,
    law_2_once_is_enough,
    law_3_changed_if_decided,
    law_4_only_what_is_decided,
    law_5_any_choice_works,
    law_6_names,
    law_8_order_does_not_matter,
    law_9_all_awaited,
    law_10_what_stays_is_told,
)
