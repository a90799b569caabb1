"""Every setting: its name, what it may be, its default, and where the value of this run comes from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from codemods.config_file import TABLE, ConfigError, Found, read_config
from codemods.json_file import nearest
from codemods.project import Loaded
from codemods.stage_names import is_query
from transforms.comments import about_code, about_unsafe
from transforms.model import Settings
from transforms.stages import ALL_STAGES
from transforms.suppression import matches

Check = Callable[[Any], str]
DEFAULT, COMMAND_LINE = "default", "command line"


def _flag(value: Any) -> str:
    return "" if isinstance(value, bool) else "has to be true or false"


def _text(value: Any) -> str:
    return "" if isinstance(value, str) and value else "has to be a text"


def _texts(value: Any) -> str:
    return "" if isinstance(value, list | tuple) and all(isinstance(item, str) and item for item in value) else "has to be a list of texts"


def _one_of(*allowed: str) -> Check:
    return lambda value: "" if value in allowed else f"has to be one of {', '.join(allowed)}, not {value!r}"


def _some_of(*allowed: str) -> Check:
    def check(value: Any) -> str:
        wrong = [item for item in value if item not in allowed] if not _texts(value) else []
        return _texts(value) or (f"has an unknown entry {wrong[0]!r}{nearest(wrong[0], allowed)}" if wrong else "")

    return check


def _codes(value: Any) -> str:
    return _texts(value) or next((f"is wrong: {said}" for code in value if (said := about_code(code))), "")


def _unsafe(value: Any) -> str:
    return _texts(value) or next((f"is wrong: {said}" for code in value if (said := about_unsafe(code))), "")


def _codes_by_path(value: Any) -> str:
    if not isinstance(value, Mapping):
        return 'has to be a table, for example { "shop/legacy/*" = ["C200"] }'
    return next((f"{path!r} {said}" for path, codes in value.items() if (said := _codes(codes))), "")


def _version(value: Any) -> str:
    major, dot, minor = value.partition(".") if isinstance(value, str) else ("", "", "")
    return "" if dot and major == "3" and minor.isdigit() else f"takes a version of Python 3, such as 3.9, as a text, not {value!r}"


@dataclass(frozen=True)
class Key:
    """One setting: `check` says what is wrong with a value, empty when nothing is; `meaning` is for people."""

    name: str
    default: Any
    check: Check
    meaning: str


KEYS = (
    Key("stages", (), _some_of(*ALL_STAGES), "the stages to run; none: routes, clients, executor"),
    Key("include", (), _texts, "globs of files that may be changed; none: all"),
    Key("exclude", (), _texts, "globs of files that are read but not changed"),
    Key("only", (), _texts, "globs of the handlers that take part; none: all"),
    Key("all-handlers", False, _flag, "also make handlers async that would await nothing"),
    Key("orm", "leave", _one_of("leave", "executor"), "database work: left, or moved to the request's own thread"),
    Key("executor", "to_thread", _one_of("to_thread", "run_in_executor", "sync_to_async"), "how calls move to a worker thread"),
    Key("http", "auto", _one_of("auto", "httpx", "httpx2", "bridge"), "what requests is replaced by"),
    Key("helpers", "executor", _one_of("executor", "twin"), "helpers that must stay synchronous: through the executor, or an async twin"),
    Key("host", "threads", _one_of("threads", "asgi"), "what the stage server prepares for: a WSGI server with threads, or an ASGI server"),
    Key("python", None, _version, "the oldest Python that the result must run on"),
    Key("unsafe", (), _unsafe, "rules whose unsafe changes are taken too"),
    Key("ignore", (), _codes, "rules whose changes are left"),
    Key("per-path-ignore", {}, _codes_by_path, "the same for files that match a glob"),
    Key("catalogue", (), _texts, "files with what the project knows of further libraries"),
    Key("baseline", None, _text, "the file of known groups; only what is new fails --check"),
)


@dataclass(frozen=True)
class Effective:
    """The settings of a run: a value and an origin for every key. `root` is the folder that paths of the file start from."""

    root: Path
    values: Mapping[str, Any]
    origins: Mapping[str, str]

    @property
    def settings(self) -> Settings:
        """What the stages need to know."""
        value = self.values
        python = tuple(int(part) for part in value["python"].split(".")[:2]) if value["python"] else None
        per_path = tuple((path, tuple(codes)) for path, codes in value["per-path-ignore"].items())
        plain = (value["orm"], value["executor"], value["http"], value["helpers"])
        return Settings(
            tuple(value["only"]),
            value["all-handlers"],
            *plain,
            (python[0], python[1]) if python else None,
            tuple(value["unsafe"]),
            tuple(value["ignore"]),
            per_path,
            value["host"],
        )

    @property
    def baseline(self) -> Path | None:
        """The baseline file: from the command line as it was given, from the file relative to the project's root."""
        name = self.values["baseline"]
        return None if name is None else Path(name) if self.origins["baseline"] == COMMAND_LINE else self.root / name


def effective(root: Path, given: Mapping[str, Any]) -> Effective:
    """The settings for the project at `root`: the command line wins over `pyproject.toml`, that over the default.

    `given` holds what the command line says, by the names of KEYS; None or an empty list means that it says nothing.
    Raises ConfigError.
    """
    found = read_config(root)
    _check(found)
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for key in KEYS:
        wanted = given.get(key.name)
        if wanted is not None and wanted != [] and wanted != ():
            named = [stage for stage in wanted if not is_query(stage)] if key.name == "stages" else wanted  # a query runs only when a person names it
            if said := key.check(named):
                raise ConfigError(f"--{key.name} {said}")
            values[key.name], origins[key.name] = wanted, COMMAND_LINE
        elif key.name in found.values:
            values[key.name], origins[key.name] = found.values[key.name], found.place(key.name)
        else:
            values[key.name], origins[key.name] = key.default, DEFAULT
    return Effective(root, values, origins)


def _check(found: Found) -> None:
    known = {key.name: key for key in KEYS}
    for name, value in found.values.items():
        where = f"{found.file.parent / found.place(name)}: [tool.{TABLE}]"
        if name not in known:
            raise ConfigError(f"{where} has an unknown key {name!r}{nearest(name, list(known))}")
        if said := known[name].check(value):
            raise ConfigError(f"{where} {name} {said}")


def narrowed(loaded: Loaded, chosen: Effective) -> Loaded:
    """The project with only those files open to change that `include` names and `exclude` does not; all are still read."""
    include, exclude = chosen.values["include"], chosen.values["exclude"]

    def is_open(path: str) -> bool:
        return (not include or any(matches(path, glob) for glob in include)) and not any(matches(path, glob) for glob in exclude)

    editable = frozenset(path for path in loaded.project.editable if is_open(path))
    unreadable = {path: why for path, why in loaded.unreadable.items() if is_open(path)}
    return replace(loaded, project=replace(loaded.project, editable=editable), unreadable=unreadable)
