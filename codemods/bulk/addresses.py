"""Addresses of repositories. Credentials are taken out of them first, so that nothing else can print or store them."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit, urlunsplit

_SCHEMES = ("https", "http", "ssh", "git", "file")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_SCP = re.compile(r"(?:[\w.+-]+@)?[\w.-]+:(?!/{2})\S+")
_USERINFO = re.compile(r"\b([a-z][a-z0-9+.-]*://)[^/\s'\"<>]*@", re.IGNORECASE)
_SHORTEST = 4  # characters of a secret that are worth hiding wherever they stand


class AddressError(Exception):
    """The address cannot be used; the message says why, without any credentials."""


@dataclass(frozen=True)
class Credentials:
    """For one host, `scheme://host[:port]`. Its text form shows nothing, because libraries print what fails."""

    host: str
    user: str
    password: str

    def __repr__(self) -> str:
        return "Credentials(…)"


@dataclass(frozen=True)
class Address:
    """An address without credentials, and these."""

    url: str
    credentials: Credentials | None = None


def parse(text: str, base: Path) -> Address:
    """A path (relative to `base`) or a URL as git takes it. `${NAME}` before the `@` is an environment variable."""
    text = text.strip()
    if not text or text.startswith("-") or any(ord(sign) < 32 or ord(sign) == 127 for sign in text):
        raise AddressError(f"{scrub(text)!r} is no address of a repository")
    if "://" not in text:
        if "::" in text.split("/", 1)[0]:
            raise AddressError(f"{scrub(text)!r} names a transport that runs a command; use https, ssh, git, file or a path")
        if _SCP.fullmatch(text) and not (base / text).exists():
            return Address(text)
        return Address(os.path.abspath(base / Path(text).expanduser()))  # noqa: PTH100
    return _from_url(text)


def _from_url(text: str) -> Address:
    try:
        parts = urlsplit(text)
        host = _host(parts.hostname or "", parts.port)
    except ValueError:
        raise AddressError(f"{scrub(text)!r} is no URL") from None
    if parts.scheme not in _SCHEMES:
        raise AddressError(f"{scrub(text)!r}: git is not asked to use {parts.scheme!r}; use {', '.join(_SCHEMES)} or a path")
    if parts.query or parts.fragment:
        raise AddressError(f"{scrub(text).partition('?')[0]!r}: a repository's URL has no `?` or `#`")
    if (parts.scheme != "file" and not host) or host.startswith("-"):
        raise AddressError(f"{scrub(text)!r} names no host")
    user, password = (unquote(_expanded(item or "")) for item in (parts.username, parts.password))
    if parts.scheme == "ssh" and not user.startswith("-"):
        return Address(urlunsplit((parts.scheme, f"{quote(user)}@{host}" if user else host, parts.path, "", "")))
    clean = urlunsplit((parts.scheme, host, parts.path, "", ""))
    return Address(clean, Credentials(f"{parts.scheme}://{host}", user, password) if user or password else None)


def _host(name: str, port: int | None) -> str:
    name = f"[{name}]" if ":" in name else name
    return f"{name}:{port}" if port else name


def _expanded(text: str) -> str:
    def value(match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            raise AddressError(f"the environment variable {match[1]}, which an address names, is not set")
        return quote(os.environ[match[1]], safe="")

    return _VARIABLE.sub(value, text)


def variables(text: str) -> list[str]:
    """The environment variables that an address names."""
    return _VARIABLE.findall(text)


def host_of(url: str) -> str:
    """The host for limits and platforms, in lower case; empty for paths."""
    if "://" in url:
        return urlsplit(url).netloc.rpartition("@")[2].lower() if not url.startswith("file:") else ""
    return url.partition(":")[0].rpartition("@")[2].lower() if not url.startswith("/") and ":" in url else ""


def path_of(url: str) -> str:
    """`owner/name` on the host, without slashes around it and without `.git`."""
    path = urlsplit(url).path if "://" in url else url if url.startswith("/") else url.partition(":")[2]
    return path.strip("/").removesuffix(".git").strip("/")


def scrub(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without user names and passwords in URLs, and without these secrets in any spelling."""
    text = _USERINFO.sub(lambda match: match[0] if match[0] == "ssh://git@" else match[1], text)
    for secret in secrets:
        for spelling in {secret, quote(secret), quote(secret, safe="")} if len(secret) >= _SHORTEST else ():
            text = text.replace(spelling, "***")
    return text
