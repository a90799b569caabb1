"""What a call of code outside the project gives, where the catalogue does not say so.

A class gives an object of it. Any other function may give back what it was given, or what it found in a container: an
object of the project. So what it gives is loose, unless it is known to be plain.
"""

from transforms.values import External

_PLAIN_TYPES = {"str", "bytes", "bytearray", "int", "float", "complex", "bool", "range", "slice", "memoryview", "NoneType"}
_PLAIN = {
    "abs", "all", "any", "ascii", "bin", "callable", "chr", "dir", "divmod", "format", "hasattr", "hash", "hex", "id", "input", "isinstance",
    "issubclass", "len", "oct", "open", "ord", "pow", "print", "repr", "round",
}  # fmt: skip
_CONTAINERS = {"dict", "list", "set", "tuple", "frozenset", "sorted", "reversed", "enumerate", "filter", "iter", "map", "zip", "type", "object", "super"}

# Names of libraries that stand for an object of the project: the user that its loader gives.
STANDING_FOR_OURS = {
    "flask_login.current_user", "flask_security.current_user", "flask_jwt_extended.current_user", "flask_praetorian.current_user",
    "flask_login.utils.current_user", "flask_jwt.current_identity",
}  # fmt: skip


def outcome(name: str, loose: bool = False) -> External:
    """What calling the function or class of that dotted name gives; loose where that, or what is called, may be the project's."""
    last = name.rpartition(".")[2]
    if name.startswith("builtins."):
        owner, _, method = name.removeprefix("builtins.").partition(".")
        given = owner in _PLAIN_TYPES | _PLAIN if method else owner in _PLAIN_TYPES | _PLAIN | _CONTAINERS or owner[:1].isupper()
        return External(f"{name}()", True, loose or not given)
    return External(f"{name}()", True, loose or not last[:1].isupper())
