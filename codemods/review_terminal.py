"""The interactive review on a terminal or a pipe: shows a question, reads a line, and asks again until the end."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

from codemods.choices import Choices
from codemods.report import Paint, diff_lines
from codemods.review import ANSWERS, Item, Question, Review
from transforms.progress import Tick
from transforms.rules import RULES

_COMMANDS = {**ANSWERS, "e": "explain: the rules and every decision of the group", "b": "go back to the question before", "q": "stop here"}
_SHOWN = 6


@dataclass(frozen=True)
class Talk:
    """How to speak with the person: `say` prints lines, `ask` shows a prompt and returns a line, None at the end of input."""

    say: Callable[[Iterator[str]], None]
    ask: Callable[[str], str | None]
    paint: Paint
    progress: Callable[[], AbstractContextManager[Tick]]


@dataclass(frozen=True)
class Reviewed:
    """What was accepted, whether the review went through to the end, and whether Control-C ended it."""

    choices: Choices
    finished: bool
    interrupted: bool = False


def hold(review: Review, talk: Talk) -> Reviewed:
    """Ask about one group after another. Nothing is written here."""
    last = [Choices({})]
    try:
        return _ask_all(review, talk, last)
    except KeyboardInterrupt:
        return Reviewed(last[0], False, True)


def _ask_all(review: Review, talk: Talk, last: list[Choices]) -> Reviewed:
    """The review; `last` holds what was accepted so far, for the case that it is interrupted."""
    answers: list[str] = []
    shown = -1
    while True:
        with talk.progress() as review.tick:
            state = review.state(answers)
        last[0] = state.choices
        if state.question is None:
            return Reviewed(state.choices, True)
        if shown != len(answers):
            talk.say(question_lines(state.question, talk.paint))
            shown = len(answers)
        answer = talk.ask(f"Take this change? [{','.join(_COMMANDS)},?] ")
        if answer is None or answer == "q":
            return Reviewed(state.choices, False)
        answers = _after(answer, answers, state.question, talk)


def _after(answer: str, answers: list[str], question: Question, talk: Talk) -> list[str]:
    """The answers after this line; what is no answer is replied to."""
    if answer in ANSWERS:
        return [*answers, answer]
    if answer == "b" and answers:
        return answers[:-1]
    if answer == "e":
        talk.say(explain_lines(question.item, talk.paint))
    elif answer == "b":
        talk.say(iter(["This is the first question."]))
    else:
        talk.say(f"{letter}  {meaning}" for letter, meaning in _COMMANDS.items())
    return answers


def question_lines(question: Question, paint: Paint) -> Iterator[str]:
    """Place, rule, reasons and safety of a group, and its diff."""
    item, leader = question.item, question.item.leader
    yield ""
    yield paint(f"── {item.stage} {question.number}/{question.count}: {leader.path}:{leader.line} {leader.symbol}", "bold")
    yield f"{leader.code}  {RULES[leader.code].title if leader.code in RULES else ''}  ({'unsafe: the program may behave differently' if item.unsafe else 'safe'})"
    for decision in item.decisions[:_SHOWN]:
        yield f"  {decision.code}  {decision.path}:{decision.line} {decision.symbol}: {decision.reason}"
    if len(item.decisions) > _SHOWN:
        yield f"  … and {len(item.decisions) - _SHOWN} more (e shows them)"
    yield ""
    for change in question.changes:
        yield from diff_lines(change, paint)


def explain_lines(item: Item, paint: Paint) -> Iterator[str]:
    """The rules of a group with what can be done about them, and all its decisions."""
    for code in sorted(item.codes):
        rule = RULES.get(code)
        yield paint(f"{code}  {rule.title if rule else ''}", "bold")
        if rule and rule.remedy:
            yield f"      {rule.remedy}"
    yield f"group {item.group}: these stand or fall together"
    for decision in item.decisions:
        subject = f" [{decision.subject}]" if decision.subject else ""
        yield f"  {decision.code}  {decision.path}:{decision.line} {decision.symbol}{subject}: {decision.reason} ({decision.safety.value})"


def read_line(prompt: str) -> str | None:
    """Ask on standard output, read a line of standard input; None at its end."""
    sys.stdout.write(prompt)
    sys.stdout.flush()
    line = sys.stdin.readline()
    if not sys.stdin.isatty():
        sys.stdout.write("\n")
    return line.strip() if line else None
