"""`asgi.py`: the application for an ASGI server, and which of its views run on the server's own loop."""

import ast
from dataclasses import replace

from transforms.facts import last_name
from transforms.host.names import CLASS, MODULE, holds_asgi
from transforms.host.objects import flask_objects, host_module
from transforms.host.source import asgi_source
from transforms.index import Index
from transforms.model import Decision, Verdict
from transforms.planning import Plan
from transforms.server.application import Application, flask_applications
from transforms.server.around import Around, around
from transforms.server.onto_asgi import GUNICORN
from transforms.server.served import Served
from transforms.server.starting import COMMANDS_IN

FILE, NAME, LIST = "asgi.py", "application", "ON_LOOP"


def serve(index: Index, result: Plan, support: str, one_loop: str) -> Served | None:
    """Plan `asgi.py` and its support module; None where neither stands there nor can be written.

    `support` is the path of the module with the loop on which all async views run, empty when they run on Flask's own;
    `one_loop` the group that is about to write it, empty when it stands there.
    """
    found = flask_applications(index)
    if not found:
        for made in flask_objects(index)[:1]:
            result.decide(made.function, made.line, "S409", Verdict.REFUSE, "no Flask object at module level and no factory without arguments is seen")
        return None
    app = next((item for item in found if _path(index, item) in index.project.editable), found[0])
    path = _path(index, app)
    folder = path.rpartition("/")[0]
    where, module = _beside(folder, FILE), _beside(folder, f"{MODULE}.py")
    served = Served(app.name, f"{index.layout.module_name(where)}:{NAME}")
    if where in index.project.python:
        _standing(index, result, where, support)
        return replace(served, saves=bool(_listed(index.modules[where].tree))) if _is_ours(index, where) else None
    obstacle = _obstacle(index, path, module)
    if obstacle:
        result.decisions.append(Decision(path, 1, "", "S409", Verdict.REFUSE, obstacle))
        return None
    group = one_loop or f"{result.stage}:asgi"
    proved = around(index) if support else Around((), (), ())
    result.created[where] = (_source(index, app, served, module, support, proved), {group})
    if module not in index.project.python:
        result.created[module] = (asgi_source(), {group})
    _decide(result, path, group, served, support, proved)
    served = replace(served, saves=bool(proved.names))
    for need in ["greenlet"] * bool(proved.names) + ["uvicorn[standard]"] * (not _has_server(index)):
        result.need(need, group)
    return served


def _path(index: Index, app: Application) -> str:
    return index.layout.under(app.folder, app.name.partition(":")[0]) or ""


def _beside(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _obstacle(index: Index, path: str, module: str) -> str:
    if path not in index.project.editable:
        return f"{path}, which makes the Flask object, lies outside the folder that was named: name one that holds it too"
    if module in index.project.python and not holds_asgi(module, index.project.python[module]):
        return f"{module} exists already and holds something else"
    return ""


def _decide(result: Plan, path: str, group: str, served: Served, support: str, proved: Around) -> None:
    how = "views that are proved harmless run on its loop" if proved.names else "each request has a thread"
    result.decisions.append(Decision(path, 1, "", "S406", Verdict.CHANGE, f"`uvicorn {served.name}` serves it: {how}", group))
    if not support:
        result.decisions.append(Decision(path, 1, "", "S407", Verdict.LEAVE, "async views run on Flask's own loops"))
    for doubt in [*proved.everywhere, *proved.views]:
        result.decide(doubt.function, doubt.line, "S407", Verdict.LEAVE, doubt.reason)


def _source(index: Index, app: Application, served: Served, module: str, support: str, proved: Around) -> str:
    """The text of `asgi.py`."""
    home, _, name = app.name.partition(":")
    name, call = name.removesuffix("()"), "()" if name.endswith("()") else ""
    alias = "flask_app" if name in (NAME, CLASS) else name
    lines = [f"from {home} import {name}" + (f" as {alias}" if alias != name else ""), f"from {index.layout.module_name(module)} import {CLASS}"]
    given = [f"{alias}{call}"]
    if support:
        package, _, own = index.layout.module_name(support).rpartition(".")
        lines.append(f"from {package} import {own}" if package else f"import {own}")
        given.append(own)
    text = f'"""The application for an ASGI server: `uvicorn {served.name}`."""\n\n' + "\n".join(sorted(lines, key=_import_order)) + "\n\n"
    if proved.names:
        text += "# Async views, and what may run around them: nothing in them blocks, so they need no thread. Take out what no longer fits.\n"
        text += f"{LIST} = (\n" + "".join(f'    "{item}",\n' for item in proved.names) + ")\n\n"
        given.append(f"on_loop={LIST}")
    else:
        text += f"# Each request has a thread: {_why(support, proved)}\n"
    return f"{text}{NAME} = {CLASS}({', '.join(given)})\n"


def _import_order(line: str) -> tuple[bool, str]:
    return line.startswith("from"), line


def _why(support: str, proved: Around) -> str:
    """One line for the comment: the first reason, with its place."""
    if not support:
        return "async views run on Flask's own loops (S407)."
    for doubt in [*proved.everywhere, *proved.views]:
        return f"{doubt.function.module.path}:{doubt.line}: {doubt.reason} (S407)."[:130]
    return "no async view is seen (S407)."


def _is_ours(index: Index, where: str) -> bool:
    module = index.modules.get(where)
    return bool(module) and any(last_name(call.node.func) == CLASS for call in module.body.calls) if module else False


def _standing(index: Index, result: Plan, where: str, support: str) -> None:
    """What is to be said of an `asgi.py` that is there."""
    module = index.modules.get(where)
    if module is None or not _is_ours(index, where):
        result.decisions.append(Decision(where, 1, "", "S409", Verdict.REFUSE, f"{where} exists already and holds something else"))
        return
    listed = _listed(module.tree)
    proved = set(around(index).names) if listed and support else set()
    for name, line in listed.items():
        if name not in proved:
            reason = f"{name} is not proved to be harmless there, or something else around it is not"
            result.decisions.append(Decision(where, line, "", "S408", Verdict.REFUSE, reason, subject=name))


def _listed(tree: ast.Module) -> dict[str, int]:
    """The names in `ON_LOOP`, or in the argument `on_loop`, with their lines."""
    values = [node.value for node in ast.walk(tree) if isinstance(node, ast.Assign) and any(last_name(item) == LIST for item in node.targets)]
    values += [node.value for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == "on_loop"]
    texts = [node for value in values for node in ast.walk(value) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return {str(node.value): node.lineno for node in texts}


def _has_server(index: Index) -> bool:
    """Whether the project has a server that can serve it: an ASGI server, or gunicorn from 25 on."""
    if any(index.requirements.has(name) for name in ("uvicorn", "hypercorn", "granian")):
        return True
    asked = index.requirements.find("gunicorn")
    used = any(COMMANDS_IN.search(path) and "gunicorn" in text for path, text in index.project.metadata.items())
    return bool(asked or used) and not any(item.excludes_from(GUNICORN) for item in asked)


def support_of(index: Index, result: Plan, one_loop: str) -> tuple[str, str]:
    """The path of the module with the one loop, and the group that is about to write it (empty when it stands there)."""
    standing = host_module(index)
    if standing:
        return standing, ""
    written = [path for path, (_, groups) in result.created.items() if one_loop in groups] + [
        path for path, (_, group) in result.replaced.items() if group == one_loop
    ]
    hooked = any(change.group == one_loop for change in result.changes)
    return (written[0], one_loop) if hooked and len(written) == 1 else ("", "")
