"""Whether a call fits a function's signature: what an unknown receiver's method may be."""

import ast
from dataclasses import dataclass

from transforms.facts import Function, FunctionNode, last_name


@dataclass(frozen=True)
class Shape:
    """How a call looks: the number of positional arguments and the keywords; None where `*` or `**` hides them."""

    positional: int
    keywords: frozenset[str | None]


@dataclass(frozen=True)
class Signature:
    """What a function takes when it is called on its object; `names` is None when it takes anything."""

    names: frozenset[str] | None
    positional: int
    more_positional: bool
    more_keywords: bool

    def takes(self, shape: Shape | None) -> bool:
        """Whether a call of that shape may be a call of the function."""
        if shape is None or self.names is None:
            return True
        if shape.positional > self.positional and not self.more_positional:
            return False
        return self.more_keywords or shape.keywords <= self.names


def shape_of(call: ast.Call) -> Shape | None:
    """The shape of the call; None when it cannot be told."""
    if any(isinstance(item, ast.Starred) for item in call.args) or any(item.arg is None for item in call.keywords):
        return None
    return Shape(len(call.args), frozenset(item.arg for item in call.keywords))


def signature_of(function: Function) -> Signature:
    """The function's signature; a method is taken as bound."""
    static = "staticmethod" in {last_name(item) for item in function.decorators}
    if not isinstance(function.node, FunctionNode) or static or (function.decorators and not function.cls):
        return Signature(None, 0, True, True)
    arguments = function.node.args
    names = [item.arg for item in [*arguments.posonlyargs, *arguments.args]][1 if function.cls else 0 :]
    keywords = frozenset([*names, *(item.arg for item in arguments.kwonlyargs)])
    return Signature(keywords, len(names), bool(arguments.vararg), bool(arguments.kwarg))


def fits(call: ast.Call, function: Function, unbound: bool = False) -> bool:
    """Whether the function's signature takes the call's arguments; a method is taken as bound, or its first argument as its object."""
    shape = shape_of(call)
    if unbound and shape and shape.positional:
        shape = Shape(shape.positional - 1, shape.keywords)
    return signature_of(function).takes(shape)
