"""Objects at module level that belong to one event loop, used in async views that each run on a loop of their own (T510).

Measured on Flask's own loops: of 40 requests to a shared `httpx.AsyncClient` half failed, of those to an `aiohttp` session,
an `asyncpg` pool or an `asyncio.Lock` under contention nine of ten (facts of issue 3, section C). On one loop none fails.
"""

from collections.abc import Iterator, Sequence

from transforms.facts import Function, by_place
from transforms.hazards.finding import Finding, module_binding
from transforms.index import Index
from transforms.reach import Reach
from transforms.values import External

_LOCKS = {f"asyncio.{name}" for name in ("Lock", "Semaphore", "BoundedSemaphore", "Condition", "Event", "Queue", "LifoQueue", "PriorityQueue")}
_CLIENTS = {
    "httpx.AsyncClient", "httpx2.AsyncClient", "aiohttp.ClientSession", "redis.asyncio.Redis", "redis.asyncio.from_url", "redis.asyncio.client.Redis", "redis.asyncio.Redis.from_url",
    "sqlalchemy.ext.asyncio.create_async_engine", "motor.motor_asyncio.AsyncIOMotorClient", "asyncpg.create_pool",
}  # fmt: skip


def find(index: Index, reach: Reach, own: Sequence[Function]) -> Iterator[Finding]:
    """In async functions that Flask calls, unless the application puts all its views on one loop."""
    if index.resolver.names.uses("one_loop") or index.resolver.names.uses("async_to_sync"):
        return
    for function in own:
        handler = index.registry.handlers.get(function)
        if handler is None or not handler.awaited or not function.is_async:
            continue
        for step in sorted(_awaited(reach, function), key=by_place):
            yield from _uses(index, function, step)


def _awaited(reach: Reach, function: Function) -> set[Function]:
    """The handler and the async functions that it surely calls."""
    return {item for item in reach.proved(function) if item.is_async}


def _uses(index: Index, handler: Function, step: Function) -> Iterator[Finding]:
    seen = set()
    for reference in [*step.references, *step.managers]:
        binding = module_binding(index, reference.node, reference.scope)
        made = binding.node if binding is not None and binding.kind == "assign" else None
        name = _made_by(index, made, step) if made is not None else ""
        if name and name not in seen:
            seen.add(name)
            text = getattr(reference.node, "id", "")
            way = "" if step is handler else f", through {step.name}"
            what = "waits on" if name in _LOCKS else "uses"
            reason = (
                f"the view {what} `{text}` ({name}), which belongs to the loop that used it first{way}, and Flask runs each async view on a loop of its own"
            )
            yield Finding(step, reference.node, "T510", reason, text)


def _made_by(index: Index, made: object, step: Function) -> str:
    func = getattr(made, "func", None)
    value = index.resolver.value(func, step.module.scope) if func is not None else None
    return value.name if isinstance(value, External) and value.name in _LOCKS | _CLIENTS else ""
