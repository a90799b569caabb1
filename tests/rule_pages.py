"""Write the pages of the rules and the published schema: `python tests/rule_pages.py`.

An example is the smallest fixture in whose stages the tool itself made such a decision; nothing is written by hand.
"""

import ast
import sys
from functools import cache
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent), str(Path(__file__).resolve().parent)]

from fixture_apps import FIXTURES, ROOT, apps, project_of, steps  # noqa: E402
from small_cases import small_cases, swap_cases  # noqa: E402

from codemods.catalogue_files import load_catalogue  # noqa: E402
from codemods.explain import _table, page  # noqa: E402
from transforms.hazards import hazards  # noqa: E402
from transforms.index import build_index  # noqa: E402
from transforms.model import Outcome, Settings  # noqa: E402
from transforms.rules import RULES  # noqa: E402
from transforms.stages import STAGES, run_stage  # noqa: E402

EXAMPLES = ROOT / "codemods" / "explain" / "examples.toml"
DOCS = ROOT / "docs"
LONGEST = 40


def runs():
    """Every stage of every fixture: a name, the project before, the outcome, the project after."""
    catalogue = load_catalogue()
    small = [(f"{kind}/{case.name}", case.project, case.settings) for kind in ("untouched", "refused") for case in small_cases(kind)]
    for name, project, settings in [*small, *((f"swaps/{case.library}", case.project, Settings()) for case in swap_cases())]:
        for stage in STAGES:
            staged = run_stage(stage, project, catalogue, settings)
            yield name, project, staged.outcome, staged.project
            project = staged.project
    for case in small_cases("hazards"):
        found = hazards(build_index(case.project, catalogue), case.settings)
        yield f"hazards/{case.name}", case.project, Outcome("audit", (), tuple(found)), case.project
    for case in small_cases("gather/left"):
        staged = run_stage("gather", case.project, catalogue, case.settings)
        yield f"gather/{case.name}", case.project, staged.outcome, staged.project
    for app in apps():
        for step in steps(app):
            project = project_of(app, step.source)
            staged = run_stage(step.stage, project, catalogue, step.settings)
            yield f"{app.relative_to(FIXTURES).as_posix()}/{step.source}", project, staged.outcome, staged.project


@cache
def examples():
    """By code: the shortest example."""
    found = {}
    for name, project, outcome, after in runs():
        for decision in outcome.decisions:
            example = _example(name, decision, project.python.get(decision.path), after.python.get(decision.path))
            if example and (decision.code not in found or _size(example) < _size(found[decision.code])):
                found[decision.code] = example
    return {code: found[code] for code in RULES if code in found}


def _size(example):
    """Text of nothing but the decision is best; the name settles what is equal."""
    return len(example["before"]) + len(example["after"]), example["source"]


def _example(name, decision, before, after):
    if decision.code == "F001" or before is None:
        return None
    changed = decision.verdict.value == "change"
    old, new = _statements(before), _statements(after)
    there = [text for text, start, end in old if start <= decision.line <= end]
    shown = [text for text, _, _ in old if changed and text not in {item[0] for item in new}] or there
    result = [text for text, _, _ in new if text not in {item[0] for item in old}] if changed else []
    before_text, after_text = "\n\n".join(shown), "\n\n".join(result)
    if not shown or max(before_text.count("\n"), after_text.count("\n")) > LONGEST:
        return None
    return {"source": f"{name}/{decision.path}" if "/" in name else name, "said": _said(decision), "before": before_text, "after": after_text}


def _said(decision):
    subject = f" ({decision.subject})" if decision.subject else ""
    return f"{decision.symbol}{subject}: {decision.reason}"


def _statements(data):
    """Top-level statements with their first and last line, decorators included."""
    text = data.decode()
    lines = text.splitlines()
    found = []
    for node in ast.parse(text).body:
        start = min([node.lineno, *(item.lineno for item in getattr(node, "decorator_list", []))])
        found.append(("\n".join(lines[start - 1 : node.end_lineno]), start, node.end_lineno))
    return found


def examples_text():
    """The examples as TOML: literal strings where they can be, so that the file can be read."""
    parts = ["# Written by tests/rule_pages.py from the fixtures. Do not edit.\n"]
    for code, example in examples().items():
        parts.append(f"\n[{code}]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in example.items()))
    return "".join(parts)


def _toml(text):
    escaped = text.replace("\\", "\\\\").replace('"""', '""\\"')
    return f'"""\n{escaped}"""' if "\n" in text else '"' + escaped.replace('"', '\\"').replace('\\\\"', '\\"') + '"'


def pages():
    """File name to text, the index included."""
    _table.cache_clear()
    found = {f"{code}.md": page(code).markdown for code in RULES}
    families = {"P": "Project", "F": "Files", "R": "Handlers (routes)", "C": "Clients", "E": "Executor", "T": "Threads and context (audit)", "S": "Suppressed"}
    families = {"P": "Project", "F": "Files", "R": "Handlers (routes)", "C": "Clients", "E": "Executor", "G": "Calls at once (gather)", "S": "Suppressed"}
    index = ["# Rules", "", "Every decision of the tool carries one of these codes. `flask-to-async explain CODE` prints a page.", ""]
    for letter, title in families.items():
        rows = [
            f"| [{code}]({code}.md) | {rule.title} | {page(code).verdict} | {page(code).safety} |" for code, rule in RULES.items() if code.startswith(letter)
        ]
        index += [f"## {title}", "", "| code | what it says | usually | safety |", "|---|---|---|---|", *rows, ""] if rows else []
    return {**found, "README.md": "\n".join(index).rstrip() + "\n"}


def main():
    EXAMPLES.write_text(examples_text(), encoding="utf-8")
    folder = DOCS / "rules"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.md"):
        old.unlink()
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")
    schema = (ROOT / "codemods" / "formats" / "schema.json").read_text(encoding="utf-8")
    (DOCS / "schema").mkdir(exist_ok=True)
    (DOCS / "schema" / "flask-to-async-1.json").write_text(schema, encoding="utf-8")


if __name__ == "__main__":
    main()
