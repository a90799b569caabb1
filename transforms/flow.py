"""What happens to the local names of one function: bound where, read where, live when, surely assigned when.

Everything errs to one side: a name is called live, or possibly unassigned, when that cannot be ruled out. Names inside
comprehensions are their own; names that a nested function or lambda reads count as read where it is written.
"""

import ast
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from transforms.facts import FunctionNode

Names = frozenset[str]
Suppresses = Callable[[ast.With | ast.AsyncWith], bool]
_NONE: Names = frozenset()
_COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_NESTED = (*FunctionNode.__args__, ast.Lambda, ast.ClassDef)


def own_nodes(nodes: Collection[ast.AST]) -> Iterator[ast.AST]:
    """The nodes and all below them that run in the function itself: not the bodies of functions and classes inside it."""
    waiting = list(nodes)[::-1]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, FunctionNode):
            waiting += [*node.decorator_list, *node.args.defaults, *(item for item in node.args.kw_defaults if item)][::-1]
        elif isinstance(node, ast.Lambda):
            waiting += [*node.args.defaults, *(item for item in node.args.kw_defaults if item)][::-1]
        elif isinstance(node, ast.ClassDef):
            waiting += [*node.decorator_list, *node.bases, *node.keywords][::-1]
        else:
            waiting += list(ast.iter_child_nodes(node))[::-1]


def bound(nodes: Collection[ast.AST]) -> Names:
    """The local names that the nodes bind or delete, those of comprehensions left out."""
    found: set[str] = set()
    inner: set[ast.AST] = set()
    for node in own_nodes(nodes):
        if isinstance(node, ast.comprehension):
            inner |= {item for item in ast.walk(node.target) if isinstance(item, ast.Name)}
        if node not in inner:
            found |= set(binds(node))
    return frozenset(found)


def binds(node: ast.AST) -> Iterator[str]:
    """The names that this one node binds or deletes, without those below it."""
    match node:
        case ast.Name(ctx=ast.Store() | ast.Del()):
            yield node.id
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield node.name
        case ast.ExceptHandler(name=str() as name) | ast.MatchAs(name=str() as name) | ast.MatchStar(name=str() as name) | ast.MatchMapping(rest=str() as name):
            yield name
        case ast.Import() | ast.ImportFrom():
            yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)


def read(node: ast.AST | None, hidden: Names = _NONE) -> Names:
    """The names that the expression or statement reads, also in functions and lambdas inside it."""
    match node:
        case None:
            return _NONE
        case ast.Name():
            return _NONE if isinstance(node.ctx, ast.Store) else frozenset({node.id}) - hidden
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            return _read_comprehension(node, hidden)
        case ast.Lambda() | ast.FunctionDef() | ast.AsyncFunctionDef():
            own = frozenset(item.arg for item in ast.walk(node.args) if isinstance(item, ast.arg))
            return _all(ast.iter_child_nodes(node.args), hidden) | _all(node.body if isinstance(node.body, list) else [node.body], hidden | own)
        case ast.AugAssign(target=ast.Name(id=name)):
            return read(node.value, hidden) | (frozenset({name}) - hidden)
    return _all(ast.iter_child_nodes(node), hidden)


def _all(nodes: Iterator[ast.AST] | Sequence[ast.AST], hidden: Names) -> Names:
    return frozenset(name for node in nodes for name in read(node, hidden))


def _read_comprehension(node: _COMPREHENSIONS, hidden: Names) -> Names:
    own = hidden | frozenset(item.id for part in node.generators for item in ast.walk(part.target) if isinstance(item, ast.Name))
    found = read(node.generators[0].iter, hidden)
    for position, part in enumerate(node.generators):
        found |= (read(part.iter, own) if position else _NONE) | _all(part.ifs, own)
    return found | _all([node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt], own)


