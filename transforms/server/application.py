"""How a server names the application: `module:name` of a Flask object, or `module:factory()`."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from transforms.facts import Function, ModuleFacts
from transforms.index import Index
from transforms.layout import is_test
from transforms.server.starting import COMMANDS_IN
from transforms.values import External, FunctionValue, Instance

_SERVER = r"(?:gunicorn|uvicorn|hypercorn|waitress-serve|granian)"
_NAMED = re.compile(_SERVER + r"""\b[^\n]*?["'\s]((?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*:[A-Za-z_]\w*(?:\(\))?)(?=["'\s\]),]|$)""")
_FIRST = ("wsgi", "app", "application", "main", "run", "server", "manage")
_FLASK = ("flask.Flask", "flask.app.Flask")


@dataclass(frozen=True)
class Application:
    """`name` as a server takes it; `folder` must be on `sys.path`, relative to the project's root."""

    name: str
    folder: str


def applications(index: Index) -> list[Application]:
    """Every way in which a server can load the application, the likeliest first.

    First what the project's own start files name; then Flask objects at module level, modules with the usual names and
    those at the top of the project first; then factories that need no argument.
    """
    texts = [text for path, text in sorted(index.project.metadata.items()) if COMMANDS_IN.search(path)]
    started = [found for text in texts for name in _NAMED.findall(text) if (found := _named(index, name))]
    own = [module for path, module in index.modules.items() if not is_test(path) and not path.startswith("..")]
    modules = sorted(own, key=_rank)
    made = [item for module in modules for item in _objects(index, module)] or [item for module in modules for item in _factories(index, module)]
    return list(dict.fromkeys([*started, *made]))


def flask_applications(index: Index) -> list[Application]:
    """Those of which it is proved that they are a Flask object, or a factory that needs no argument and returns one."""
    return [item for item in applications(index) if _is_proved(index, item)]


def _is_proved(index: Index, item: Application) -> bool:
    module, _, name = item.name.partition(":")
    facts = index.modules.get(index.layout.under(item.folder, module) or "")
    if facts is None:
        return False
    value = index.resolver.name(name.removesuffix("()"), facts.scope)
    if not name.endswith("()"):
        return _is_flask(index, value)
    return isinstance(value, FunctionValue) and _needs_nothing(value.function) and _returns_flask(index, value.function)


def _rank(module: ModuleFacts) -> tuple[int, int, str]:
    name = module.path.rpartition("/")[2].removesuffix(".py")
    return (_FIRST.index(name) if name in _FIRST else len(_FIRST), module.path.count("/"), module.path)


def _named(index: Index, name: str) -> Application | None:
    module, _, attribute = name.partition(":")
    path = index.layout.find(module, "") or ""
    facts = index.modules.get(path)
    if facts is None or attribute.removesuffix("()") not in facts.scope.bindings:
        return None
    inner = path.removesuffix("/__init__.py").removesuffix(".py")
    return Application(name, inner.removesuffix(module.replace(".", "/")).rstrip("/"))


def _objects(index: Index, module: ModuleFacts) -> Iterator[Application]:
    for name, bindings in module.scope.bindings.items():
        assigned = all(binding.kind in ("assign", "annotation") for binding in bindings)
        if assigned and _is_flask(index, index.resolver.name(name, module.scope)):
            yield _application(index, module, name)


def _factories(index: Index, module: ModuleFacts) -> Iterator[Application]:
    for function in module.functions:
        if function.outer is module.body and function.kind == "function" and not function.cls and _needs_nothing(function) and _returns_flask(index, function):
            yield _application(index, module, f"{function.name}()")


def _application(index: Index, module: ModuleFacts, name: str) -> Application:
    return Application(f"{index.layout.module_name(module.path)}:{name}", index.layout.root_of(module.path))


def _needs_nothing(function: Function) -> bool:
    if not isinstance(function.node, ast.FunctionDef):
        return False
    arguments = function.node.args
    required = len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults)
    return required == 0 and all(default is not None for default in arguments.kw_defaults)


def _returns_flask(index: Index, function: Function) -> bool:
    return bool(function.returns) and all(_is_flask(index, index.resolver.value(item, function.scope)) for item in function.returns)


def _is_flask(index: Index, value: object) -> bool:
    if isinstance(value, Instance):
        return any(base is not None and base.name in _FLASK for base in index.resolver.classes.external_bases(value.cls))
    return isinstance(value, External) and value.instance and value.name in _FLASK
