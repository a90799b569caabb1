"""Pages about the rules: made from the table of rules, `texts.toml`, and examples that come from the fixtures."""

import difflib
import textwrap
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import metadata
from importlib.resources import files
from typing import Any

from transforms.rules import RULES

_NAME = "flask-to-async"
_CHANGES = {
    "change": "Changes code.",
    "leave": "Leaves code as it is: nothing has to be done.",
    "refuse": "Leaves code as it is, and a person should look at it.",
}


@dataclass(frozen=True)
class Example:
    """From a fixture: its name, what the tool said, and the statements before and (when they changed) after."""

    source: str
    said: str
    before: str
    after: str


@dataclass(frozen=True)
class Page:
    """All that there is to say about a rule."""

    code: str
    title: str
    remedy: str
    verdict: str
    safety: str
    what: str
    why: str
    caveats: str
    example: Example | None

    @property
    def markdown(self) -> str:
        """The page for `docs/rules/`."""
        return "\n".join(_markdown(self)) + "\n"

    @property
    def text(self) -> str:
        """The page for a terminal."""
        return "\n".join(_text(self)) + "\n"


def page(code: str) -> Page:
    """The page of that rule; raises KeyError for a code that no rule has."""
    rule, texts = RULES[code], _table("texts.toml").get(code, {})
    example = _table("examples.toml").get(code)
    return Page(
        code,
        rule.title,
        rule.remedy,
        texts.get("verdict", "refuse"),
        texts.get("safety", "safe"),
        texts.get("what", rule.title),
        texts.get("why", ""),
        texts.get("caveats", ""),
        Example(**example) if example else None,
    )


def nearest(code: str) -> str:
    """The code of a rule that looks most like that one; empty when none does."""
    wanted = code.strip().upper()
    starting = [known for known in RULES if wanted and known.startswith((wanted, wanted.replace("O", "0")))]
    return next(iter([*starting, *difflib.get_close_matches(wanted, RULES, 1, 0.5)]), "")


def address(code: str = "") -> str:
    """Where the page of a rule can be read: below the documentation that the package's metadata names, else its PyPI page."""
    urls = dict(text.split(", ", 1) for text in metadata(_NAME).get_all("Project-URL") or [])
    base = urls.get("Documentation", "").rstrip("/")
    if base:
        return f"{base}/rules/{code}" if code else base
    return f"https://pypi.org/project/{_NAME}/{f'#{code.lower()}' if code else ''}"


@cache
def _table(name: str) -> Mapping[str, Any]:
    return tomllib.loads(files(__name__).joinpath(name).read_text(encoding="utf-8"))


def suppression(code: str, verdict: str) -> list[str]:
    """How to say that the change is not wanted."""
    if verdict != "change" and not code.startswith("T"):
        return ["This rule changes nothing, so there is nothing to suppress."]
    if code.startswith("T"):
        return [f'On the line, or above the function: `# async: leave[{code}] reason`; in the whole project: `ignore = ["{code}"]`.']
    if code.startswith("S"):
        return ["The stage `server` runs only when it is named; leave the group out with `--interactive` or `--accept`."]
    if code.startswith("D"):
        return ["It follows the changes that need it: leave those."]
    if code.startswith("B"):
        return ["Take the query out of the command, its `filename_matcher` or `filter` out of the file's way, or choose groups with `--accept`."]
    return [
        f"On the line, or above the function: `# async: leave[{code}] reason`.",
        f'In the whole project: `ignore = ["{code}"]` under `[tool.flask-to-async]` in `pyproject.toml`.',
    ]


def _sections(rule: Page) -> Iterator[tuple[str, list[str]]]:
    yield "What it says", [rule.what]
    if rule.why:
        yield "Why", [rule.why]
    if rule.caveats:
        yield "Caveats", [rule.caveats]
    if rule.remedy:
        yield "What you can do", [rule.remedy]
    yield "How to suppress it", suppression(rule.code, rule.verdict)


def _markdown(rule: Page) -> Iterator[str]:
    yield f"# {rule.code}: {rule.title}"
    yield ""
    yield f"{_CHANGES[rule.verdict]} Safety: {rule.safety}."
    for title, paragraphs in _sections(rule):
        yield from ("", f"## {title}", "")
        yield "\n\n".join(paragraphs)
    if rule.example:
        yield from ("", "## Example", "", f"From the fixture `{rule.example.source}`. The tool says: {rule.example.said}")
        yield from ("", "Before:" if rule.example.after else "The code:", "", "```python", rule.example.before, "```")
        if rule.example.after:
            yield from ("", "After:", "", "```python", rule.example.after, "```")


def _text(rule: Page) -> Iterator[str]:
    yield f"{rule.code}: {rule.title}"
    yield f"{_CHANGES[rule.verdict]} Safety: {rule.safety}."
    for title, paragraphs in _sections(rule):
        yield from ("", title)
        for paragraph in paragraphs:
            yield from _wrapped(paragraph)
    if rule.example:
        yield from ("", f"Example ({rule.example.source})", *_wrapped(f"The tool says: {rule.example.said}"))
        yield from ("", "  Before" if rule.example.after else "  The code", *(f"    {line}".rstrip() for line in rule.example.before.splitlines()))
        if rule.example.after:
            yield from ("", "  After", *(f"    {line}".rstrip() for line in rule.example.after.splitlines()))


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 88, initial_indent="  ", subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
