"""Small apps against real servers, before and after the migration: the same answers, exceptions, requests and files.

Each app is called view by view, then some views from several threads at once, on a fresh server each time. What differs is
listed below with its reason, and must differ: the list cannot grow old. Every app is also run with one `await` less in each
view, and each view must then be seen to differ, so that a view which would hide a mistake is found out.
"""

import pytest
from differing import APPS, Seen, bench, without_awaits
from servers import SERVERS

from transforms.model import Settings
from transforms.stages import ALL_STAGES

NAMES = sorted(path.stem for path in APPS.glob("*.py"))
VARIANTS = {
    "default": Settings(),
    "--orm executor": Settings(orm="executor"),
    "one loop": Settings(all_handlers=True),
    "--unsafe C230": Settings(unsafe=("C230",)),
    "--unsafe C220": Settings(unsafe=("C220",), all_handlers=True),
    "--http bridge": Settings(http="bridge", all_handlers=True),
}
HAS_DATABASE = ("postgres", "mariadb", "files_sqlite3")
ON_REQUEST = ("azure_blobs",)  # exchanged only where C220 is opted in
ON_ONE_LOOP = ("http_httpx", "redis_commands", "redis_kept", "postgres_psycopg")

OTHER_CLASS = "an exception that nobody catches is one of the new library"
OTHER_TEXT = "the text of a failed connection or a timeout is another one"
TEXT_JSON = "JSON that is sent as text without a charset is read as UTF-8 and not as Latin-1"
MARKED_JSON = "JSON that is sent as another type must not begin with a byte order mark"
NOT_QUOTED = "the address in a redirect is not quoted again"
KEY_CASE = "the KeyError of a header that is not there names it as it was written"
KEPT_TYPE = "a redirected POST keeps its Content-Type"
DIFFERENCES = {
    "http_requests": {
        **dict.fromkeys(("hops_too_many", "raised_404", "json_bad", "json_empty_caught", "timeout", "refused", "dropped", "short"), OTHER_CLASS),
        **dict.fromkeys(("redirect_empty", "redirect_nowhere", "redirect_relative", "json_16", "json_bom", "post_json_not_a_number"), OTHER_CLASS),
        "json_text": TEXT_JSON,
        "json_vendor_bom": MARKED_JSON,
        **dict.fromkeys(("redirect_odd", "redirect_bad_quote", "redirect_latin"), NOT_QUOTED),
        "answer_header_missing": KEY_CASE,
    },
    "http_httpx": dict.fromkeys(("slow", "refused"), OTHER_TEXT),
    "redis_commands": {"block_refused": OTHER_TEXT},
}
OPTED_IN = {"http_requests": {**DIFFERENCES["http_requests"], "redirect_post_becomes_get": KEPT_TYPE}}
SHORT_CHAIN = "the system's or http.client's own error does not stand behind that of urllib3 in `__context__`"
SENT_AGAIN = "a GET whose kept connection ends before an answer is sent again"
BRIDGED = {"http_requests": {**dict.fromkeys(("dropped", "refused", "timeout"), SHORT_CHAIN), "redirect_relative": SENT_AGAIN}}
DIFFERING = {"azure_blobs": {"refused": OTHER_TEXT}}
KNOWN = {"--unsafe C230": OPTED_IN, "--http bridge": BRIDGED, "--unsafe C220": DIFFERING}


def test_the_page_lists_what_differs():
    page = (APPS.parent.parent / "docs" / "explanation" / "equality.md").read_text()
    listed = [reason for table in (DIFFERENCES, *KNOWN.values()) for views in table.values() for reason in views.values()]
    assert [reason for reason in listed if reason not in page] == []


def changed(name: str, variant: str) -> tuple[str, ...]:
    """The stages of that variant; none where it would show nothing new."""
    if variant == "one loop":
        return tuple(ALL_STAGES) if name in ON_ONE_LOOP else ()
    if variant == "--unsafe C220":
        return tuple(ALL_STAGES) if name in ON_REQUEST else ()
    if variant == "--unsafe C230" and name != "http_requests" or variant == "--http bridge" and not name.startswith("http_requests"):
        return ()
    return ("routes", "clients", "executor") if variant != "--orm executor" or name.startswith(HAS_DATABASE) else ()


def on_the_wire(name: str, variant: str, sent: list | None) -> list | None:
    """What arrived, without what the exchange of requests is known to change: the User-Agent."""
    if name != "http_requests" or variant == "--http bridge" or sent is None:
        return sent
    return [[method, path, [item for item in headers if item[0] != "user-agent"], body] for method, path, headers, body in sent]


def differing(name: str, variant: str, before: Seen, after: Seen) -> set[str]:
    """The views of which something else is seen."""

    def seen(what: Seen, view: str) -> list:
        return [what.answers.get(view), on_the_wire(name, variant, what.arrived.get(view))]

    return {view for view in {*before.answers, *before.arrived} if seen(before, view) != seen(after, view)}


@pytest.mark.parametrize("name", NAMES)
def test_the_same_is_seen_before_and_after(name, tmp_path):
    missing = SERVERS[name.partition("_")[0]]().missing()
    if missing:
        pytest.skip(missing)
    with bench(name, tmp_path) as table:
        before = table.seen("before", {"app.py": table.source})
        assert not before.lost
        for variant, settings in VARIANTS.items():
            if stages := changed(name, variant):
                files = table.migrated(variant, settings, stages)
                after = table.seen(f"after {variant}", files)
                known = set(KNOWN.get(variant, DIFFERENCES).get(name, {}))
                found = differing(name, variant, before, after)
                assert {view: (before.of(view), after.of(view)) for view in found - known} == {}, variant
                assert variant not in ("default", *KNOWN) or known <= found, "no longer different: take it out of the list"
                assert (after.at_once, after.files, after.lost) == (before.at_once, before.files, []), variant
        notice(name, table)


def notice(name, table):
    """One await less in a view, the first or the last: that something else is then seen of the view."""
    files = table.migrated("migrated", Settings(unsafe=("C220",)), ("routes", "clients", "executor"))
    whole = table.seen("whole", files)
    for pick in ("first", "last"):
        text, views = without_awaits(files["app.py"], pick)
        assert len(views) >= 10
        broken = table.seen(f"broken {pick}", {**files, "app.py": text})
        assert [view for view in views if broken.of(view) == whole.of(view)] == [], f"a mistake in these views would not be seen ({pick} await)"
