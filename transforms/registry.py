"""What Flask calls: views, hooks, error handlers, class-based views, and the slots that Flask does not await."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from transforms.environment import put_into_templates
from transforms.facts import Call, Class, Function, arguments_of, imported_package, last_name
from transforms.resolve import Resolver
from transforms.values import External, FunctionValue, Value

HTTP_METHODS = frozenset({"get", "post", "put", "delete", "patch", "head", "options", "trace"})
_APPS = ("flask.Flask", "flask.Blueprint")
_AWAITED = {
    "route": "view", "get": "view", "post": "view", "put": "view", "delete": "view", "patch": "view", "endpoint": "view", "add_url_rule": "view",
    "before_request": "hook", "after_request": "hook", "before_app_request": "hook", "after_app_request": "hook",
    "errorhandler": "error handler", "app_errorhandler": "error handler", "register_error_handler": "error handler",
}  # fmt: skip
_NOT_AWAITED = {
    "teardown_request": "teardown hook", "teardown_appcontext": "teardown hook", "teardown_app_request": "teardown hook",
    "before_first_request": "first-request hook", "before_app_first_request": "first-request hook",
    "template_filter": "template filter", "app_template_filter": "template filter", "add_template_filter": "template filter", "add_app_template_filter": "template filter",
    "template_global": "template global", "app_template_global": "template global", "add_template_global": "template global", "add_app_template_global": "template global",
    "template_test": "template test", "app_template_test": "template test", "add_template_test": "template test", "add_app_template_test": "template test",
    "context_processor": "context processor", "app_context_processor": "context processor",
    "url_value_preprocessor": "URL processor", "app_url_value_preprocessor": "URL processor", "url_defaults": "URL processor", "app_url_defaults": "URL processor",
    "shell_context_processor": "shell context processor", "record": "blueprint record", "record_once": "blueprint record",
}  # fmt: skip
_LOADERS = {
    "flask_login.LoginManager": ("user_loader", "request_loader", "unauthorized_handler", "needs_refresh_handler", "header_loader"),
    "flask_jwt_extended.JWTManager": (
        "user_identity_loader", "user_lookup_loader", "token_in_blocklist_loader", "expired_token_loader", "invalid_token_loader", "unauthorized_loader",
        "additional_claims_loader", "needs_fresh_token_loader", "revoked_token_loader", "user_lookup_error_loader", "token_verification_loader",
    ),
}  # fmt: skip
_VIEW_CLASSES = {"flask.views.MethodView": "method", "flask.views.View": "dispatch"}
_RESOURCES = {"flask_restful.Resource": "Flask-RESTful", "flask_restx.Resource": "Flask-RESTX", "flask_restplus.Resource": "Flask-RESTPlus"}
RENDERING = (
    "flask.render_template", "flask.render_template_string", "flask.stream_template", "flask.stream_template_string", "flask.flash", "flask.get_template_attribute",
)  # fmt: skip
_DATABASES = {"sqlite3", "sqlalchemy", "flask_sqlalchemy", "peewee", "pony", "psycopg2", "MySQLdb", "pymysql", "pyodbc", "cx_Oracle", "oracledb"}


@dataclass(frozen=True)
class Handler:
    """A function that Flask calls. `slot` is what it is registered as; `awaited` whether Flask awaits it there."""

    function: Function
    slot: str
    awaited: bool
    endpoint: str
    registrations: tuple[ast.AST, ...] = ()
    why_not: str = ""


@dataclass(frozen=True)
class Registry:
    """All handlers of a project, and what runs where no call is written (`current_user`, `render_template`)."""

    handlers: Mapping[Function, Handler]
    implicit: Mapping[str, tuple[Function, ...]]
    unknown: tuple[tuple[Function, ast.AST], ...]
    flask_overrides: tuple[Function, ...]
    async_rendering: str = ""
    has_connections: bool = False


def find_handlers(resolver: Resolver) -> Registry:
    """Everything that is registered with Flask, in path and line order."""
    return _Finder(resolver).run()


class _Finder:
    def __init__(self, resolver: Resolver) -> None:
        self.resolver = resolver
        self.handlers: dict[Function, Handler] = {}
        self.implicit: dict[str, list[Function]] = {}
        self.unknown: list[tuple[Function, ast.AST]] = []
        self.overrides: list[Function] = []

    def run(self) -> Registry:
        for path in sorted(self.resolver.modules):
            module = self.resolver.modules[path]
            for function in module.functions:
                self.decorated(function)
            for owner in [module.body, *module.functions]:
                self.called(owner)
            for cls in module.classes:
                self.view_class(cls)
        for function in put_into_templates(self.resolver):
            for template in RENDERING:
                self.implicit.setdefault(template, []).append(function)
        implicit = {name: tuple(functions) for name, functions in self.implicit.items()}
        return Registry(self.handlers, implicit, tuple(self.unknown), tuple(self.overrides), self.async_rendering(), self.has_connections())

    def async_rendering(self) -> str:
        """What makes rendering a template start an event loop: async context processors, async signal receivers."""
        for function, handler in self.handlers.items():
            if function.is_async and handler.slot == "context processor":
                return f"an async context processor ({function.place})"
        for module in self.resolver.modules.values():
            for function in module.functions:
                if function.is_async and any(last_name(item) in ("connect", "connect_via") for item in function.decorators):
                    return f"an async signal receiver ({function.place})"
        for _, use in self.resolver.names.uses("connect"):
            argument = use.node.args[0] if isinstance(use, Call) and use.node.args else None
            value = self.resolver.value(argument, use.scope)
            if isinstance(value, FunctionValue) and value.function.is_async:
                return f"an async signal receiver ({value.function.place})"
        return ""

    def has_connections(self) -> bool:
        """Whether the project opens databases, so that an object of unknown type may be a connection."""
        return any(imported_package(item) in _DATABASES for module in self.resolver.modules.values() for _, item in module.imported())

    def add(self, function: Function, slot: str, awaited: bool, endpoint: str, node: ast.AST | None = None, why_not: str = "") -> None:
        known = self.handlers.get(function)
        registrations = (known.registrations if known else ()) + ((node,) if node is not None else ())
        if known and not known.awaited:
            slot, awaited, why_not = known.slot, known.awaited, known.why_not
        self.handlers[function] = Handler(function, slot, awaited, known.endpoint if known else endpoint, registrations, why_not)
        if slot in ("context processor", "template global", "template filter", "template test"):
            for template in RENDERING:
                self.implicit.setdefault(template, []).append(function)

    def slot_of(self, value: Value) -> tuple[str, bool, str] | None:
        """The slot that a registering method fills: its name, whether Flask awaits it, the method."""
        if not isinstance(value, External) or value.instance:
            return None
        owner, _, method = value.name.replace("()", "").rpartition(".")
        owner = _RENAMED.get(owner, owner)
        if owner in _APPS and method in _AWAITED:
            return _AWAITED[method], True, method
        if owner in _APPS and method in _NOT_AWAITED:
            return _NOT_AWAITED[method], False, method
        if method in _LOADERS.get(owner, ()):
            return "loader", False, method
        return None

    def decorated(self, function: Function) -> None:
        scope = function.scope.parent
        assert scope is not None
        for decorator in function.decorators:
            target = decorator.func if isinstance(decorator, ast.Call) else decorator
            value = self.resolver.value(target, scope)
            slot = self.slot_of(value)
            if slot:
                self.register(function, slot, decorator, target)
            elif isinstance(target, ast.Attribute) and self.may_register(value, target.attr):
                self.unknown.append((function, decorator))

    @staticmethod
    def may_register(value: Value, method: str) -> bool:
        """Whether an object of unknown type seems to register a handler."""
        if value is None:
            return method in _CALLED or method in HTTP_METHODS - {"patch", "head", "options", "trace"}
        return isinstance(value, External) and not value.instance and method in ("route", "before_request", "after_request", "errorhandler")

    def register(self, function: Function, slot: tuple[str, bool, str], node: ast.AST, target: ast.expr) -> None:
        name, awaited, method = slot
        if method in ("user_loader", "request_loader"):
            self.implicit.setdefault("flask_login.current_user", []).append(function)
        why_not = "" if awaited else _why_not(name)
        self.add(function, name, awaited, self.endpoint(function, node, target), node, why_not)

    def endpoint(self, function: Function, node: ast.AST, target: ast.expr) -> str:
        explicit = next((_text(item.value) for item in getattr(node, "keywords", []) if item.arg == "endpoint"), None)
        name = explicit or function.name
        scope = function.scope.parent
        maker = self._maker(target.value, function) if isinstance(target, ast.Attribute) and scope else None
        prefix = _text(maker.args[0]) if maker and maker.args else None
        return f"{prefix}.{name}" if prefix else name

    def _maker(self, receiver: ast.expr, function: Function) -> ast.Call | None:
        """The `Blueprint("name", …)` call behind the receiver, when it is bound once."""
        scope = function.scope.parent
        if not isinstance(receiver, ast.Name) or scope is None:
            return None
        bindings = self.resolver.bindings(receiver.id, scope)
        node = bindings[0].node if len(bindings) == 1 else None
        return node if isinstance(node, ast.Call) and last_name(node.func) == "Blueprint" else None

    def called(self, owner: Function) -> None:
        for call in owner.calls:
            if last_name(call.node.func) not in _CALLED:
                continue
            made = call.node.func.func if isinstance(call.node.func, ast.Call) else call.node.func  # app.route("/x")(view)
            slot = self.slot_of(self.resolver.value(made, call.scope))
            if slot:
                for argument in arguments_of(call.node):
                    value = self.resolver.value(argument, call.scope)
                    if isinstance(value, FunctionValue) and value.function.kind == "function":
                        self.register(value.function, slot, argument, made)
            elif isinstance(made, ast.Attribute) and self.may_register(self.resolver.value(made, call.scope), made.attr):
                self.maybe_registered(call)

    def maybe_registered(self, call: Call) -> None:
        """`app.before_request(f)` on an `app` of unknown type."""
        for argument in arguments_of(call.node):
            value = self.resolver.value(argument, call.scope)
            if isinstance(value, FunctionValue) and value.function.kind == "function":
                self.unknown.append((value.function, call.node))
            elif value is None and isinstance(argument, ast.Attribute):
                self.unknown += [(method, call.node) for method in self.resolver.names.methods(argument.attr)]  # overridden: which one is not known

    def view_class(self, cls: Class) -> None:
        names = set(self.external_names(cls))
        if names & {"flask.Flask", "flask.Blueprint"}:
            self.overrides += [cls.methods[name] for name in _DISPATCHING if name in cls.methods]
        for base, kind in _VIEW_CLASSES.items():
            if base in names:
                for function in self.view_methods(cls, kind):
                    self.add(function, "class-based view", True, f"{cls.name}.{function.name}")
                return
        for base, title in _RESOURCES.items():
            if base in names:
                for function in self.view_methods(cls, "method"):
                    self.add(function, "resource", False, f"{cls.name}.{function.name}", None, f"{title} does not await the methods of a Resource")

    def external_names(self, cls: Class) -> Iterator[str]:
        """Dotted names of the bases from outside, in the spelling of the catalogue."""
        for base in self.resolver.classes.external_bases(cls):
            if base is not None:
                yield _RENAMED.get(base.name, base.name)

    @staticmethod
    def view_methods(cls: Class, kind: str) -> list[Function]:
        wanted = HTTP_METHODS if kind == "method" else {"dispatch_request"}
        return [function for name, function in cls.methods.items() if name in wanted]


_CALLED = {*_AWAITED, *_NOT_AWAITED, *(name for names in _LOADERS.values() for name in names)} - HTTP_METHODS
_DISPATCHING = (
    "dispatch_request",
    "full_dispatch_request",
    "ensure_sync",
    "async_to_sync",
    "preprocess_request",
    "process_response",
    "wsgi_app",
    "add_url_rule",
    "route",
    "endpoint",
)
_RENAMED = {
    "flask_restful.reqparse.Resource": "flask_restful.Resource", "flask_restx.resource.Resource": "flask_restx.Resource",
    "flask_login.login_manager.LoginManager": "flask_login.LoginManager", "flask_jwt_extended.jwt_manager.JWTManager": "flask_jwt_extended.JWTManager",
    "flask.app.Flask": "flask.Flask", "flask.blueprints.Blueprint": "flask.Blueprint",
    # Subclasses in libraries that register as Flask does and leave awaiting to it (APIFlask 0.12 to 3.1, flask-smorest 0.40 to 0.47 read).
    "apiflask.APIFlask": "flask.Flask", "apiflask.app.APIFlask": "flask.Flask",
    "apiflask.APIBlueprint": "flask.Blueprint", "apiflask.blueprint.APIBlueprint": "flask.Blueprint",
    "flask_smorest.Blueprint": "flask.Blueprint", "flask_smorest.blueprint.Blueprint": "flask.Blueprint",
    "apiflask.views.MethodView": "flask.views.MethodView", "apiflask.views.View": "flask.views.View",
}  # fmt: skip


def is_registration(name: str) -> bool:
    """Whether the dotted name is a method of an application or blueprint that registers a handler."""
    owner, _, method = name.replace("()", "").rpartition(".")
    return _RENAMED.get(owner, owner) in _APPS and (method in _AWAITED or method in _NOT_AWAITED)


def _why_not(slot: str) -> str:
    if slot == "teardown hook":
        return "a teardown hook also runs when a context is popped inside a running event loop, where Flask cannot await it"
    if slot == "context processor":
        return "a context processor that is async fails whenever an async view renders a template"
    if slot == "loader":
        return "the extension calls its loaders and does not await them: a coroutine would count as a user, or as true"
    return f"Flask calls a {slot} and does not await it"


def _text(node: ast.AST) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
