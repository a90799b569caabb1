"""One JSON document; its schema is `schema.json` beside this file (`flask-to-async schema` prints it)."""

import json
from collections.abc import Iterator, Mapping
from typing import Any


def lines(record: Mapping[str, Any], verbose: bool) -> Iterator[str]:
    """The record as it is, indented; everything is in it, `verbose` or not."""
    yield json.dumps(record, indent=2, ensure_ascii=False)
