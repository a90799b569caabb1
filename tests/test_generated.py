"""Random modules: whatever Python it is, the tool does not crash, and touches only what it decided to change."""

import ast
import random
import time

import laws
import pytest
from pure import project
from pysource_codegen import generate

pytestmark = pytest.mark.filterwarnings("ignore::SyntaxWarning")
SECONDS = 6  # for each of the two tests with random modules
HEADER = """\
import time, subprocess as sp
from flask import Flask
app = Flask(__name__)

def helper(seconds):
    time.sleep(seconds)
    return sp.run(["true"])

@app.route("/")
def index():
    helper(1)
    time.sleep(0.1)
    return "x"

"""


def random_modules(first: int, limit: int):
    """Until the time is up, but never fewer than five."""
    end = time.monotonic() + SECONDS
    seed = first
    while time.monotonic() < end or seed < first + 5:
        try:
            source = generate(seed, node_limit=limit, depth_limit=6)
            compile(source, "generated", "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            source = None  # the generator's own slips
        if source is not None:
            yield seed, source
        seed += 1


def obeys(source: str, label: object) -> laws.Run:
    run = laws.Run(project(source))
    for law in (laws.law_1_compiles, laws.law_3_changed_if_decided, laws.law_4_only_what_is_decided):
        assert law(run) == [], label
    return run


def test_random_modules_beside_a_view():
    """The view is known, the rest is noise: it must stay as it is, byte for byte, wherever no decision names it."""
    changed = 0
    for seed, source in random_modules(1000, 300):
        run = obeys(HEADER + source + "\n", seed)
        changed += run.projects[0].python != run.projects[-1].python
    assert changed, "not one of the modules could be migrated: the test looks at nothing"


def test_random_bodies_inside_a_view():
    """The noise is the body of a view that also waits."""
    for seed, source in random_modules(5000, 120):
        body = "\n".join(f"    {line}" for line in source.splitlines())
        text = f"import time\nfrom flask import Flask\napp = Flask(__name__)\n\n@app.route('/')\ndef index():\n    time.sleep(1)\n{body}\n"
        try:
            compile(text, "generated", "exec", dont_inherit=True)
        except (SyntaxError, ValueError):
            continue
        obeys(text, seed)


PIECES = (
    "time.sleep(1)", "time.sleep(\n        1  # why\n    )", "(time.sleep)(1)", "time.sleep(1); time.sleep(2)", "x = [time.sleep(1)]", "x = helper(1).returncode",
    "x = helper(1)[0]", "x = -helper(1)", "x = helper(1) ** 2", "x = not helper(1)", "x = helper(1) if helper(2) else helper(3)", "x = helper(helper(1))",
    "assert helper(1), helper(2)", "x = {**helper(1)}", "x = [*helper(1)]", "print(*helper(1), **helper(2))", "x = f'{helper(1)}'", "x = lambda: helper(1)",
    "x = [helper(i) for i in helper(2)]", "x = (helper(i) for i in 'ab')", "x = {helper(i): helper(j) for i in 'ab' for j in helper(i)}", "del x[helper(1)]",
    "x: int = helper(1)", "x += helper(1)", "(y := helper(1))", "if helper(1): pass", "while helper(1): break", "for i in helper(1): helper(i)",
    "with open('f') as f: f.read()", "with helper(1): helper(2)", "try:\n        helper(1)\n    finally:\n        helper(2)", "match helper(1):\n        case 1: helper(2)",
    "raise ValueError(helper(1))", "return helper(1)", "global g; g = helper(1)", "import time as t; t.sleep(1)", "def inner(): helper(1)", "class C: y = helper(1)",
    "x = helper(1) < helper(2) < helper(3)", "x = helper(1),", "x = '\U0001f600', helper(1)", "x = '''\n''', helper(1)", "x = helper  (  1  )", "x = helper(\n1)",
    "x = (\n    helper(1)\n    # why\n    + helper(2)\n    )", "x = helper(1)\\\n        .returncode", "x[helper(1)] = helper(2)", "x = y = helper(1)", "x, *y = helper(1)",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(12))
def test_mixed_statements(seed):
    """Every statement that a call may stand in, a few at a time, in the body of a view: all laws."""
    chosen = random.Random(seed).sample(PIECES, 6)
    text = HEADER.replace("    helper(1)\n    time.sleep(0.1)\n", "".join(f"    {piece}\n" for piece in ["x = y = {}", *chosen]))
    ast.parse(text)
    run = obeys(text, chosen)
    for law in laws.LAWS:
        assert law(run) == [], chosen


@pytest.mark.parametrize("piece", PIECES)
def test_each_statement(piece):
    text = HEADER.replace("    helper(1)\n    time.sleep(0.1)\n", f"    x = y = {{}}\n    {piece}\n")
    run = obeys(text, piece)
    for law in laws.LAWS:
        assert law(run) == [], piece
