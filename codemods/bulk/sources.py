"""Which repositories: a TOML file, a plain list of paths or URLs, or a folder of checkouts."""

import os
import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codemods.bulk.addresses import Address, AddressError, Credentials, host_of, parse, path_of, variables
from codemods.bulk.hosts import Host
from codemods.bulk.spec import NAME, Spec, SpecError, check, make
from codemods.json_file import nearest

WORK = ".flask-to-async-bulk"
_TABLES = ("defaults", "host", "repository")
_HOST_KEYS = ("concurrency", "per-minute", "platform", "api", "token-env")
_PLATFORMS = ("github", "gitlab", "gitea", "none")


class SourceError(Exception):
    """The repositories cannot be read; the message names the place and says what to write."""


@dataclass(frozen=True)
class Source:
    """The repositories in their order, what is known of hosts, and credentials by repository (never part of a `Spec`).

    `variables`: the environment variables that addresses name.
    """

    place: Path
    specs: tuple[Spec, ...]
    hosts: Mapping[str, Host] = field(default_factory=dict)
    credentials: Mapping[str, tuple[Credentials, ...]] = field(default_factory=dict, repr=False)
    variables: tuple[str, ...] = ()

    @property
    def work(self) -> Path:
        """Where the work is kept unless another folder is named: beside the file, or in the folder."""
        return (self.place if self.place.is_dir() else self.place.parent) / WORK


def read(place: Path) -> Source:
    """Raises SourceError."""
    try:
        if place.is_dir():
            return _from_rows(place, [{"url": str(path)} for path in _checkouts(place)], {}, {})
        data = place.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise SourceError(f"{place} does not exist; name a repositories file, a list of paths or URLs, or a folder of checkouts") from None
    except UnicodeDecodeError:
        raise SourceError(f"{place} is not UTF-8") from None
    except OSError as error:
        raise SourceError(f"{place} cannot be read: {error.strerror}") from None
    return _from_toml(place, data) if place.suffix == ".toml" else _from_rows(place, list(_rows(data)), {}, {})


def _rows(data: str) -> Iterable[dict[str, Any]]:
    lines = (line.split(" #")[0].strip() for line in data.splitlines())
    return ({"url": line} for line in lines if line and not line.startswith("#"))


def _checkouts(folder: Path) -> list[Path]:
    """The folder itself when it is a repository, else those in it, bare ones too."""
    found = [folder] if _is_repository(folder) else [path for path in sorted(folder.iterdir()) if path.name != WORK and path.is_dir() and _is_repository(path)]
    if not found:
        raise SourceError(f"{folder} holds no git repository, neither itself nor directly in it")
    return found


def _is_repository(path: Path) -> bool:
    return os.path.lexists(path / ".git") or ((path / "HEAD").is_file() and (path / "objects").is_dir() and (path / "refs").is_dir())


def _from_toml(place: Path, data: str) -> Source:
    try:
        tables = tomllib.loads(data)
    except tomllib.TOMLDecodeError as error:
        raise SourceError(f"{place} is not valid TOML: {error}") from None
    for key in tables:
        if key not in _TABLES:
            raise SourceError(f"{place}: there is no table {key!r}{nearest(key, _TABLES)}")
    defaults, hosts, rows = tables.get("defaults", {}), tables.get("host", {}), tables.get("repository", [])
    if not isinstance(defaults, dict) or not isinstance(hosts, dict) or not all(isinstance(host, dict) for host in hosts.values()):
        raise SourceError(f'{place}: write [defaults] and [host."git.example.com"] as tables')
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise SourceError(f"{place}: write [[repository]] above each repository")
    return _from_rows(place, rows, defaults, {name.lower(): _host(place, name.lower(), found) for name, found in hosts.items()})


