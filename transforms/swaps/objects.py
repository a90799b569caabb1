"""Classes of which the application makes a fixed number of objects: in a module, or where it makes the Flask object.

What such an object keeps lives as long as the process. An object that a request makes is gone with it, and whatever was
made for it on the event loop would never be closed.
"""

import ast
from collections.abc import Iterator

from transforms.facts import Call, Class, Function, first_parameter
from transforms.host.objects import flask_objects
from transforms.index import Index
from transforms.layout import is_test
from transforms.values import ClassValue


def family_of(index: Index, home: Class) -> list[Class]:
    """The class, all that derive from it, and all that these derive from: whose methods may run on such an object."""
    classes = index.resolver.classes
    return list(dict.fromkeys(item for member in [home, *classes.descendants(home)] for item in classes.lineage(member)))


def made_by_requests(index: Index, home: Class) -> str:
    """Where an object of the class is made that may not be one of a fixed number; empty when nowhere."""
    kinds = [home, *index.resolver.classes.descendants(home)]
    factories = {made.function for made in flask_objects(index)}
    for kind in kinds:
        for owner, use in index.resolver.names.everywhere(kind.name):
            value = index.resolver.value(use.named, use.scope)
            where = f"{owner.module.path}:{use.named.lineno}"
            if value is None or value == ClassValue(kind) and not isinstance(use, Call) and not _is_only_named(owner, use.node, use.base):
                return f"{where}: {ast.unparse(use.named)} is used as a value, and may make more objects of {kind.name}"
            if value == ClassValue(kind) and isinstance(use, Call) and not (owner.kind == "module" or owner in factories or is_test(owner.module.path)):
                return f"{where} makes an object of {kind.name} each time that {owner.name} runs: their clients would never be closed"
    return next((reason for kind in family_of(index, home) for reason in _made_by_themselves(index, kind, set(kinds))), "")


def _is_only_named(owner: Function, node: ast.expr, base: bool) -> bool:
    """Whether the class is named as a base, in an annotation or `isinstance`, or for one of its members."""
    child: ast.AST = node
    for parent in owner.module.ancestors(node):
        if child in (getattr(parent, "annotation", None), getattr(parent, "returns", None)):
            return True
        if isinstance(parent, ast.stmt):
            break
        child = parent
    parent = owner.module.parents.get(node)  # type: ignore[assignment]
    looked_at = isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name) and parent.func.id in ("isinstance", "issubclass")
    return base or looked_at or isinstance(parent, ast.ClassDef)


def _made_by_themselves(index: Index, cls: Class, kinds: set[Class]) -> Iterator[str]:
    """`cls()` and `type(self)()` in methods of the class."""
    for method in cls.methods.values():
        for call in method.calls:
            value = index.resolver.value(call.node.func, call.scope)
            named = (
                isinstance(value, ClassValue) and value.cls in kinds and isinstance(call.node.func, ast.Name) and call.node.func.id == first_parameter(method)
            )
            if named or isinstance(call.node.func, ast.Call):
                yield f"{cls.module.path}:{call.node.lineno} may make more objects of {cls.name}: their clients would never be closed"
