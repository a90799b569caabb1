"""Threads and context: what is wrong, or will be, where code is async already. Found by `audit`, never changed.

Only what can be proved, or is a well-defined pattern, is a finding: objects whose type is not known give none. Each module
knows one family; all of them look only at code that may be edited, tests left out.
"""

from collections.abc import Iterator

from transforms.facts import Function
from transforms.hazards import bound, loops, races, shared, waits
from transforms.hazards.finding import Finding
from transforms.index import Index
from transforms.judge import is_own
from transforms.model import Decision, Settings, Verdict
from transforms.reach import Reach
from transforms.suppression import left

_FINDERS = (bound.find, waits.find, races.find, loops.find, shared.find)


def hazards(index: Index, settings: Settings) -> list[Decision]:
    """Every finding that no comment and no setting leaves, by path and line; `refuse` means that a person should look."""
    own = list(_own(index))
    reach = Reach(index.graph)
    found = {item for find in _FINDERS for item in find(index, reach, own)}
    return sorted({_decision(item) for item in found if not left(index, settings, item.function, item.node, item.code)})


def _own(index: Index) -> Iterator[Function]:
    for path in sorted(index.modules):
        module = index.modules[path]
        yield from (function for function in [module.body, *module.functions] if is_own(index, function))


def _decision(item: Finding) -> Decision:
    function = item.function
    symbol = function.qualname if function.kind != "module" else ""
    return Decision(function.module.path, getattr(item.node, "lineno", function.line), symbol, item.code, Verdict.REFUSE, item.reason, subject=item.subject)
