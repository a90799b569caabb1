"""Where a new import goes, and which old ones are taken out."""

import ast

import pytest

from transforms.edits import Import
from transforms.imports import add_constants, add_imports, drop_unused
from transforms.scan import scan

ASYNCIO = Import("asyncio")
PLACES = {
    "empty file": ("", "import asyncio\n"),
    "in order": ("import abc\nimport time\n", "import abc\nimport asyncio\nimport time\n"),
    "first": ("import time\n", "import asyncio\nimport time\n"),
    "last": ("import abc\n\nx = 1\n", "import abc\nimport asyncio\n\nx = 1\n"),
    "there already": ("import asyncio\n", "import asyncio\n"),
    "there, in a list": ("import abc, asyncio\n", "import abc, asyncio\n"),
    "under another name": ("import asyncio as aio\n", "import asyncio\nimport asyncio as aio\n"),
    "below the docstring": ('"""Doc."""\n\nx = 1\n', '"""Doc."""\n\nimport asyncio\n\nx = 1\n'),
    "below the future": ("from __future__ import annotations\n\nx = 1\n", "from __future__ import annotations\n\nimport asyncio\n\nx = 1\n"),
    "before third party": ("from flask import Flask\n", "import asyncio\n\nfrom flask import Flask\n"),
    "before the froms": ("import abc\nfrom pathlib import Path\n", "import abc\nimport asyncio\nfrom pathlib import Path\n"),
    "comment at the top": ("#!/usr/bin/env python\n# licence\nimport time\n", "#!/usr/bin/env python\n# licence\nimport asyncio\nimport time\n"),
    "crlf": ("import abc\r\n\r\nx = 1\r\n", "import abc\r\nimport asyncio\r\n\r\nx = 1\r\n"),
    "several lines": ("from os import (\n    path,\n)\n", "import asyncio\nfrom os import (\n    path,\n)\n"),
    "not inside try": (
        "import abc\n\ntry:\n    import json\nexcept ImportError:\n    json = None\n",
        "import abc\nimport asyncio\n\ntry:\n    import json\nexcept ImportError:\n    json = None\n",
    ),
}


@pytest.mark.parametrize("case", PLACES)
def test_place(case):
    before, after = PLACES[case]
    assert add_imports(before, [ASYNCIO]) == after


@pytest.mark.parametrize("case", PLACES)
def test_twice_is_once(case):
    after = add_imports(PLACES[case][0], [ASYNCIO])
    assert add_imports(after, [ASYNCIO]) == after


def test_own_modules_come_last():
    before = "import time\n\nfrom flask import Flask\n\nfrom shop import models\n"
    after = add_imports(before, [Import("shop.async_support", "run_async")], {"shop"})
    assert after == before.replace("from shop import models\n", "from shop import models\nfrom shop.async_support import run_async\n")


def test_relative_import():
    before = "from . import models\n"
    assert add_imports(before, [Import(".async_support", "run_async")]) == "from . import models\nfrom .async_support import run_async\n"
    assert add_imports("", [Import("..async_support", "run_async")]) == "from ..async_support import run_async\n"


def test_a_name_joins_the_statement_that_is_there():
    assert (
        add_imports("from asgiref.sync import async_to_sync\n", [Import("asgiref.sync", "sync_to_async")])
        == "from asgiref.sync import async_to_sync, sync_to_async\n"
    )


def test_a_name_joins_a_statement_in_brackets():
    before = "from asgiref.sync import (\n    async_to_sync,\n)\n"
    assert add_imports(before, [Import("asgiref.sync", "sync_to_async")]) == before.replace(",\n)", ",\n    sync_to_async,\n)")


@pytest.mark.parametrize("end", ["", "\n"])
def test_always_valid(end):
    for before, _ in PLACES.values():
        ast.parse(add_imports(before.rstrip("\r\n") + end, [ASYNCIO, Import("asgiref.sync", "sync_to_async"), Import("certifi")]))


def dropped(before, after, kept=()):
    return drop_unused(after, scan("app.py", ast.parse(before)), kept)


DROPS = {
    "no longer used": ("import time\ntime.sleep(1)\n", "import time\nx = 1\n", "x = 1\n"),
    "still used": ("import time\ntime.sleep(1)\ntime.time()\n", "import time\ntime.time()\n", "import time\ntime.time()\n"),
    "never used": ("import time\n", "import time\n", "import time\n"),
    "one of several": ("import abc, time\nabc.x, time.sleep(1)\n", "import abc, time\nabc.x\n", "import abc\nabc.x\n"),
    "from": ("from time import sleep, time\nsleep(1), time()\n", "from time import sleep, time\ntime()\n", "from time import time\ntime()\n"),
    "in brackets": ("from time import (\n    sleep,\n    time,\n)\nsleep(1), time()\n", "from time import (\n    sleep,\n    time,\n)\nsleep(1)\n", "from time import (\n    sleep,\n)\nsleep(1)\n"),
    "exported": ("import time\n__all__ = ['time']\ntime.sleep(1)\n", "import time\n__all__ = ['time']\n", "import time\n__all__ = ['time']\n"),
    "bound twice": ("try:\n    import time\nexcept ImportError:\n    time = None\ntime.sleep(1)\n", "try:\n    import time\nexcept ImportError:\n    time = None\n", "try:\n    import time\nexcept ImportError:\n    time = None\n"),
    "under another name": ("import time as t\nt.sleep(1)\n", "import time as t\n", ""),
    "in an annotation only": ("import time\nx: time.struct_time\ntime.sleep(1)\n", "import time\nx: time.struct_time\n", "import time\nx: time.struct_time\n"),
}  # fmt: skip


@pytest.mark.parametrize("case", DROPS)
def test_drop(case):
    before, after, wanted = DROPS[case]
    assert dropped(before, after) == wanted


def test_what_others_take_is_kept():
    assert dropped("import time\ntime.sleep(1)\n", "import time\n", {"time"}) == "import time\n"


def test_a_string_annotation_keeps_its_import():
    text = "import time\nx: 'time.struct_time' = None\n"
    assert dropped(f"{text}time.sleep(1)\n", text) == text


def test_constant_below_the_imports():
    assert add_constants("import ssl\n\nx = 1\n", ["A = ssl.X"]) == "import ssl\n\nA = ssl.X\n\nx = 1\n"
    once = add_constants("import ssl\n\nx = 1\n", ["A = ssl.X"])
    assert add_constants(once, ["A = ssl.X"]) == once
