"""`flask-to-async explain`."""

from typing import Annotated

import typer

from codemods.console import fail, print_lines
from transforms.rules import RULES


def explain(code: Annotated[str, typer.Argument(metavar="CODE", help="A rule code such as R103; without one, all are listed.")] = "") -> None:
    """Say what a rule means, why it exists, with an example, and how to suppress it."""
    from codemods.explain import nearest, page

    if not code:
        print_lines(f"{rule.code}  {rule.title}" for rule in RULES.values())
        return
    wanted = code.strip().upper()
    if wanted not in RULES:
        near = nearest(code)
        fail(f"there is no rule {code!r}{f'; did you mean {near}?' if near else ''} (`flask-to-async explain` lists all)")
    print_lines([page(wanted).text.rstrip("\n")])