def captured(nodes: Iterable[ast.AST]) -> Names:
    """The names that those of the nodes that are functions, lambdas or classes read or rebind from around them."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, _NESTED):
            found |= {item.id for item in ast.walk(node) if isinstance(item, ast.Name)} | {
                name for item in ast.walk(node) if isinstance(item, ast.Nonlocal) for name in item.names
            }
    return frozenset(found)


def falls_through(body: Sequence[ast.stmt], suppresses: Suppresses) -> bool:
    """Whether the end of the statements may be reached."""
    return all(_passes(statement, suppresses) for statement in body)


def _passes(node: ast.stmt, suppresses: Suppresses) -> bool:
    match node:
        case ast.Return() | ast.Raise() | ast.Break() | ast.Continue():
            return False
        case ast.If():
            return falls_through(node.body, suppresses) or falls_through(node.orelse, suppresses)
        case ast.With() | ast.AsyncWith():
            return suppresses(node) or falls_through(node.body, suppresses)
        case ast.Try():
            ends = [[*node.body, *node.orelse], *(handler.body for handler in node.handlers)]
            return falls_through(node.finalbody, suppresses) and any(falls_through(end, suppresses) for end in ends)
        case ast.While(test=ast.Constant(value=True)):
            return any(isinstance(item, ast.Break) for item in own_nodes(node.body))
        case ast.Match() if _takes_all(node):
            return any(falls_through(case.body, suppresses) for case in node.cases)
    return True


def _takes_all(node: ast.Match) -> bool:
    """Whether one of the cases is always taken: the last one is `case _:` or a bare name, without a guard."""
    last = node.cases[-1]
    return last.guard is None and isinstance(last.pattern, ast.MatchAs) and last.pattern.pattern is None


# Live names, backwards


@dataclass
class Watch:
    """A statement, and what was found live after it: when it ends, and when it raises."""

    statement: ast.stmt
    after: Names = _NONE
    raised: Names = _NONE


@dataclass(frozen=True)
class _Exits:
    """What is live where the flow leaves the statements in another way than at their end."""

    leave: Names = _NONE  # at break
    again: Names = _NONE  # at continue
    done: Names = _NONE  # at return: what `finally` blocks read
    raised: Names = _NONE


def watch(body: Sequence[ast.stmt], statement: ast.stmt) -> Watch:
    """What is live after that statement of the function's body."""
    found = Watch(statement)
    _live(body, _NONE, _Exits(), found)
    return found


def _live(body: Sequence[ast.stmt], after: Names, exits: _Exits, found: Watch) -> Names:
    for statement in reversed(body):
        if statement is found.statement:
            found.after |= after
            found.raised |= exits.raised
        after = _live_before(statement, after, exits, found) | exits.raised
    return after


def _live_before(node: ast.stmt, after: Names, exits: _Exits, found: Watch) -> Names:
    match node:
        case ast.Return():
            return read(node.value) | exits.done
        case ast.Raise():
            return read(node)
        case ast.Break():
            return exits.leave
        case ast.Continue():
            return exits.again
        case ast.If():
            return read(node.test) | _live(node.body, after, exits, found) | _live(node.orelse, after, exits, found)
        case ast.For() | ast.AsyncFor() | ast.While():
            return _live_loop(node, after, exits, found)
        case ast.With() | ast.AsyncWith():
            inner = _live(node.body, after, replace(exits, raised=exits.raised | after), found)
            return _all(node.items, _NONE) | (inner - bound([item.optional_vars for item in node.items if item.optional_vars]))
        case ast.Try() | ast.TryStar():
            return _live_try(node, after, exits, found)
        case ast.Match():
            inner = frozenset(name for case in node.cases for name in _live(case.body, after, exits, found) | read(case.guard) | read(case.pattern))
            return read(node.subject) | inner | after
    kills = bound([node]) if isinstance(node, ast.Assign | ast.AnnAssign | ast.Import | ast.ImportFrom) and not _has_walrus(node) else _NONE
    return (after - (_NONE if _is_declaration(node) else kills)) | read(node)


def _is_declaration(node: ast.AST) -> bool:
    """`x: int` binds nothing: what the name holds stays."""
    return isinstance(node, ast.AnnAssign) and node.value is None


def _has_walrus(node: ast.AST) -> bool:
    return any(isinstance(item, ast.NamedExpr) for item in ast.walk(node))


def _live_loop(node: ast.For | ast.AsyncFor | ast.While, after: Names, exits: _Exits, found: Watch) -> Names:
    ended = _live(node.orelse, after, exits, found)
    head = read(node.test) if isinstance(node, ast.While) else _NONE
    target = _NONE if isinstance(node, ast.While) else bound([node.target])
    start: Names = ended | head
    while True:
        inner = _live(node.body, start, replace(exits, leave=after, again=start), found) - target
        if inner <= start:
            break
        start |= inner
    return start if isinstance(node, ast.While) else start | read(node.iter) | read(node.target)


