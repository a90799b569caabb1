"""The stages in order, and how one is carried out: plan, accept, rewrite, guard."""

import ast
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from transforms import clients, executor, routes
from transforms.catalogue import Catalogue
from transforms.edits import Edit, Import, takes_callee
from transforms.facts import Call
from transforms.formatting import black_mode, format_changed
from transforms.guards import compiles, never_awaited, new_names
from transforms.imports import add_constants, add_imports, drop_unused
from transforms.index import Index, ParseCache, build_index
from transforms.model import Decision, FileChange, Outcome, Project, Settings, Verdict
from transforms.planning import Change, Plan
from transforms.rewrite import NotRewritable, rewrite
from transforms.text import Undecodable
from transforms.values import ModuleValue

Accepts = Callable[[str], bool]
Planner = Callable[[Index, Settings], Plan]
STAGES: Mapping[str, Planner] = {routes.NAME: routes.plan, clients.NAME: clients.plan, executor.NAME: executor.plan}


@dataclass(frozen=True)
class Staged:
    """The result of one stage and the project after it."""

    outcome: Outcome
    project: Project
    index: Index


def accept_all(group: str) -> bool:
    """Take every group of decisions."""
    return True


def run_stage(name: str, project: Project, catalogue: Catalogue, settings: Settings, accepts: Accepts = accept_all, cache: ParseCache | None = None) -> Staged:
    """Carry out one stage in memory. Groups whose result fails a guard are refused with the reason, the others go on."""
    cache = cache or ParseCache()
    index = build_index(project, catalogue, cache)
    plan = STAGES[name](index, settings)
    refused: dict[str, tuple[str, str]] = {}
    while True:
        carried = {group for group in _groups(plan) if accepts(group) and group not in refused}
        changes, failed = _carry_out(index, plan, carried)
        after = _after(project, changes)
        if not failed and changes:
            failed = _unsound(index, build_index(after, catalogue, cache), plan, settings, carried)
        if not failed:
            return Staged(_outcome(name, index, plan, changes, accepts, refused), after, index)
        refused |= failed


def _unsound(index: Index, after: Index, plan: Plan, settings: Settings, carried: Collection[str]) -> dict[str, tuple[str, str]]:
    """Groups of files in which a coroutine of ours is not awaited, or in which a second run would change something."""
    groups = {change.group for change in plan.changes} - set(carried)
    again = {change.path: "a second run would change the file again" for change in STAGES[plan.stage](after, settings).changes if change.group not in groups}
    found: dict[str, tuple[str, str]] = {}
    for path, reason in {**again, **never_awaited(index, after)}.items():
        mine = {change.group for change in plan.changes if change.path == path} & set(carried)
        found |= dict.fromkeys(mine or carried, ("F002", reason))
    return found


def _groups(plan: Plan) -> set[str]:
    return {change.group for change in plan.changes}


def _carry_out(index: Index, plan: Plan, accepted: Collection[str]) -> tuple[list[FileChange], dict[str, tuple[str, str]]]:
    by_path: dict[str, list[Change]] = {}
    for change in plan.changes:
        if change.group in accepted:
            by_path.setdefault(change.path, []).append(change)
    changes: list[FileChange] = []
    failed: dict[str, tuple[str, str]] = {}
    for path, mine in sorted(by_path.items()):
        try:
            changes.append(FileChange(path, index.files[path].data, _rewrite_file(index, path, mine)))
        except (NotRewritable, Undecodable) as error:
            edits = getattr(error, "edits", ())
            failed |= {change.group: ("F002", str(error)) for change in mine if not edits or change.edit in edits}
    for path, (source, groups) in sorted(plan.created.items()):
        if not groups.isdisjoint(accepted):
            changes.append(FileChange(path, None, source.encode()))
    return changes, failed


