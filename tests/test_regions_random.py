"""Random views around a block that opens a file: before and after the migration they answer the same.

The views are made of assignments, branches, loops, exceptions, jumps and nested functions over a few names, so that every
path through the analysis of names is walked, also where no person would write such code. The seeds are fixed.
"""

import random

import pytest
from pure import migrated

from transforms.model import Verdict

HEAD = """
from flask import Flask, abort, g, request

app = Flask(__name__)
state = {"n": 0}


def toss():
    state["n"] = (state["n"] * 1103515245 + 12345) % 2147483648
    return state["n"] >> 16 & 1


@app.errorhandler(Exception)
def failed(error):
    kind = NameError if isinstance(error, NameError) else type(error)
    return f"{kind.__name__}: {error.args if kind is ValueError else ''} {g.get('log')}", 500
"""
NAMES = ("a", "b", "c", "d")


class Maker:
    """Writes one view."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.lines = []
        self.fresh = 0

    def view(self, number):
        self.lines = [f'@app.route("/{number}")', f"def view{number}():", "    g.log = []"]
        self.lines += [f"    {name} = {position}" for position, name in enumerate(NAMES) if self.random.random() < 0.8]
        self.statements(1, 3, loop=False, opened=False)
        self.opening(1, loop=False)
        self.statements(1, 3, loop=False, opened=False)
        self.lines.append(f"    return repr(({', '.join(NAMES)}, g.log))")
        return "\n".join(self.lines)

    def put(self, depth, text):
        self.lines.append("    " * depth + text)

    def value(self):
        pick = self.random.choice
        return pick(
            [pick(NAMES), str(self.random.randrange(9)), f"{pick(NAMES)} + {pick(NAMES)}", f"len([{pick(NAMES)} for d in range({pick(NAMES)} % 3)])", "toss()"]
        )

    def statements(self, depth, most, loop, opened):
        for _ in range(self.random.randint(1, most)):
            self.statement(depth, loop, opened)

    def statement(self, depth, loop, opened):
        name = self.random.choice(NAMES)
        kinds = ["assign"] * 6 + ["augment"] * 2 + ["log"] * 3 + ["if", "for", "try", "try", "raise", "return", "walrus", "lambda", "unpack", "delete", "while"]
        kinds += ["jump"] * 2 if loop else []
        kinds += ["read"] * 4 if opened else ["open"]
        kind = self.random.choice(kinds) if depth < 6 else "assign"
        getattr(self, f"on_{kind}")(depth, loop, opened, name)

    def on_assign(self, depth, loop, opened, name):
        self.put(depth, f"{name} = {self.value()}")

    def on_augment(self, depth, loop, opened, name):
        self.put(depth, f"{name} += {self.value()}")

    def on_log(self, depth, loop, opened, name):
        self.put(depth, f"g.log.append({self.value()})")

    def on_unpack(self, depth, loop, opened, name):
        self.put(depth, f"{name}, {self.random.choice(NAMES)} = {self.value()}, {self.value()}")

    def on_walrus(self, depth, loop, opened, name):
        self.put(depth, f"g.log.append(toss() and ({name} := {self.value()}))")

    def on_lambda(self, depth, loop, opened, name):
        self.fresh += 1
        self.put(depth, f"peek{self.fresh} = lambda: {name}")
        self.statements(depth, 2, loop, opened)
        self.put(depth, f"g.log.append(peek{self.fresh}())")

    def on_delete(self, depth, loop, opened, name):
        if self.random.random() < 0.2:
            self.put(depth, f"del {name}")
        else:
            self.put(depth, f"{name} = sum({self.random.choice(NAMES)} for _ in range(2))")

    def on_read(self, depth, loop, opened, name):
        self.put(depth, f"{name} = len(file.readline())")

    def on_raise(self, depth, loop, opened, name):
        self.put(depth, "if toss():")
        self.put(depth + 1, f"raise ValueError({self.value()})")

    def on_return(self, depth, loop, opened, name):
        self.put(depth, "if toss() and toss():")
        self.put(depth + 1, f"return repr(({self.value()}, g.log))")

    def on_jump(self, depth, loop, opened, name):
        self.put(depth, "if toss():")
        self.put(depth + 1, self.random.choice(["break", "continue"]))

    def on_if(self, depth, loop, opened, name):
        self.put(depth, f"if {self.random.choice(['toss()', f'{name} % 2'])}:")
        self.statements(depth + 1, 2, loop, opened)
        if self.random.random() < 0.4:
            self.put(depth, "else:")
            self.statements(depth + 1, 2, loop, opened)

    def on_for(self, depth, loop, opened, name):
        source = "file" if opened and self.random.random() < 0.5 else "range(3)"
        self.put(depth, f"for {name} in {source}:" if source != "file" else "for line in file:")
        self.statements(depth + 1, 3, True, opened)

    def on_while(self, depth, loop, opened, name):
        self.put(depth, "while toss():")
        self.statements(depth + 1, 2, True, opened)

    def on_try(self, depth, loop, opened, name):
        self.put(depth, "try:")
        self.statements(depth + 1, 3, loop, opened)
        if self.random.random() < 0.8:
            self.put(depth, "except ValueError as error:")
            self.put(depth + 1, "g.log.append(error.args)")
            self.statements(depth + 1, 2, loop, opened)
            if self.random.random() < 0.3:
                self.put(depth, "else:")
                self.statements(depth + 1, 2, loop, opened)
            if self.random.random() < 0.3:
                self.put(depth, "finally:")
                self.put(depth + 1, f"g.log.append({name})")
        else:
            self.put(depth, "finally:")
            self.statements(depth + 1, 2, False, opened)

    def on_open(self, depth, loop, opened, name):
        if self.random.random() < 0.5:
            self.opening(depth, loop)
        else:
            self.on_assign(depth, loop, opened, name)

    def opening(self, depth, loop):
        if self.random.random() < 0.7:
            self.put(depth, 'with open("a.txt") as file:')
            self.statements(depth + 1, 4, loop, True)
        else:
            self.put(depth, 'file = open("a.txt")')
            self.statements(depth, 3, loop, True)
            self.put(depth, "file.close()")


def answers(text, count):
    namespace = {"__name__": "views"}
    exec(compile(text, "views.py", "exec", dont_inherit=True), namespace)
    client = namespace["app"].test_client()
    seen = []
    for number in range(count):
        for seed in range(6):
            namespace["state"]["n"] = seed * 7919 + 17
            answer = client.get(f"/{number}")
            seen.append((number, seed, answer.status_code, answer.get_data(as_text=True)))
    return seen


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("seed", range(1))
def test_random_views_answer_the_same(seed, tmp_path, monkeypatch, count=50):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("x\nxx\nxxx\nxxxx\n")
    views = [Maker(seed * 1000 + number).view(number) for number in range(count)]
    text = HEAD.lstrip() + "".join(f"\n\n{view}\n" for view in views)
    after, decisions = migrated(text)
    moved = {item.symbol for item in decisions if item.code == "E309" and item.verdict == Verdict.CHANGE}
    assert len(moved) >= count / 10, "hardly anything moved: the views show nothing"
    for before, now in zip(answers(text, count), answers(after["app.py"], count), strict=True):
        assert now == before, views[before[0]]
