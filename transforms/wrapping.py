"""How a decorator of the project uses the view, where the adapter below it would not behave as the plain view did.

The adapter is another function with the view's name and signature, and it needs the application's context. So it fails under
a decorator that looks into the view's code, or calls the view where no request is: while the module is loaded, in another
thread, or while the response is already being sent.
"""

import ast
from collections.abc import Iterator

from transforms.facts import Function, last_name

_INSIDE = {"__code__", "__defaults__", "__kwdefaults__", "__closure__", "__globals__"}
_LOOKS = {"getfullargspec", "getargspec", "getclosurevars"}
_THREADS = {"Thread", "Timer", "Process", "submit", "apply_async", "start_new_thread", "run_in_executor", "to_thread", "spawn", "start_background_task"}


def wrapping(taker: Function, name: str, is_wrapper: bool) -> str:
    """Why the adapter would not do below a decorator that takes the view as parameter `name`; empty when it would.

    `is_wrapper`: the function runs at each call of the view, and not when the view is decorated.
    """
    inner = list(_inner(taker))
    called = [holder for holder in [taker, *inner] for call in holder.calls if isinstance(call.node.func, ast.Name) and call.node.func.id == name]
    if taker in called and not is_wrapper:
        return f"calls it while the module is loaded ({taker.place})"
    for holder in [taker, *inner]:
        looks = _looks(holder, name)
        if looks:
            return f"looks into its code ({holder.module.path}:{looks})"
        thread = next((call for call in holder.calls if last_name(call.node.func) in _THREADS), None)
        if thread and (called or holder is not taker):
            return f"may call it in another thread ({holder.module.path}:{thread.node.lineno})"
    sending = next((holder for holder in called if holder.is_generator), None)
    return f"calls it while the response is sent ({sending.place})" if sending else ""


def _inner(function: Function) -> Iterator[Function]:
    for item in function.nested:
        yield item
        yield from _inner(item)


def _looks(holder: Function, name: str) -> int:
    """The line on which it reads `view.__code__` or the like; 0 when it does not."""
    for reference in holder.references:
        node = reference.node
        if isinstance(node, ast.Attribute) and node.attr in _INSIDE:
            return node.lineno
    for call in holder.calls:
        if last_name(call.node.func) in _LOOKS and any(isinstance(item, ast.Name) and item.id == name for item in call.node.args):
            return call.node.lineno
    return 0
