"""Pages of docs/ that come from the code: `python tests/docs_pages.py` writes them, tests compare.

The output under each command of the tutorial is that of a real run.
"""

import ast
import inspect
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from enum import Enum
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, get_args, get_type_hints

import typer

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
sys.path.insert(0, str(ROOT))

if TYPE_CHECKING:
    from transforms.catalogue import Catalogue

_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NOTE = "<!-- Written by `python tests/docs_pages.py`; do not edit. -->\n\n"


def commands_page() -> str:
    """Every command with its options, as the command line knows them."""
    from codemods.cli import app

    text = [f"{_NOTE}# Commands and options\n"]
    for name, call in sorted(_commands(app)):
        described = _paragraph((inspect.getdoc(call) or "").partition("\f")[0])
        text += [f"## {name}\n", f"{described}\n", "| | meaning | default |", "|---|---|---|", *_parameters(call), ""]
    text += ["## Exit codes\n", "| | |", "|---|---|"]
    text += ["| 0 | nothing to do, or done |", "| 1 | with `--check`: something would change |"]
    text += ["| 2 | the tool could not do (all of) its job; the rest was still done |", ""]
    return "\n".join(text)


def _commands(app: typer.Typer, before: str = "") -> Iterator[tuple[str, Callable[..., object]]]:
    for command in app.registered_commands:
        if command.callback and not command.hidden:
            yield before + (command.name or command.callback.__name__), command.callback
    for group in app.registered_groups:
        if group.typer_instance:
            yield from _commands(group.typer_instance, f"{before}{group.name or group.typer_instance.info.name} ")


def _parameters(call: Callable[..., object]) -> Iterator[str]:
    for name, kind in get_type_hints(call, include_extras=True).items():
        annotation, info = (get_args(kind) + (None,))[:2] if hasattr(kind, "__metadata__") else (kind, None)
        if name == "return" or info is None or info.hidden:
            continue
        option = isinstance(info, typer.models.OptionInfo)
        spellings = [item for item in (info.default, *(info.param_decls or ())) if isinstance(item, str) and item.startswith("-")]
        names = ", ".join(f"`{spelling}`" for spelling in spellings or [name.upper()])
        metavar = info.metavar or "|".join(_choices(annotation))
        takes = f" `{metavar.strip('[]')}`" if metavar and option else ""
        cells = [names + takes, _paragraph(info.help), _default(inspect.signature(call).parameters[name].default)]
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _choices(annotation: object) -> list[str]:
    kinds = [annotation, *get_args(annotation)]
    return [str(item.value) for kind in kinds if isinstance(kind, type) and issubclass(kind, Enum) for item in kind]


def _default(value: object) -> str:
    value = value.value if isinstance(value, Enum) else value
    return "" if isinstance(value, bool) or value in (None, [], (), "", inspect.Parameter.empty) else f"`{value}`"


def _paragraph(text: str | None) -> str:
    return " ".join((text or "").split())


def catalogue_page() -> str:
    """Every library that is known, and what is known of it."""
    from transforms.catalogue import parse_library

    folder = resources.files("transforms.catalogue")
    names = sorted((item.name for item in folder.iterdir() if item.name.endswith(".toml")), key=str.lower)
    rows = [_library_row(name.removesuffix(".toml"), parse_library((folder / name).read_text(encoding="utf-8"), name)) for name in names]
    return "\n".join(
        [
            f"{_NOTE}# Libraries that are known\n",
            f"{len(rows)} libraries, each a file of data in `transforms/catalogue/`. A call of a library that is not here is not known to block: the tool leaves it.\n",
            "* **move / leave / refuse**: how many functions and classes may move to a thread by themselves, are better left where they are,"
            " or need their whole block moved with them.",
            "* **bound**: (some of) its work belongs to the thread that began it.",
            "* **swapped for**: the asynchronous forms, where a use is proved equal; besides those of `time.sleep`, `requests`, `httpx` and `httpx2`,"
            " which are code.",
            "* **tested against**: all names, arguments and awaits were compared with the installed library; this says what the two forms were run against"
            " beside that (`introspected only`: nothing).",
            "* **decorators**: proved to await an async view, from that version on.\n",
            "| library | kind | move / leave / refuse | bound | swapped for | tested against | decorators |",
            "|---|---|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _library_row(name: str, known: "Catalogue") -> str:
    entries, swaps = [*known.functions.values(), *known.types.values()], [*known.swaps.values(), *known.calls.values()]
    kinds = ", ".join(sorted({entry.kind for entry in entries}))
    verdicts = " / ".join(str(sum(entry.verdict == verdict for entry in entries)) for verdict in ("wrap", "leave", "refuse"))
    bound = "yes" if any(entry.thread_bound for entry in entries) else ""
    swapped = ", ".join(sorted({f"`{swap.target}`" for swap in swaps}))
    proof = next((swap.of.proof for swap in swaps), "")
    proved = {(decorator.rpartition(".")[2], since) for decorator, since in known.decorators.items()}
    decorators = ", ".join(f"`{decorator}` ≥ {since}" if since else f"`{decorator}`" for decorator, since in sorted(proved))
    return f"| `{name}` | {kinds} | {verdicts} | {bound} | {swapped} | {proof} | {decorators} |"


def modules_page() -> str:
    """Every module and the beginning of its docstring, by folder; a module without one fails."""
    text = [f"{_NOTE}# The modules\n", "What each file is for, in its own words. How they work together: `ARCHITECTURE.md` in the repository.\n"]
    for folder in sorted({path.parent for top in ("codemods", "transforms") for path in (ROOT / top).rglob("*.py")}):
        text += [f"## {folder.relative_to(ROOT).as_posix()}/\n"]
        text += [f"* `{path.name}`: {_purpose(path)}" for path in sorted(folder.glob("*.py"))]
        text.append("")
    return "\n".join(text)


def _purpose(path: Path) -> str:
    text = _paragraph((ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n\n")[0])
    assert text, f"{path} does not say what it is for"
    return text


def with_real_output(page: str, folder: Path) -> str:
    """The page with each console block's commands run in turn, beginning in that folder, and their output below."""
    place = folder

    def run_block(match: re.Match[str]) -> str:
        nonlocal place
        lines = []
        for command in commands_of(match.group(1)):
            output, place = _run(command, place)
            lines += [f"$ {command}", *output.splitlines()]
        return "\n".join(["```console", *lines, "```"])

    return _BLOCK.sub(run_block, page)


def commands_of(block: str) -> Iterator[str]:
    """The commands of a console block."""
    return (line[2:] for line in block.splitlines() if line.startswith("$ "))


def _run(command: str, place: Path) -> tuple[str, Path]:
    who = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in (("NAME", "you"), ("EMAIL", "you@example.org"))}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, **who, "PATH": path, "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8", "GIT_CONFIG_GLOBAL": os.devnull, "COLUMNS": "100"}
    result = subprocess.run(["bash", "-c", f"{command}\nprintf '\\0%s' \"$PWD\""], cwd=place, env=environment, capture_output=True, text=True, timeout=120)
    output, _, after = result.stdout.rpartition("\0")
    return output + result.stderr, Path(after)


PAGES = {"reference/commands.md": commands_page, "reference/catalogue.md": catalogue_page, "reference/modules.md": modules_page}


def main() -> None:
    """Write the pages."""
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
    tutorial = DOCS / "tutorial.md"
    with tempfile.TemporaryDirectory() as folder:
        tutorial.write_text(with_real_output(tutorial.read_text(encoding="utf-8"), Path(folder)), encoding="utf-8")


if __name__ == "__main__":
    main()