def _live_try(node: ast.Try | ast.TryStar, after: Names, exits: _Exits, found: Watch) -> Names:
    everywhere = after | exits.leave | exits.again | exits.done | exits.raised
    final = _live(node.finalbody, everywhere if node.finalbody else after, exits, found)
    outside = _Exits(*((final,) * 4)) if node.finalbody else exits
    caught = frozenset[str]()
    for handler in node.handlers:
        caught |= read(handler.type) | (_live(handler.body, final, outside, found) - ({handler.name} if handler.name else set()))
    ended = _live(node.orelse, final, outside, found)
    return _live(node.body, ended, replace(outside, raised=outside.raised | caught), found)


# Surely assigned names, forwards


@dataclass
class Assigned:
    """Surely assigned names: `early` are those read when they may not be; `at` what is assigned before a statement."""

    of: Names
    suppresses: Suppresses
    stop: ast.stmt | None = None
    early: set[str] = field(default_factory=set)
    at: Names | None = None

    def run(self, body: Sequence[ast.stmt], start: Names) -> Names:
        """What is assigned at the end of the statements; all names where the end is never reached."""
        for statement in body:
            if statement is self.stop:
                self.at = start if self.at is None else self.at & start
            start = self._after(statement, start)
        return start

    def _read(self, node: ast.AST | None, start: Names) -> None:
        self.early |= (read(node) & self.of) - start

    def _after(self, node: ast.stmt, start: Names) -> Names:
        match node:
            case ast.Return() | ast.Raise() | ast.Break() | ast.Continue():
                self._read(node, start)
                return self.of
            case ast.If():
                self._read(node.test, start)
                return self.run(node.body, start) & self.run(node.orelse, start)
            case ast.For() | ast.AsyncFor() | ast.While():
                return self._loop(node, start)
            case ast.With() | ast.AsyncWith():
                return self._with(node, start)
            case ast.Try() | ast.TryStar():
                return self._try(node, start)
            case ast.Match():
                return self._match(node, start)
        self._read(node, start)
        deleted = _deleted(node)
        return (start - deleted) if deleted or _is_declaration(node) or _has_walrus(node) else start | (bound([node]) & self.of)

    def _loop(self, node: ast.For | ast.AsyncFor | ast.While, start: Names) -> Names:
        self._read(node.test if isinstance(node, ast.While) else node.iter, start)
        start |= _named_first(node.test) & self.of if isinstance(node, ast.While) else _NONE
        self.run(node.body, start if isinstance(node, ast.While) else start | bound([node.target]))
        self.run(node.orelse, start)
        return start - _deleted(node)

    def _with(self, node: ast.With | ast.AsyncWith, start: Names) -> Names:
        for item in node.items:
            self._read(item, start)
            start |= bound([item.optional_vars]) if item.optional_vars else _NONE
        inner = self.run(node.body, start)
        return start if self.suppresses(node) else inner

    def _match(self, node: ast.Match, start: Names) -> Names:
        self._read(node.subject, start)
        ended = self.of
        for case in node.cases:
            self._read(case.guard, start | bound([case.pattern]))
            ended &= self.run(case.body, start | bound([case.pattern]))
        return ended if _takes_all(node) else start

    def _try(self, node: ast.Try | ast.TryStar, start: Names) -> Names:
        after = self.run(node.orelse, self.run(node.body, start))
        for handler in node.handlers:
            named = frozenset({handler.name} if handler.name else ())
            self._read(handler.type, start)
            after &= self.run(handler.body, start | named) - named
        self.run(node.finalbody, start)
        return after | (frozenset(bound(node.finalbody) & self.of) if _straight(node.finalbody) else _NONE)


def _deleted(node: ast.AST) -> Names:
    return frozenset(item.id for item in own_nodes([node]) if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Del))


def _named_first(node: ast.expr) -> Names:
    """The names that `:=` binds in the condition whatever its outcome."""
    match node:
        case ast.NamedExpr(target=ast.Name(id=name)):
            return frozenset({name}) | _named_first(node.value)
        case ast.BoolOp():
            return _named_first(node.values[0])
        case ast.Compare():
            return _named_first(node.left) | _named_first(node.comparators[0])
        case ast.UnaryOp():
            return _named_first(node.operand)
        case ast.Call(args=[first, *_]):
            return _named_first(first)
    return _NONE


def _straight(body: Sequence[ast.stmt]) -> bool:
    return all(isinstance(item, ast.Assign | ast.Expr) for item in body) and not any(_has_walrus(item) for item in body)