def _rewrite_file(index: Index, path: str, changes: Iterable[Change]) -> bytes:
    parsed = index.files[path]
    edits: dict[Edit, None] = {}
    imports: set[Import] = set()
    constants: dict[str, None] = {}
    for change in changes:
        edits[change.edit] = None
        imports.update(change.imports)
        constants.update(dict.fromkeys(change.constants))
    body = rewrite(parsed.text.body, parsed.facts.tree, list(edits))
    if reason := compiles(path, body):
        raise NotRewritable(reason)
    body = add_imports(body, _needed(imports, "\n".join([body, *constants])), _own_roots(index))
    body = add_constants(body, constants)
    if any(takes_callee(edit) for edit in edits):
        body = drop_unused(body, parsed.facts, _taken_from(index, path))
    body = format_changed(parsed.text.body, body, black_mode(index.project.metadata, path))
    reason = compiles(path, body) or (new_names(parsed.text.body, body) if imports else "")
    if reason:
        raise NotRewritable(reason)
    return parsed.text.encode(body)


def _needed(imports: Iterable[Import], body: str) -> list[Import]:
    """Of the imports that a spelling may need, those whose name the new text uses."""
    return [item for item in imports if f"{item.binds}." in body or f"{item.binds}(" in body or f"@{item.binds}" in body]


def _own_roots(index: Index) -> set[str]:
    return {index.layout.module_name(path).partition(".")[0] for path in index.files}


def _taken_from(index: Index, path: str) -> set[str]:
    """Names that other files take from this one, or that strings name (mock targets): never taken out."""
    bindings = index.modules[path].scope.bindings
    if path.endswith("__init__.py"):
        return set(bindings)
    stem = index.layout.module_name(path).rpartition(".")[2]
    if any(
        getattr(star.node, "module", "") and str(getattr(star.node, "module", "")).rpartition(".")[2] == stem
        for module in index.modules.values()
        for star in module.star_imports
    ):
        return set(bindings)
    imported = [name for name, found in bindings.items() if found[0].kind in ("import", "from")]
    return {name for name in imported if _is_taken(index, path, stem, name)}


def _is_taken(index: Index, path: str, stem: str, name: str) -> bool:
    names = index.resolver.names
    for module in index.modules.values():
        if any(_pairs(text, stem, name) for text, _ in module.strings) or any(text == name for text, _ in module.named):
            return True
    for owner, use in names.uses(name):
        node = use.node.func if isinstance(use, Call) else use.node
        if isinstance(node, ast.Attribute) and owner.module.path != path:
            base = index.resolver.value(node.value, use.scope)
            if base == ModuleValue(path) or (base is None and path in index.graph.loose_modules()):
                return True
    return any(
        item.kind == "from" and item.text == name and (getattr(item.node, "module", None) or "").rpartition(".")[2] in (stem, "")
        for module in index.modules.values()
        for found in module.scope.bindings.values()
        for item in found
    )


def _pairs(text: str, stem: str, name: str) -> bool:
    """Whether a dotted string has the module's name directly before the name."""
    parts = text.replace(":", ".").split(".")
    return any(before == stem and after == name for before, after in zip(parts, parts[1:], strict=False))


def _after(project: Project, changes: Iterable[FileChange]) -> Project:
    files = {**project.python, **{change.path: change.after for change in changes}}
    return project.replace_python(files, frozenset(change.path for change in changes if change.before is None))


def _outcome(name: str, index: Index, plan: Plan, changes: Iterable[FileChange], accepts: Accepts, refused: Mapping[str, tuple[str, str]]) -> Outcome:
    decisions = [_final(decision, accepts, refused) for decision in plan.decisions]
    decisions += [Decision(path, line, "", "F001", Verdict.REFUSE, reason) for path, (line, reason) in index.broken.items() if path in index.project.editable]
    needs = tuple(sorted(need for need, groups in plan.needs.items() if any(accepts(group) and group not in refused for group in groups)))
    real = tuple(change for change in changes if change.before != change.after)
    return Outcome(name, real, tuple(sorted(decisions)), needs)


def _final(decision: Decision, accepts: Accepts, refused: Mapping[str, tuple[str, str]]) -> Decision:
    if decision.group in refused and decision.group:
        code, reason = refused[decision.group]
        return Decision(decision.path, decision.line, decision.symbol, code, Verdict.REFUSE, reason, "", decision.subject)
    if decision.group and not accepts(decision.group):
        return Decision(decision.path, decision.line, decision.symbol, decision.code, Verdict.LEAVE, "not accepted by the user", "", decision.subject)
    return decision
