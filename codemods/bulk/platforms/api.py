"""A platform's HTTP interface: JSON, one token, no redirects (a token must not follow one), limits as a wish to be left alone."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import Any
from urllib.parse import urlencode

from codemods.bulk.running import Log, StepError

_LIMIT = 60  # seconds that an answer may take
_LARGEST = 20_000_000  # bytes of an answer
_REST = 60.0  # seconds to leave a host alone that does not say how long
_LONGEST = 900.0


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


@dataclass(frozen=True)
class Api:
    """`base`: the address without a slash at its end; `headers` carry the token."""

    base: str
    headers: Mapping[str, str] = field(repr=False)
    log: Log

    def call(self, method: str, path: str, query: Mapping[str, Any] | None = None, body: Mapping[str, Any] | None = None) -> Any:
        """The answer's JSON. Raises StepError in the platform's words."""
        url = f"{self.base}{path}" + (f"?{urlencode(query)}" if query else "")
        data = json.dumps(body).encode() if body is not None else None
        headers = {"Accept": "application/json", "Content-Type": "application/json", "User-Agent": "flask-to-async", **self.headers}
        self.log.say(f"{method} {url}")
        try:
            opener = urllib.request.build_opener(_NoRedirect)
            with opener.open(urllib.request.Request(url, data, headers, method=method), timeout=_LIMIT) as answer:
                return json.loads(answer.read(_LARGEST))
        except urllib.error.HTTPError as error:
            raise self._refused(method, path, error) from None
        except urllib.error.URLError as error:
            raise StepError(f"{self.log.clean(self.base)} cannot be reached: {self.log.clean(str(error.reason))}") from None
        except (OSError, ValueError) as error:
            raise StepError(f"{self.log.clean(self.base)} gave no answer that can be read ({type(error).__name__})") from None

    def _refused(self, method: str, path: str, error: urllib.error.HTTPError) -> StepError:
        said = _message(error)
        self.log.say(f"{error.code} {said}")
        again = _rest(error.code, error.headers, said)
        hint = "; is the token right, and may it do this?" if error.code in (401, 403, 404) else ""
        return StepError(f"{method} {path} was answered with {error.code}: {self.log.clean(said)}{hint}", again)


def _message(error: urllib.error.HTTPError) -> str:
    try:
        data = json.loads(error.read(_LARGEST))
        said = data.get("message") or data.get("error") or ""
        more = "; ".join(str(item.get("message", "")) if isinstance(item, dict) else str(item) for item in data.get("errors") or ())
        return " ".join(f"{said} {more}".split())[:300]
    except (OSError, ValueError, AttributeError, TypeError):
        return str(error.reason)[:300]


def _rest(code: int, headers: Message, said: str) -> float:
    """Seconds for which the host wants to be left alone; 0 when that is not why it refused."""
    if code not in (403, 429, 502, 503):
        return 0
    if (after := headers.get("Retry-After", "")).isdigit():
        return min(float(after) + 0.1, _LONGEST)
    if headers.get("X-RateLimit-Remaining") == "0" and headers.get("X-RateLimit-Reset", "").isdigit():
        return min(max(float(headers["X-RateLimit-Reset"]) - time.time(), 1.0), _LONGEST)
    return _REST if code != 403 or "rate limit" in said.lower() else 0
