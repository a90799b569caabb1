"""What becomes of each blocking call that a handler reaches, by library: swapped, wrapped, left, refused, with the reasons.

    python tests/corpus/shares.py APP=FOLDER [APP=FOLDER …] [--orm executor] [--all-handlers] [--http bridge]

Nothing is written or run: the applications are read, judged and migrated in memory. A call that is reached by several
handlers counts once; its fate is the best one. A call in a decorator around a view that became async is left: it runs where
it did, outside the coroutine (R100). Standard output gets two Markdown tables: the shares by library, and the
rules that keep calls where they are. Exit status: 0 everything has a decision, 1 some call is without one (it is listed).
"""

import argparse
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from codemods.audit import survey  # noqa: E402
from codemods.formats.record import migration_record  # noqa: E402
from codemods.pipeline import run_stages  # noqa: E402
from codemods.project import Loaded, load  # noqa: E402
from transforms.judge import Judgement  # noqa: E402
from transforms.model import Settings  # noqa: E402
from transforms.reach import Reached, is_bound, is_movable  # noqa: E402
from transforms.rules import RULES  # noqa: E402

FATES = ("swapped", "wrapped", "left", "refused", "unexplained")
SWAPPED = ("C200", "C206", "C210", "C211")
_WORDS = {"leave": "left", "refuse": "refused"}


@dataclass(frozen=True)
class Fate:
    """What becomes of one call and by which rule."""

    library: str
    word: str
    code: str


def main() -> int:
    options = _options()
    settings = Settings(orm=options.orm, all_handlers=options.all_handlers, http=options.http)
    fates = [fate for _, folder in options.apps for fate in fates_of(load(folder), settings)]
    print(by_library(fates), by_rule(fates), sep="\n\n")
    return 1 if any(fate.word == "unexplained" for fate in fates) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("apps", nargs="+", type=lambda text: (text.partition("=")[0], Path(text.partition("=")[2])), metavar="APP=FOLDER")
    parser.add_argument("--orm", default="leave", choices=("leave", "executor"))
    parser.add_argument("--all-handlers", action="store_true")
    parser.add_argument("--http", default="auto", choices=("auto", "httpx", "httpx2", "bridge"))
    return parser.parse_args()


def fates_of(loaded: Loaded, settings: Settings) -> list[Fate]:
    """The fate of every call of a known library that a handler of that project reaches, each call once."""
    _, judgements = survey(loaded, settings)
    record = migration_record(loaded, run_stages(loaded, [], settings), settings, written=False)
    decisions = [item for stage in record["stages"] for item in stage["decisions"] if item["line"]]
    calls: dict[tuple[str, str], list[tuple[Judgement, Reached]]] = {}
    for judgement in judgements:
        for reached in (item for item in judgement.reached if counts(item)):
            calls.setdefault((reached.place, reached.site.entry.name), []).append((judgement, reached))
    found = []
    for (place, name), ways in sorted(calls.items(), key=lambda item: item[0]):
        fate = min((_fate(place, name, *way, decisions) for way in ways), key=lambda item: FATES.index(item.word))
        if fate.word == "unexplained":
            print(f"{loaded.root.name}: {place}: {name} has no decision", file=sys.stderr)
        found.append(fate)
    return found


def counts(reached: Reached) -> bool:
    """Whether the call waits for something outside the process: not one that the catalogue says gains nothing."""
    entry = reached.site.entry
    return is_movable(entry) or is_bound(entry) or entry.verdict == "refuse"


def _fate(place: str, name: str, judgement: Judgement, reached: Reached, decisions: list[dict]) -> Fate:
    library = "of unknown type" if name.endswith("(of unknown type)") else name.partition(".")[0]
    symbols = {function.qualname for function in reached.chain}
    path, _, line = place.rpartition(":")
    here = [item for item in decisions if item["path"] == path and item["line"] == int(line)]
    near = [item for item in decisions if item["symbol"] in symbols and item["verdict"] == "change"]
    for item in here:
        if item["verdict"] == "change" and item["code"][0] in "CE":
            return Fate(library, "swapped" if item["code"] in SWAPPED else "wrapped", item["code"])
    for item in near:
        if item["code"][0] == "E" and (item["subject"] in symbols or item["code"] in ("E302", "E309")):
            return Fate(library, "wrapped", item["code"])
        if item["code"] in SWAPPED and item["symbol"] == reached.function.qualname and item["path"] == path:
            return Fate(library, "swapped", item["code"])
    for item in [item for item in here if item["code"][0] in "CE"][::-1]:  # after all that may have moved the code around it
        return Fate(library, _WORDS[item["verdict"]], item["code"])
    if judgement.verdict.value in _WORDS:
        return Fate(library, _WORDS[judgement.verdict.value], judgement.code)
    if any(link.how == "decorator" for link in reached.links):
        moved = any(item["code"] == "E301" and item["symbol"] == reached.chain[0].qualname for item in near)
        return Fate(library, "wrapped", "E301") if moved else Fate(library, "left", "R100")
    inner = next((item for item in decisions if item["symbol"] in symbols and item["verdict"] != "change" and item["code"][0] == "E"), None)
    return Fate(library, _WORDS[inner["verdict"]], inner["code"]) if inner else Fate(library, "unexplained", "")


def by_library(fates: list[Fate]) -> str:
    """A row a library, most used first."""
    totals = Counter(fate.library for fate in fates)
    rows = [f"| library | calls | {' | '.join(FATES[:4])} |", f"{'|---' * 6}|"]
    for library, total in sorted(totals.items(), key=lambda item: (-item[1], item[0])):
        words = Counter(fate.word for fate in fates if fate.library == library)
        rows.append(f"| {library} | {total} | {' | '.join(str(words[word]) for word in FATES[:4])} |")
    return "\n".join(rows)


def by_rule(fates: list[Fate]) -> str:
    """Why calls stay where they are: a row a rule."""
    kept = Counter((fate.word, fate.code) for fate in fates if fate.word in ("left", "refused"))
    rows = ["| | rule | calls | libraries |", "|---|---|---|---|"]
    for (word, code), count in sorted(kept.items(), key=lambda item: (-item[1], item[0])):
        libraries = sorted({fate.library for fate in fates if (fate.word, fate.code) == (word, code)})
        rows.append(f"| {word} | {code} {RULES[code].title} | {count} | {', '.join(libraries)} |")
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
