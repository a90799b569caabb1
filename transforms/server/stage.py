"""Stage server: one event loop for all async views of a process, where nothing that blocks is left in any of them.

It writes the support module into the application, adds one line where each Flask object is made, and changes a command
that serves a Flask application in a way that breaks it. It does not hook an application of which one async view may
block: there Flask's own loops, one for each view, are the better host, and every site is named.
"""

from transforms.host.source import holds_host, source
from transforms.index import Index
from transforms.judge import stopped
from transforms.model import Decision, FileChange, Settings, Verdict
from transforms.planning import Change, Plan
from transforms.server.around import around
from transforms.server.asgi import serve, support_of
from transforms.server.blocking import async_handlers, left_on_the_loop
from transforms.server.hook import Made, flask_objects, hook, is_hooked, support_path
from transforms.server.starting import commands

NAME = "server"
GROUP = f"{NAME}:one loop"


def plan(index: Index, settings: Settings) -> Plan:
    """The hook, or every reason against it; and what starts the application."""
    result = Plan(NAME)
    if stopped(index):
        return result
    if async_handlers(index):
        _host(index, result, settings.host)
    served = serve(index, result, *support_of(index, result, GROUP)) if settings.host == "asgi" else None
    for command in commands(index, served):
        group = f"{NAME}:{command.change.path}:{command.line}" if command.change else ""
        verdict = Verdict.CHANGE if command.change else Verdict.LEAVE
        result.decisions.append(Decision(command.path, command.line, "", "S403" if command.change else "S404", verdict, command.reason, group, command.program))
        if command.change:
            result.lines.setdefault(command.path, []).append((command.line, command.change.text, group))
            result.need("gunicorn" if "gunicorn" in command.change.text else command.program, group)
    return result


def _host(index: Index, result: Plan, host: str) -> None:
    left = left_on_the_loop(index)
    made = flask_objects(index)
    hooked = [item for item in made if is_hooked(item)]
    for item in left:
        code, verdict = ("S402", Verdict.REFUSE) if hooked else ("S401", Verdict.LEAVE)
        result.decide(item.function, item.line, code, verdict, item.reason)
    if left or (made and len(hooked) == len(made)):
        return
    obstacle = _old_asgiref(index) or ("" if made else "no place is seen where the project makes its Flask object")
    if obstacle:
        function = async_handlers(index)[0]
        result.decide(function, function.line, "S405", Verdict.REFUSE, obstacle)
        return
    reason = "nothing that blocks is left in any async view: all of them can run on one loop"
    if host != "asgi" and around(index).names:
        reason += "; on an ASGI server they need no threads (`--host asgi`)"
    _hook_all(index, [item for item in made if not is_hooked(item)], result, reason)


def _hook_all(index: Index, made: list[Made], result: Plan, reason: str) -> None:
    """All Flask objects or none: a view of a blueprint may run under each of them."""
    changes: list[Change] = []
    for item in made:
        where, obstacle = support_path(index, item)
        found = obstacle or item.obstacle or hook(index, item, where)
        if isinstance(found, str):
            result.created.clear()
            result.replaced.clear()
            result.decide(item.function, item.line, "S405", Verdict.REFUSE, found)
            return
        edit, needed = found
        changes.append(Change(item.function.module.path, edit, GROUP, (needed,)))
        _write_module(index, where, result)
    result.changes += changes
    result.need("flask[async]", GROUP)
    for item in made:
        result.decide(item.function, item.line, "S400", Verdict.CHANGE, reason, GROUP)


def _write_module(index: Index, where: str, result: Plan) -> None:
    data = index.project.python.get(where)
    if data is None:
        result.created.setdefault(where, (source(), set()))[1].add(GROUP)
    elif not holds_host(data):
        result.replaced[where] = (FileChange(where, data, source().encode()), GROUP)


def _old_asgiref(index: Index) -> str:
    for item in index.requirements.find("asgiref"):
        if any(operator in ("==", "===") and bound < (3, 6) or operator in ("<", "<=") and bound <= (3, 6) for operator, bound in item.clauses):
            return f"{item.source} asks for an asgiref below 3.6, on which one loop for all views was not tested: raise it first"
    return ""
