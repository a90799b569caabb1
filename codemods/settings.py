"""The user's options as the settings of the stages."""

from codemods.console import fail


def python_version(text: str | None) -> tuple[int, int] | None:
    """`3.9` as (3, 9); ends the program with a sentence for anything else."""
    if text is None:
        return None
    major, dot, minor = text.partition(".")
    if not (dot and major.isdigit() and minor.isdigit()):
        fail(f"--python takes a version such as 3.9, not {text!r}")
    return int(major), int(minor)
