"""GitHub workflow commands: annotations on the lines of a pull request.

The escapes are those of the runner's own toolkit (`@actions/core`): `%`, carriage return and newline everywhere, `:` and
`,` in properties too. GitHub shows ten annotations of each level for a step; the rest is in the step's log.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from codemods.formats.findings import REFUSE, Finding, findings, unreadable


def lines(record: Mapping[str, Any], verbose: bool) -> Iterator[str]:
    """A change or something left is a notice, a refusal a warning, a file that was not read an error."""
    for item in unreadable(record):
        yield _command("error", item)
    for item in findings(record, verbose):
        yield _command("warning" if item.verdict == REFUSE else "notice", item)


def _command(level: str, item: Finding) -> str:
    title = f"{item.code} {item.title}"
    return f"::{level} file={_property(item.path)},line={item.line},title={_property(title)}::{_data(item.text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
