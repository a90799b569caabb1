"""`flask-to-async config show`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from codemods.console import fail, print_lines
from codemods.options import (
    AllHandlers,
    BaselineOption,
    HelpersOption,
    HostOption,
    HttpOption,
    Only,
    OrmOption,
    PythonOption,
    SpellingOption,
    StageOption,
    Target,
    UnsafeOption,
)

if TYPE_CHECKING:
    from codemods.settings import Effective

config = typer.Typer(no_args_is_help=True, help="The settings: what they are, and where each comes from.")


@config.callback()
def main() -> None:
    """The settings: what they are, and where each comes from."""


@config.command("show", short_help="Print every setting, and where it comes from.")
def show(
    path: Target = Path(),
    stage: StageOption = [],  # noqa: B006
    only: Only = [],  # noqa: B006
    all_handlers: AllHandlers = None,
    orm: OrmOption = None,
    executor: SpellingOption = None,
    http: HttpOption = None,
    helpers: HelpersOption = None,
    host: HostOption = None,
    python: PythonOption = None,
    unsafe: UnsafeOption = [],  # noqa: B006
    baseline: BaselineOption = None,
) -> None:
    """Print every setting as it would be in a run with these options, and where it comes from."""
    from codemods.opening import settings_or_fail  # here, so that the other commands start without it
    from codemods.project import find_root
    from codemods.settings import KEYS

    if not path.exists():
        fail(f"{path} does not exist; name the folder or file of a Flask application")
    root = find_root(path.resolve())
    chosen = settings_or_fail(
        root,
        stages=stage,
        only=only,
        all_handlers=all_handlers,
        orm=orm,
        executor=executor,
        http=http,
        helpers=helpers,
        host=host,
        python=python,
        unsafe=unsafe,
        baseline=baseline,
    )
    print_lines([f"# settings for {root}", *(_row(key.name, chosen, key.meaning) for key in KEYS)])


def _row(name: str, chosen: "Effective", meaning: str) -> str:
    value = chosen.values[name]
    return f"{f'# {name} is not set' if value is None else f'{name} = {_toml(value)}'}  # {chosen.origins[name]}; {meaning}"


def _toml(value: Any) -> str:
    """The value as `pyproject.toml` would have it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        inner = ", ".join(f"{json.dumps(key, ensure_ascii=False)} = {_toml(item)}" for key, item in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_toml(item) for item in value)}]"
    return json.dumps(str(value), ensure_ascii=False)