def _host(place: Path, name: str, found: Mapping[str, Any]) -> Host:
    for key, value in found.items():
        where = f"{place}: [host.{name!r}] {key}"
        if key not in _HOST_KEYS:
            raise SourceError(f"{where} is unknown{nearest(key, _HOST_KEYS)}")
        if key in ("concurrency", "per-minute"):
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise SourceError(f"{where} has to be a whole number, at least 1")
        elif not isinstance(value, str) or (key == "platform" and value not in _PLATFORMS):
            raise SourceError(f"{where} has to be {'one of ' + ', '.join(_PLATFORMS) if key == 'platform' else 'a text'}")
        if key == "api" and not re.match(r"https?://[^@\s]+$", value):
            raise SourceError(f"{where} has to be an http or https URL without credentials")
    return Host(name, **{key.replace("-", "_"): value for key, value in found.items()})


def _from_rows(place: Path, rows: Sequence[Mapping[str, Any]], defaults: Mapping[str, Any], hosts: Mapping[str, Host]) -> Source:
    if not rows:
        raise SourceError(f"{place} names no repository")
    _checked(f"{place}: [defaults]", defaults)
    base = place if place.is_dir() else place.parent
    addresses = [_address(place, number, row, "url", base) for number, row in enumerate(rows, 1)]
    pushed = [_address(place, number, row, "push-url", base) if "push-url" in row else None for number, row in enumerate(rows, 1)]
    names = _names(place, rows, addresses)
    specs, credentials = [], {}
    for name, row, address, push in zip(names, rows, addresses, pushed, strict=True):
        own = {key: value for key, value in row.items() if key not in ("name", "url", "push-url")}
        _checked(f"{place}: {name}", own)
        specs.append(make(name, address.url, push.url if push else "", {**defaults, **own}))
        credentials[name] = tuple(item.credentials for item in (address, push) if item and item.credentials)
    named = {name for row in rows for key in ("url", "push-url") for name in variables(row.get(key, ""))}
    return Source(place, tuple(specs), hosts, credentials, tuple(sorted(named)))


def _checked(where: str, given: Mapping[str, Any]) -> None:
    try:
        check(given)
    except SpecError as error:
        raise SourceError(f"{where}: {error}") from None


def _address(place: Path, number: int, row: Mapping[str, Any], key: str, base: Path) -> Address:
    text = row.get(key)
    if not isinstance(text, str):
        raise SourceError(f"{place}: repository {number} needs a {key}, a path or an address that git takes")
    try:
        return parse(text, base)
    except AddressError as error:
        raise SourceError(f"{place}: repository {number}: {error}") from None


def _names(place: Path, rows: Sequence[Mapping[str, Any]], addresses: Sequence[Address]) -> list[str]:
    """A name for each: the one that is given, else the last part of its address, with the owner before it where two would be equal."""
    short = [_safe(path_of(address.url).rpartition("/")[2]) for address in addresses]
    given_names = [row.get("name") for row in rows]
    often = Counter(name.lower() for name, given in zip(short, given_names, strict=True) if given is None)
    names = []
    for given, address, name in zip(given_names, addresses, short, strict=True):
        if given is not None and not (isinstance(given, str) and NAME.fullmatch(given)):
            raise SourceError(f"{place}: the name {given!r} has to be letters, digits, '.', '_' and '-', and begin with a letter or digit")
        names.append(given or (name if often[name.lower()] == 1 else _safe("-".join(path_of(address.url).split("/")[-2:]))))
    for name, number in Counter(name.lower() for name in names).items():
        if number > 1:
            raise SourceError(f"{place}: {number} repositories would be called {name!r}; give each a `name` of its own")
    return names


def _safe(text: str) -> str:
    """Something like that text that is a name everywhere: in paths, on command lines, in Markdown."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9._-]+", "-", plain).lstrip(".-")[:100] or "repository"


def host_for(hosts: Mapping[str, Host], url: str) -> Host:
    """What is known of the host of that address."""
    name = host_of(url)
    return hosts.get(name, Host(name))
