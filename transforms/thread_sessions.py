"""Sessions that each thread has of its own: what works on them moves to the request's thread as a whole or not at all.

Such sessions are `scoped_session(…)` of SQLAlchemy (looked up by thread, unless its `scopefunc` says otherwise:
https://docs.sqlalchemy.org/en/20/orm/contextual.html), `db.session` of Flask-SQLAlchemy below 3 (its change log: "the session
is scoped to the current app context instead of the thread"), and those of peewee and pony. Half of the work on another
thread would not see what the other half added, and commit nothing of it.
"""

from transforms.facts import Call
from transforms.index import Index
from transforms.reach import Reached
from transforms.values import External

_SCOPED = {"sqlalchemy.orm.scoped_session", "sqlalchemy.orm.scoping.scoped_session"}
_ALWAYS = {"peewee", "pony"}  # libraries that keep their connections by thread themselves
_FLASK = "flask-sqlalchemy"


def kept_by_thread(index: Index, work: Reached) -> str:
    """Who keeps the session of that work by thread; empty where a session belongs to the application's context, or to who made it."""
    if work.site.entry.library in _ALWAYS:
        return f"{work.site.entry.library} keeps a connection for each thread"
    for item in index.requirements.find(_FLASK):
        if item.excludes_from((3,)):
            return f"{item.source} asks for Flask-SQLAlchemy below 3, which keeps a session for each thread"
    for owner, use in index.resolver.names.everywhere("scoped_session"):
        value = index.resolver.value(use.node.func, use.scope) if isinstance(use, Call) else None
        if isinstance(value, External) and value.name in _SCOPED:
            return f"{owner.module.path}:{use.node.lineno} makes a session for each thread"
    return ""
