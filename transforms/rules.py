"""Every rule code: what it says, in one sentence.

R routes, C clients, E executor, G gather, S server, T threads and context (audit), D dependencies, B Bowler queries, U the user's wish,
V verify, P project, F file.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """A code, its title, and what the user can do."""

    code: str
    title: str
    remedy: str = ""


_TABLE = (
    Rule("P001", "the project cannot be migrated as it is", "Mend what the reason names, then run the tool again."),
    Rule("F001", "the file could not be read", "Mend the file; the rest of the project was handled without it."),
    Rule("F002", "the file could not be rewritten safely", "Change it by hand, or report the construct."),
    Rule("R100", "the handler becomes `async def`"),
    Rule("R101", "nothing in the handler would be awaited", "On Flask an async view that awaits nothing only costs time; leave it."),
    Rule("R102", "the handler is a generator", "Flask iterates it in the worker's thread; leave it."),
    Rule("R103", "code that cannot await calls the handler, or may", "Move the shared part into a helper that both call."),
    Rule("R104", "Flask or the extension does not await it in this place", "Leave it synchronous."),
    Rule("R105", "a decorator outside the handler is itself async", "Make the stack of decorators synchronous, or await in each."),
    Rule("R106", "thread-bound work would move to another thread", "Move that work into a helper that returns plain values."),
    Rule("R107", "the handler would fail inside a running event loop", "Await the coroutine instead of running a loop; for streams, ask for flask>=3.1.2."),
    Rule("R108", "the class is part of a hierarchy that calls or overrides the method", "Migrate the whole hierarchy by hand."),
    Rule("R109", "only database work through an ORM is reached", "`--orm executor` moves it off the loop."),
    Rule("R110", "the handler is async already"),
    Rule("R111", "no blocking call stands where `await` may be written", "Take the call out of the construct that the reason names."),
    Rule("R112", "the object that registers the handler is not known", "Annotate the object, for example `app: Flask`."),
    Rule("R113", "database work and blocking calls are mixed", "`--orm executor` moves the database work off the loop too."),
    Rule("C200", "the client call is replaced by its asynchronous form"),
    Rule("C201", "the helper becomes `async def` and its callers await it"),
    Rule("C202", "the client call is not proved equal to an asynchronous one", "The executor stage moves it to a thread."),
    Rule("C203", "the helper stays synchronous", "The executor stage moves the call of it to a thread."),
    Rule("C204", "an async twin is written beside the helper", "Keep both in step, or make the other callers async as well."),
    Rule("C206", "the call goes over the requests bridge"),
    Rule("C207", "the call cannot go over the requests bridge", "The executor stage moves it to a thread."),
    Rule("C208", "the module of the requests bridge has no place", "Rename what is in its way, then run the stage again."),
    Rule("C210", "the client and all that is made from it become their asynchronous forms"),
    Rule("C211", "one asynchronous client is shared by all requests"),
    Rule("C212", "the client is kept over requests, and each async view has a loop of its own", "`--stage server`, then the stage clients again."),
    Rule("C213", "the client is used in a way that differs on its asynchronous form", "The executor stage moves it to a thread."),
    Rule("C214", "the client leaves the code that is followed", "Make and use it in one function, or at the top level of a module."),
    Rule("C215", "what makes the client is not proved to mean the same", "The executor stage moves its calls to a thread."),
    Rule("C216", "the project asks for a version of the library that is too old", "Raise the requirement, then run the tool again."),
    Rule("C217", "the tests put something else in the client's place", "Let the tests use a real server, or leave it."),
    Rule("C218", "the client may be another one later", "Make it once, by a statement at the top level of a module."),
    Rule("C219", "nothing closes the client", "Write `with … as client:` around its use."),
    Rule("C220", "the asynchronous form differs in something that no source shows", "Read what the reason names, then opt in with `--unsafe C220`."),
    Rule("C230", "a redirected POST would keep its Content-Type", "Write `allow_redirects=False` where it is not redirected, or opt in with `--unsafe C230`."),
    Rule("E300", "the blocking call moves to a worker thread"),
    Rule("E301", "the call of a blocking helper moves to a worker thread"),
    Rule("E302", "the work moves to the request's own thread"),
    Rule("E303", "better left where it is"),
    Rule("E304", "cannot be moved by itself", "Move the whole block into a function of its own."),
    Rule("E305", "`await` cannot be written here", "Take the call out of the construct that the reason names."),
    Rule("E306", "database work is left where it is", "`--orm executor` moves it to the request's own thread."),
    Rule("E307", "reached through code that the tool cannot follow", "Look at the call yourself."),
    Rule("E309", "the block moves to a worker thread as one"),
    Rule("G600", "independent calls that only read are made at once"),
    Rule("G601", "the call needs the result of the one before it", "Leave the order as it is."),
    Rule("G602", "the call is not proved to read only", "Write `asyncio.gather` yourself where you know that the order does not matter."),
    Rule("G603", "an argument would be evaluated earlier", "Give the argument a name on a line above the first call."),
    Rule("G604", "what stands around the calls would see that they run at once", "Leave the order as it is."),
    Rule("G605", "the calls cannot be written as one", "Do what the reason names."),
    Rule("S400", "all async views run on one event loop per process"),
    Rule(
        "S401",
        "it may block, so Flask's own loops stay, one for each view",
        "Move it off the loop (`asyncio.to_thread`), or leave the host as it is. A library in which nothing waits can be named in a catalogue file of your own (`modules`).",
    ),
    Rule("S402", "it may block the loop that all async views share", "Move it off the loop (`asyncio.to_thread`), or take the line `one_loop(app)` out."),
    Rule("S403", "the command that serves the application is put right"),
    Rule("S404", "the command does not serve a Flask application well", "Serve it with gunicorn and threads."),
    Rule("S405", "the application cannot be put on one loop", "Do what the reason names, or add `one_loop(app)` by hand."),
    Rule("S406", "the application is served by an ASGI server", "Start it as the reason says."),
    Rule("S407", "requests have a thread each on the ASGI server", "Move it off the loop, or leave it: threads are what a WSGI server would give."),
    Rule("S408", "what runs on the ASGI server's loop is no longer proved to be harmless", "Take the name out of `ON_LOOP`, or move what blocks to a thread."),
    Rule("S409", "the application cannot be served by an ASGI server", "Do what the reason names, or write `asgi.py` by hand."),
    Rule(
        "T500",
        "a SQLite connection is used on another thread than the one that opened it",
        "Open it where it is used, or run the work with `sync_to_async`, on the request's own thread.",
    ),
    Rule("T501", "a `threading.local` does not hold in async code", "Use a `contextvars.ContextVar`, or keep the value in `g`."),
    Rule("T502", "a thread lock is held across an `await`", "Use an `asyncio.Lock` on one loop, or hold the lock only where nothing is awaited."),
    Rule("T503", "async code waits for another thread", "Await it: `await asyncio.to_thread(…)`, or the asyncio form of the same object."),
    Rule("T504", "shared state is read before an `await` and written after it", "Read and write it with no `await` between, or hold a lock over both."),
    Rule("T505", "an event loop is started inside a running one", "Await the coroutine instead."),
    Rule("T506", "a coroutine is never awaited", "Write `await` in front of the call."),
    Rule("T507", "a task is started and dropped", "Keep it and await it, or hand the work to a queue of its own."),
    Rule("T508", "a context variable is set and never reset", "Reset it with the token that `set` gave, or set it in a `before_request` hook."),
    Rule("T509", "a loop computes on the event loop", "Move the whole loop to a thread or a process: `await asyncio.to_thread(…)`."),
    Rule(
        "T510",
        "an object of one event loop is shared by views that run on several",
        "Make it where it is used, or put all views on one loop: `--stage server`.",
    ),
    Rule("D500", "what the migrated code needs is added to the declared dependencies", "Install them."),
    Rule("D501", "the dependency is left to you", "Add it where the file is made, then install it."),
    Rule("B400", "a Bowler query changes the file", "Read the diff: what the query means is known to its author only."),
    Rule("B401", "Bowler's grammar cannot parse the file", "Change it by hand; Bowler does not know much syntax that is newer than Python 3.7."),
    Rule("B402", "the query failed on the file", "Mend the query."),
    Rule("B403", "what the query made of the file is not sound", "Mend the query, or change the file by hand."),
    Rule("U400", "a comment in the code leaves it", "Take the comment out when the change is wanted."),
    Rule("U401", "the settings leave it", "Take the code out of `ignore` or `per-path-ignore` when the change is wanted."),
    Rule("U402", "the behaviour may differ, and the rule is not opted in", "Read the reason, then opt in with `--unsafe CODE`."),
    Rule("U403", "a suppression comment is misspelt or has no effect", "Mend the comment, move it to the line that it is about, or take it out."),
    Rule(
        "V400", "refused by the app's tests", "`verify` shows the test and its output: mend the test where it only fits synchronous code, or report the change."
    ),
    Rule(
        "V401", "it blocked a loop at run time, and static analysis does not see why", "Look at what runs there; a catalogue file of yours can say what it is."
    ),
)
CHANGING = ("R100", "C200", "C201", "C204", "C206", "C210", "C211", "E300", "E301", "E302", "E309", "G600")
UNSAFE = ("C220", "C230", "E302", "G600")  # rules that opting in has an effect on
RULES = {rule.code: rule for rule in _TABLE}
FOUND = tuple(code for code in RULES if code.startswith("T"))
