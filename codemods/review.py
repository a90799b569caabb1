"""The interactive review without its terminal: which group is asked about next, and what the answers so far choose.

The only state is the list of answers. Everything else is worked out from it again, so going back is dropping the last
answer. Each stage is planned on the output of the accepted groups of those before it; half a group is never applied,
because only whole groups are asked about and carried out.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from codemods.catalogue_files import catalogue_for
from codemods.choices import Choices
from codemods.pipeline import carry, in_order
from codemods.project import Loaded
from codemods.stage_names import is_query
from transforms.catalogue import Catalogue
from transforms.index import ParseCache
from transforms.model import Decision, FileChange, Project, Safety, Settings, Verdict
from transforms.preview import preview
from transforms.progress import Tick, no_tick
from transforms.stages import Staged, accept_all

Accepted = tuple[frozenset[str], ...]
ANSWERS = {
    "y": "take this change",
    "n": "leave it",
    "a": "take it, and all others of this stage under the same rules",
    "f": "take it, and the rest that lies in this file only",
    "s": "skip this function: leave it, and whatever else is in it",
}


@dataclass(frozen=True)
class Item:
    """One group: its decisions in order of place. The first that the group is named after leads."""

    stage: str
    group: str
    decisions: tuple[Decision, ...]

    @property
    def leader(self) -> Decision:
        """The decision that the group is named after."""
        named = (item for item in self.decisions if self.group.startswith(f"{self.stage}:{item.path}:{item.symbol}"))
        return next(named, self.decisions[0])

    @property
    def codes(self) -> frozenset[str]:
        """The rules of its decisions."""
        return frozenset(item.code for item in self.decisions)

    @property
    def unsafe(self) -> bool:
        """Whether the program may behave differently."""
        return any(item.safety == Safety.UNSAFE for item in self.decisions)


@dataclass(frozen=True)
class Question:
    """What is asked now: the item, its place among those of its stage, and what it changes on top of what is accepted."""

    item: Item
    number: int
    count: int
    changes: tuple[FileChange, ...]


@dataclass(frozen=True)
class State:
    """Where the answers lead: the next question, None at the end, and what is accepted so far."""

    question: Question | None
    choices: Choices


_Rule = Callable[[Item], bool | None]


@dataclass
class Review:
    """A project under review. What was worked out is remembered, so that each question costs little. `tick` may be changed."""

    loaded: Loaded
    settings: Settings
    stages: Sequence[str] = ()
    tick: Tick = no_tick
    cache: ParseCache = field(default_factory=ParseCache)
    _offers: dict[Accepted, Staged] = field(default_factory=dict)
    _projects: dict[Accepted, Project] = field(default_factory=dict)

    @cached_property
    def catalogue(self) -> Catalogue:
        """What is known of libraries: ours, and the project's own files."""
        return catalogue_for(self.loaded)

    def state(self, answers: Sequence[str]) -> State:
        """Replay the answers. Answers beyond the last question are passed over."""
        waiting = list(answers)
        rules: list[_Rule] = []
        accepted: Accepted = ()
        for stage in in_order(self.stages):
            taken: set[str] = set()
            items = _items(stage, self._offer(stage, accepted))
            for number, item in enumerate(items, 1):
                answer = next((said for rule in rules if (said := rule(item)) is not None), None)
                if answer is None and not waiting:
                    return State(self._question(item, number, len(items), accepted, taken), self._choices((*accepted, frozenset(taken))))
                if answer is None:
                    letter = waiting.pop(0)
                    answer = letter in "yaf"
                    rules += _standing(letter, item)
                taken |= {item.group} if answer else set()
            accepted = (*accepted, frozenset(taken))
        return State(None, self._choices(accepted))

    def _choices(self, accepted: Accepted) -> Choices:
        return Choices(dict(zip(in_order(self.stages), accepted, strict=False)))

    def _offer(self, stage: str, accepted: Accepted) -> Staged:
        """The stage with everything accepted, on the output of what was accepted before: what fails a guard is not offered."""
        if accepted not in self._offers:
            self._offers[accepted] = carry(stage, self.loaded.root, self._project(accepted), self.catalogue, self.settings, accept_all, self.cache, self.tick)
        return self._offers[accepted]

    def _project(self, accepted: Accepted) -> Project:
        if not accepted:
            return self.loaded.project
        if accepted not in self._projects:
            stage, taken = in_order(self.stages)[len(accepted) - 1], accepted[-1]
            offer = self._offer(stage, accepted[:-1])
            everything = taken == {item.group for item in _items(stage, offer)}
            before = self._project(accepted[:-1])
            self._projects[accepted] = offer.project if everything else before if not taken else self._carried(stage, before, taken)
        return self._projects[accepted]

    def _carried(self, stage: str, before: Project, taken: frozenset[str]) -> Project:
        return carry(stage, self.loaded.root, before, self.catalogue, self.settings, taken.__contains__, self.cache, self.tick).project

    def _question(self, item: Item, number: int, count: int, accepted: Accepted, taken: set[str]) -> Question:
        offer = self._offer(item.stage, accepted)
        if is_query(item.stage):
            return Question(item, number, count, tuple(change for change in offer.outcome.changes if change.path == item.leader.path))
        return Question(item, number, count, tuple(preview(offer.index, offer.plan, taken, item.group)))


def _items(stage: str, offer: Staged) -> list[Item]:
    """The groups in the order of their leaders' places."""
    found: dict[str, list[Decision]] = {}
    for decision in offer.outcome.decisions:
        if decision.verdict == Verdict.CHANGE:
            found.setdefault(decision.group, []).append(decision)
    items = [Item(stage, group, tuple(decisions)) for group, decisions in found.items()]
    return sorted(items, key=lambda item: (item.leader.path, item.leader.line, item.group))


def _standing(letter: str, item: Item) -> list[_Rule]:
    """What an answer says of later groups. An unsafe change is taken along only where the one that was shown is unsafe too."""
    if letter == "a":
        return [lambda other: True if other.stage == item.stage and other.codes <= item.codes and other.unsafe <= item.unsafe else None]
    if letter == "f":
        return [lambda other: True if {one.path for one in other.decisions} == {item.leader.path} and other.unsafe <= item.unsafe else None]
    if letter == "s":
        skipped = (item.leader.path, item.leader.symbol)
        return [lambda other: False if skipped in {(one.path, one.symbol) for one in other.decisions} else None]
    return []
