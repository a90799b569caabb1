"""What a stage wants changed in one file, keyed by place; the transformer carries it out."""

import ast
from dataclasses import dataclass

# Line and column of the start and the end, as `ast` counts them: lines from 1, columns in UTF-8 bytes.
Place = tuple[int, int, int, int]


def place_of(node: ast.AST) -> Place:
    """Where an expression or statement stands."""
    return (node.lineno, node.col_offset, node.end_lineno or 0, node.end_col_offset or 0)  # type: ignore[attr-defined]


@dataclass(frozen=True)
class MakeAsync:
    """`def` becomes `async def`; `adapter` is put as the innermost decorator when it is not empty."""

    place: Place
    adapter: str = ""


@dataclass(frozen=True)
class AwaitCall:
    """`f(x)` becomes `await f(x)`; with `callee`, the function called is replaced as well."""

    place: Place
    callee: str = ""


@dataclass(frozen=True)
class AwaitTwin:
    """`f(x)` becomes `await f_async(x)`: the last identifier of what is called is replaced by `name`."""

    place: Place
    name: str


@dataclass(frozen=True)
class AddTwin:
    """The function stays, and an `async def` copy called `name` follows it; all other edits inside go to the copy."""

    place: Place
    name: str
    blank_lines: int


@dataclass(frozen=True)
class WrapCall:
    """`f(x)` becomes `await asyncio.to_thread(f, x)` or another spelling of it."""

    place: Place
    spelling: str


@dataclass(frozen=True)
class WrapExpression:
    """`a.b(c).d()` becomes `await sync_to_async(lambda: a.b(c).d())()`: evaluated whole on the request's thread."""

    place: Place


@dataclass(frozen=True)
class ClientBlock:
    """The statement that holds a module-level client call moves into `async with CLIENT as NAME`, the call on NAME."""

    place: Place
    statement: Place
    client: str
    name: str
    method: str
    keywords: tuple[tuple[str, str], ...] = ()
    drop: tuple[str, ...] = ()
    rename: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class SwapBlock:
    """`with OLD(…) as c` becomes `async with NEW(…) as c`."""

    place: Place
    context: Place
    callee: str
    keywords: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class GuardStatus:
    """`r.raise_for_status()` becomes `if r.status_code >= 400: r.raise_for_status()`: httpx raises for a 304 too."""

    place: Place
    name: str


@dataclass(frozen=True)
class Outline:
    """Statements become a function `name` inside the function, which is called on a worker thread where they stood.

    `place` goes from the start of the first to the end of the last statement, `last` is the last one's. `takes` and
    `gives` are handed in and back; `returns`: what it returns, the function around it returns; `tail`: the last thing
    that is done is `gives = …`, which becomes `return …`.
    """

    place: Place
    last: Place
    name: str
    spelling: str
    takes: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()
    returns: bool = False
    tail: bool = False


@dataclass(frozen=True)
class Gather:
    """`a = await x()`, `b = await y()` become `a, b = await asyncio.gather(x(), y())`; `last` is the last statement's place."""

    place: Place
    last: Place
    names: tuple[str, ...]


@dataclass(frozen=True)
class Replace:
    """A name, attribute, subscript or call becomes `code`."""

    place: Place
    code: str


@dataclass(frozen=True)
class AwaitValue:
    """`x.primary` becomes `await x.primary`."""

    place: Place


@dataclass(frozen=True)
class AsyncLoop:
    """`for x in HERE` becomes `async for x in HERE`, as a statement or in a comprehension; `place` is what is looped over."""

    place: Place


@dataclass(frozen=True)
class AsyncBlock:
    """`with HERE as x` becomes `async with HERE as x`; `place` is the context manager."""

    place: Place


@dataclass(frozen=True)
class Collect:
    """`HERE` becomes `[name async for name in HERE]`; `bare`: `list(x)` stands here, and becomes that for `x`."""

    place: Place
    name: str
    bare: bool = False


@dataclass(frozen=True)
class Enclose:
    """`name = VALUE` and the statements up to `last` become `async with VALUE as name:` around them."""

    place: Place
    last: Place
    name: str


@dataclass(frozen=True)
class NameArguments:
    """`f(1, 2)` becomes `f(a=1, b=2)`."""

    place: Place
    names: tuple[str, ...]


@dataclass(frozen=True)
class Unthread:
    """`asyncio.to_thread(f, x)` becomes `f(x)`; with `name`, the last identifier of `f` is replaced."""

    place: Place
    name: str = ""


@dataclass(frozen=True)
class ReadJson:
    """`x.json()` becomes `json.loads(x.text)`."""

    place: Place


@dataclass(frozen=True)
class DumpJson:
    """`x` becomes `json.dumps(x, allow_nan=False)`."""

    place: Place


@dataclass(frozen=True)
class AddItem:
    """`{…}` gets one item more, as its first; `key` and `value` are code."""

    place: Place
    key: str
    value: str


@dataclass(frozen=True)
class AddFunction:
    """A function of its own below the top-level statement that stands there."""

    place: Place
    code: str


@dataclass(frozen=True)
class AddLine:
    """A statement of its own line below the statement that stands there."""

    place: Place
    code: str


Typed = Replace | AwaitValue | AsyncLoop | AsyncBlock | Collect | Enclose | NameArguments | Unthread | ReadJson | DumpJson | AddItem
Edit = (
    MakeAsync
    | AwaitCall
    | AwaitTwin
    | AddTwin
    | WrapCall
    | WrapExpression
    | ClientBlock
    | SwapBlock
    | GuardStatus
    | Outline
    | Gather
    | AddLine
    | AddFunction
    | Typed
)


def takes_callee(edit: Edit) -> bool:
    """Whether the edit takes away a name that the code used, so that an import may have become unused."""
    return isinstance(edit, ClientBlock | SwapBlock | AwaitTwin | Replace | Unthread) or (isinstance(edit, AwaitCall) and bool(edit.callee))


@dataclass(frozen=True, order=True)
class Import:
    """`import module` or, with `name`, `from module import name`."""

    module: str
    name: str = ""

    @property
    def code(self) -> str:
        """The statement."""
        return f"from {self.module} import {self.name}" if self.name else f"import {self.module}"

    @property
    def binds(self) -> str:
        """The name it makes."""
        return self.name or self.module.partition(".")[0]


SPELLINGS: dict[str, tuple[Import, ...]] = {
    "to_thread": (Import("asyncio"),),
    "run_in_executor": (Import("asyncio"), Import("contextvars"), Import("functools")),
    "sync_to_async": (Import("asgiref.sync", "sync_to_async"),),
}
