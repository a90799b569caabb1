"""The report of many repositories, in a real browser."""

import csv
import io
import json
import time

import pytest
from browser import launch
from bulk_repositories import GOOD, bare
from test_bulk import bulk
from test_page import CONTRAST, until

from codemods.bulk.page import page_parts
from codemods.bulk.report import CSV, as_csv

sync_api = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
EVIL = "</script><img src=x onerror=pwned=1>"


def row(number):
    """What the ledger would say of a repository."""
    outcome = ("migrated", "unchanged", "failed", "skipped")[number % 4]
    return {
        "name": f"service-{number:04}", "url": f"https://git.example.com/team/service-{number:04}.git", "outcome": outcome, "phase": "", "base": "main",
        "reason": f"clone: git fetch: {EVIL} {number}" if outcome == "failed" else "", "branch": "flask-to-async", "tip": "1" * 40, "commits": number % 4,
        "stages": {"routes": {"groups": 1, "files": 1, "change": 2, "leave": 3, "refuse": number % 7}}, "handlers": number % 50, "async": number % 20,
        "files": 3, "needs": ["flask[async]"], "blocking_before": number % 90, "blocking_after": number % 30, "tests": "12 pass", "taken_back": 0,
        "unread": [["a.py", EVIL]] if number % 9 == 0 else [], "unread_files": int(number % 9 == 0), "pushed": "", "pull_request": "", "declined": False,
    }  # fmt: skip


