"""What an expression can be proved to be. `None` stands for unknown, and unknown is never guessed at."""

from dataclasses import dataclass

from transforms.facts import Class, Function


@dataclass(frozen=True)
class ModuleValue:
    """A module of the project: its file, or its folder with a trailing slash for a namespace package."""

    path: str


@dataclass(frozen=True)
class External:
    """Something from outside the project, by dotted name; `instance` when it is an object of the type so named.

    `loose`: only where it comes from is known. It may be an object of the project that came back from there.
    """

    name: str
    instance: bool = False
    loose: bool = False


@dataclass(frozen=True)
class FunctionValue:
    """A function of the project; `receiver` is the class whose instance or self it is bound to."""

    function: Function
    receiver: Class | None = None


@dataclass(frozen=True)
class ClassValue:
    """A class of the project."""

    cls: Class


@dataclass(frozen=True)
class Instance:
    """An object of a class of the project, or of a subclass of it."""

    cls: Class


Value = ModuleValue | External | FunctionValue | ClassValue | Instance | None
NOTHING = External("builtins.NoneType", True)


def may_be_ours(value: Value) -> bool:
    """Whether an object of the project may stand behind it that is not named here."""
    return value is None or (isinstance(value, External) and value.loose)
