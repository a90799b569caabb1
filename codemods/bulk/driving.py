"""The parent: hands out what comes next for each repository, and alone writes the ledger."""

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from codemods.bulk.addresses import host_of
from codemods.bulk.hosts import Limits
from codemods.bulk.job import Answer, Job
from codemods.bulk.ledger import FAILED, Ledger, Member, Pass, Step
from codemods.bulk.place import Place
from codemods.bulk.pools import Pool
from codemods.bulk.sources import Source, host_for
from codemods.bulk.spec import Spec
from codemods.bulk.standing import PENDING, Standing, standing
from codemods.bulk.tasks import PHASES

_PATIENCE = 0.5  # seconds to wait for answers before limits are looked at again
_AGAIN = 5  # how often a host may send a step away


@dataclass
class Drive:
    """One run of the loop. `tokens` by host; `say(name, standing, done, of)` hears of every repository that has ended."""

    ledger: Ledger
    current: Pass
    source: Source
    place: Place
    mark: str
    pool: Pool
    say: Callable[[str, Standing, int, int], None]
    tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
    hidden: Sequence[str] = ()

    def run(self) -> None:
        """Until nothing is left that could be done."""
        members = self.ledger.members(self.current.number, self.current.wave)
        specs = {spec.name: spec for spec in self.source.specs}
        self._specs = {member.name: specs[member.name] for member in members if member.name in specs}
        self._limits = Limits(self.source.hosts)
        self._ready: deque[tuple[Spec, Standing]] = deque()
        self._out: dict[str, tuple[Spec, Standing]] = {}
        self._sent_away: dict[str, int] = {}
        self._done, self._all = 0, len(self._specs)
        over = self.ledger.finished(self.current.number)
        for member in members:
            self._begin(member, over)
        while self._ready or self._out:
            self._hand_out()
            for name, answer in self.pool.wait(self._pause()):
                self._take(name, answer)

    def _begin(self, member: Member, over: set[str]) -> None:
        if member.name not in self._specs:
            return
        found = self._standing(self._specs[member.name])
        if found.outcome == PENDING:
            self._ready.append((self._specs[member.name], found))
        elif member.name in over:
            self._done += 1
        else:
            self._end(member.name, found)

    def _standing(self, spec: Spec) -> Standing:
        return standing(spec, self.current, self.ledger.steps(spec.name))

    def _hand_out(self) -> None:
        """As many as there are slots, in order, but for those whose host wants to be left alone."""
        kept: deque[tuple[Spec, Standing]] = deque()
        slots = self.pool.slots()
        while self._ready and len(self._out) < slots:
            spec, found = self._ready.popleft()
            host = _host(spec, found)
            if self._limits.wait(host):
                kept.append((spec, found))
                continue
            self._limits.begin(host)
            self._out[spec.name] = (spec, found)
            self.pool.submit(self._job(spec, found))
        self._ready.extendleft(reversed(kept))

    def _pause(self) -> float:
        return _PATIENCE if self._out else max(0.01, min([_PATIENCE, *(self._limits.wait(_host(*item)) for item in self._ready)]))

    def _job(self, spec: Spec, found: Standing) -> Job:
        host = host_for(self.source.hosts, spec.push_url or spec.url)
        return Job(
            found.phase, found.key, spec, str(self.place.folder), self.mark, int(self.current.began), host, found.known,
            tuple(self.ledger.made(spec.name, spec.branch)), tuple(self.hidden), self.source.credentials.get(spec.name, ()), self.tokens.get(host.name, ""),
        )  # fmt: skip

    def _take(self, name: str, answer: Answer) -> None:
        spec, found = self._out.pop(name)
        self._limits.end(_host(spec, found), answer.again)
        if answer.again:
            answer = self._sent(spec, found)
        if answer.rows:
            self.ledger.record(self.current.number, name, [Step(**row) for row in answer.rows], spec.branch, answer.made)
        found = self._standing(spec)
        if found.outcome == PENDING:
            self._ready.appendleft((spec, found))
        else:
            self._end(name, found)

    def _sent(self, spec: Spec, found: Standing) -> Answer:
        """The host asked to come back later; it is not asked for ever."""
        self._sent_away[spec.name] = self._sent_away.get(spec.name, 0) + 1
        if self._sent_away[spec.name] <= _AGAIN:
            return Answer(())
        reason = f"{found.phase}: the host limits how often it may be asked, and did so {_AGAIN} times; try again later"
        return Answer(
            [{"step": PHASES[found.phase].main, "key": found.key, "state": FAILED, "reason": reason, "result": {}, "began": time.time(), "seconds": 0.0}]
        )

    def _end(self, name: str, found: Standing) -> None:
        counted = found.known.get("commit", {}).get("blocking")
        self.ledger.finish(self.current.number, name, (counted[0], counted[1]) if counted else None)
        self._done += 1
        self.say(name, found, self._done, self._all)


def _host(spec: Spec, found: Standing) -> str:
    """The host that the next step talks to; empty when it talks to none."""
    if not PHASES[found.phase].remote:
        return ""
    return host_of(spec.url if found.phase == "clone" else spec.push_url or spec.url)
