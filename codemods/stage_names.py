"""What a stage is called: one of ours by its name, a Bowler query by `PATH.py:NAME`."""


class QueryError(Exception):
    """A Bowler query cannot be run at all; the message says what to do."""


def is_query(stage: str) -> bool:
    """Whether the name of a stage is that of a Bowler query."""
    path, colon, name = stage.rpartition(":")
    return bool(colon) and path.endswith(".py") and name.isidentifier()
