"""What becomes of statements besides their calls: a twin below a function, a line below, a guard or a client's block around. On LibCST nodes."""

import libcst as cst

from transforms.call_edits import with_keywords
from transforms.edits import AddLine, AddTwin, ClientBlock, GuardStatus, MakeAsync, SwapBlock

_ASYNC = cst.Asynchronous(cst.SimpleWhitespace(" "))


def made_async(node: cst.FunctionDef, edit: MakeAsync) -> cst.FunctionDef:
    """`async def`, and the adapter below all other decorators."""
    adapter = [cst.Decorator(cst.parse_expression(edit.adapter))] if edit.adapter else []
    return node.with_changes(asynchronous=_ASYNC, decorators=[*node.decorators, *adapter])


def twin(node: cst.FunctionDef, edit: AddTwin) -> cst.FunctionDef:
    """The `async def` copy of a function."""
    return node.with_changes(name=cst.Name(edit.name), asynchronous=_ASYNC, leading_lines=[cst.EmptyLine(indent=False)] * edit.blank_lines)


def with_line(line: cst.SimpleStatementLine, edit: AddLine) -> cst.FlattenSentinel[cst.BaseStatement]:
    """The line, and another one below it."""
    return cst.FlattenSentinel([line, cst.parse_statement(edit.code)])


def guarded(line: cst.SimpleStatementLine, edit: GuardStatus) -> cst.If:
    """`raise_for_status()` for client and server errors only: httpx raises for a 304 too, and requests does not."""
    test = cst.parse_expression(f"400 <= {edit.name}.status_code < 600")
    return cst.If(test, cst.IndentedBlock([line.with_changes(leading_lines=[])]), leading_lines=line.leading_lines)


def in_client(line: cst.SimpleStatementLine, edit: ClientBlock) -> cst.With:
    """The statement with a client call in a block of its own."""
    item = cst.WithItem(cst.parse_expression(edit.client), cst.AsName(cst.Name(edit.name)))
    inner = line.with_changes(leading_lines=[])
    return cst.With([item], cst.IndentedBlock([inner]), asynchronous=_ASYNC, leading_lines=line.leading_lines)


def over_client(node: cst.With, edit: SwapBlock) -> cst.With:
    """`async with` over the asynchronous client."""
    call = cst.ensure_type(node.items[0].item, cst.Call)
    call = with_keywords(call.with_changes(func=cst.parse_expression(edit.callee)), edit.keywords)
    return node.with_changes(asynchronous=_ASYNC, items=[node.items[0].with_changes(item=call)])