def many(number):
    rows = [row(item) for item in range(number)]
    outcomes = {name: sum(item["outcome"] == name for item in rows) for name in ("migrated", "unchanged", "skipped", "failed", "pending")}
    sums = {key: sum(item[key] for item in rows) for key in ("handlers", "async", "commits", "files", "blocking_before", "blocking_after", "unread_files")}
    return {
        "tool": {"name": "flask-to-async", "version": "0"}, "pass": {"number": 2, "wave": 1, "waves": 3}, "summary": {"repositories": number, **outcomes, **sums},
        "repositories": rows, "errors": [], "rules": [{"code": "R100", "title": "x", "repositories": 3, "change": 1, "leave": 0, "refuse": 0}],
        "refused": [{"code": "E304", "reason": f"`open` {EVIL}", "number": 5, "repositories": 2}],
        "burndown": [{"pass": item, "date": f"2026-01-0{item}T00:00:00Z", "repositories": number, "before": 90 // item, "after": 30 // item} for item in (1, 2)],
    }  # fmt: skip


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        opened = launch(playwright)
        yield opened
        opened.close()


@pytest.fixture
def view(browser):
    """Opens a page; fails on any error of a script, and on any request that is not for the page itself."""
    contexts = []

    def show(path, **options):
        context = browser.new_context(**{"viewport": {"width": 1300, "height": 850}, **options})
        page = context.new_page()
        contexts.append((context, page))
        page.problems = []
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.on("console", lambda message: page.problems.append(message.text) if message.type in ("error", "warning") else None)
        page.on("request", lambda sent: page.problems.append(sent.url) if sent.url != path.as_uri() else None)
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready]")
        return page

    yield show
    for context, page in contexts:
        assert not page.problems
        context.close()


@pytest.fixture(scope="module")
def thousand(tmp_path_factory):
    path = tmp_path_factory.mktemp("thousand") / "index.html"
    path.write_bytes(b"".join(page_parts(many(1000))))
    return path


def names(page):
    return page.locator("#table tbody:not(.space) .link").all_inner_texts()


def test_a_thousand_filter_within_a_second(thousand, view, capsys):
    began = time.perf_counter()
    page = view(thousand)
    opened = time.perf_counter()
    assert page.locator("#table tbody tr").count() < 100, "only what is near the window exists"
    took = page.evaluate("""() => { const field = document.getElementById('search'), start = performance.now();
        field.value = 'service-0777'; field.dispatchEvent(new Event('input')); document.body.offsetHeight; return performance.now() - start; }""")
    assert names(page) == ["service-0777"] and took < 1000
    with capsys.disabled():
        print(f"\n1,000 repositories: {thousand.stat().st_size / 1e6:.2f} MB, opened in {opened - began:.2f} s, filtered in {took:.0f} ms")


def test_filter_sort_and_scroll(thousand, view):
    page = view(thousand)
    assert page.inner_text("#shown") == "all 1,000"
    for outcome in ("migrated", "unchanged", "skipped"):
        page.uncheck(f"#filter-{outcome}")
    assert page.inner_text("#shown") == "250 of 1,000" and {text[-1] for text in names(page)} <= set("260480" + "24680")
    page.click("#table th button:has-text('Handlers')")
    values = [int(text) for text in page.locator("#table tbody:not(.space) td:nth-child(5)").all_inner_texts()]
    assert values == sorted(values, reverse=True) and page.locator("th[aria-sort=descending]").count() == 1
    page.click("#table th button:has-text('Repository')")
    page.evaluate("document.getElementById('table').scrollTop = 1e9")
    until(page, "app.table.state.to === app.shown.length")
    assert names(page)[-1] == "service-0998"
    page.keyboard.press("/")
    page.keyboard.type("ONERROR=PWNED=1> 2")
    assert page.inner_text("#shown").endswith("of 1,000") and names(page)
    page.keyboard.press("Escape")
    assert page.inner_text("#shown") == "250 of 1,000"


def test_what_repositories_say_is_only_text(thousand, view):
    page = view(thousand)
    page.click("text=service-0000")
    assert EVIL in page.inner_text("dialog") and page.locator("dialog table tbody tr").count() == 1
    page.keyboard.press("Escape")
    assert EVIL in page.inner_text("#refused") and page.locator("img").count() == 0 and page.evaluate("window.pwned") is None
    assert thousand.read_text().count("<script") == 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_and_names(thousand, view, scheme):
    page = view(thousand, color_scheme=scheme)
    assert page.evaluate(CONTRAST) == []
    unnamed = "[...document.querySelectorAll('button, input')].filter((one) => !(one.labels?.length || one.textContent.trim() || one.getAttribute('aria-label'))).length"
    assert page.evaluate(unnamed) == 0 and page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_spreadsheets_run_nothing():
    text = as_csv([{"a": '=HYPERLINK("http://evil")', "b": -3}, {"a": 'x,"y"\n', "b": "@x"}], ["a", "b"]).decode()
    assert list(csv.reader(io.StringIO(text))) == [["a", "b"], ['\'=HYPERLINK("http://evil")', "-3"], ['x,"y"\n', "'@x"]]


def test_report_command(tmp_path):
    """The same tables in all forms, and the page that `bulk run` left opens."""
    (tmp_path / "repos.txt").write_text("# ours\nshop.git\n\nnowhere.git  # gone\n")
    bare(tmp_path / "shop.git", GOOD)
    bulk("run", "repos.txt", cwd=tmp_path, code=2)
    bulk("report", "repos.txt", "--csv", "tables", "--json", "all.json", "--html", "page.html", cwd=tmp_path, code=0)
    data = json.loads((tmp_path / "all.json").read_text())
    assert [item["outcome"] for item in data["repositories"]] == ["migrated", "failed"] and data["burndown"][0]["before"] > data["burndown"][0]["after"]
    for name, (table, columns) in CSV.items():
        head, *read = csv.reader(io.StringIO((tmp_path / "tables" / f"{name}.csv").read_text()))
        assert len(read) == len(data[table]) and head == columns
    assert (tmp_path / "page.html").read_bytes() == (tmp_path / ".flask-to-async-bulk" / "report" / "index.html").read_bytes()
    (tmp_path / "own.html").write_text("<p>mine")
    bulk("report", "repos.txt", "--html", "own.html", cwd=tmp_path, code=2)
    assert (tmp_path / "own.html").read_text() == "<p>mine"
