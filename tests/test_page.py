"""The page in a real browser: opened, filtered, searched, driven by keys, and what it exports used."""

import json
import shutil
import subprocess
import time
from pathlib import Path

import hostile
import pytest
from browser import launch
from fixture_apps import FIXTURES, ROOT, copy_of
from test_cli import VIEW, contents, run

from codemods.page import page_data, page_parts
from codemods.page.strings import open_strings
from codemods.pipeline import run_stages
from codemods.project import load
from transforms.model import Settings

sync_api = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
# Contrast of each text with what is behind it, WCAG 2.1 (1.4.3): at least 4.5, or 3 where the text is large.
CONTRAST = (ROOT / "tests" / "data" / "contrast.js").read_text()


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        opened = launch(playwright)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    """A page of an application with changes in all stages."""
    folder = tmp_path_factory.mktemp("page") / "ledger"
    copy_of("ledger", folder)
    run("migrate", folder, "--orm", "executor", "--html", folder.parent / "page.html", code=0)
    return folder


@pytest.fixture(scope="module")
def evil(tmp_path_factory):
    """A page of files whose names and texts try to break out."""
    folder = tmp_path_factory.mktemp("hostile") / "evil"
    folder.mkdir()
    hostile.write(folder)
    run("migrate", folder, "--html", folder.parent / "page.html", code=0)
    return folder


@pytest.fixture
def view(browser, request):
    """Opens a page; fails on any error of a script, and on any request that is not for the page itself."""
    contexts = []

    def show(path, **options):
        context = browser.new_context(**{"viewport": {"width": 1300, "height": 850}, "accept_downloads": True, **options})
        contexts.append(context)
        page = context.new_page()
        page.problems = []
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.on("console", lambda message: page.problems.append(message.text) if message.type in ("error", "warning") else None)
        page.on("request", lambda sent: page.problems.append(sent.url) if sent.url != path.as_uri() and not sent.url.startswith("blob:") else None)
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready]")
        contexts[-1].shown = page
        return page

    yield show
    for context in contexts:
        assert not context.shown.problems
        context.close()


def until(page, condition):
    """Wait until it holds; the page's policy forbids the `eval` that Playwright's own waiting uses."""
    for _ in range(400):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"never true: {condition}")


def saved(page, selector):
    with page.expect_download() as waiting:
        page.click(selector)
    return waiting.value, Path(waiting.value.path()).read_bytes()


def test_overview(ledger, view):
    page = view(ledger.parent / "page.html")
    record = json.loads(run("migrate", ledger, "--orm", "executor", "--format", "json", code=0).stdout)
    assert page.title() == "ledger: Flask to async" and page.inner_text("h1") == "ledger"
    assert page.inner_text(".tile.good b") == str(record["summary"]["handlers"]["become_async"])
    assert page.locator("figure.plot svg").count() >= 3 and page.locator("[role=tab]").count() == 4
    rows = page.locator("table.data tbody tr", has_text="R100").locator("td").all_inner_texts()
    decisions = [item for stage in record["stages"] for item in stage["decisions"] if item["code"] == "R100"]
    assert rows == [str(sum(item["verdict"] == verdict for item in decisions)) for verdict in ("change", "leave", "refuse")]


def test_a_stage_shows_its_diffs_and_reasons(ledger, view):
    page = view(ledger.parent / "page.html")
    page.click("#tab-0")
    file = page.locator(".file", has_text="ledger/views.py")
    assert "async def" in " ".join(file.locator("td.c.add").all_inner_texts()) and file.locator(".hit", has_text="async").count()
    assert file.locator(".note.change").count() == page.evaluate("app.matching(app.shown.find((file) => file.path === 'ledger/views.py')).length")
    page.click("text=Unified")
    assert page.locator("table.unified").count() and not page.locator("table.split").count()
    assert page.locator("span.k", has_text="async").count()


def test_filters(ledger, view):
    page = view(ledger.parent / "page.html")
    page.click("#tab-2")
    every = page.locator(".note").count()
    rule = page.locator("#filter-rule option").nth(1).get_attribute("value")
    page.select_option("#filter-rule", rule)
    page.wait_for_selector(".note")
    codes = page.locator(".note .link.mono").all_inner_texts()
    assert 0 < len(codes) < every and set(codes) == {rule}
    page.select_option("#filter-rule", "")
    page.select_option("#filter-library", index=1)
    page.wait_for_selector(".note")
    assert 0 < page.locator(".note").count() < every
    page.select_option("#filter-library", "")
    page.uncheck("#filter-change")
    assert page.locator(".note.change").count() == 0
    page.check("#filter-change")
    page.fill("#filter-path", "no such file")
    page.wait_for_selector("text=Nothing here")
    page.fill("#filter-path", "")
    page.wait_for_selector(".note.change")
    assert page.locator(".note").count() == every


def test_search(ledger, view):
    page = view(ledger.parent / "page.html")
    page.keyboard.press("/")
    page.keyboard.type("BALANCE")
    page.wait_for_selector(".stage .file")
    until(page, "CSS.highlights.get('found')?.size > 0")
    shown = page.evaluate("app.shown.map((file) => file.path)")
    hits = {name for name, data in contents(ledger).items() if b"balance" in data.lower() or "balance" in name}
    assert shown and set(shown) <= hits
    page.keyboard.press("Escape")
    assert page.input_value("#search") == ""


def test_keyboard(evil, view):
    page = view(evil.parent / "page.html")
    page.keyboard.press("2")
    page.wait_for_selector(".note")
    assert page.get_attribute("#tab-1", "aria-selected") == "true"
    page.keyboard.press("j")
    first = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("j")
    assert first and page.evaluate("document.activeElement.textContent") != first
    page.keyboard.press("k")
    assert page.evaluate("document.activeElement.textContent") == first
    page.keyboard.press("n")
    page.keyboard.press("n")
    assert "note" in page.evaluate("document.activeElement.className")
    while not page.evaluate("app.cursor.key"):
        page.keyboard.press("n")
    page.keyboard.press("x")
    assert page.evaluate("app.groups.get(app.cursor.key).taken") is False
    page.keyboard.press("i")
    assert page.locator("dialog[open] h2").inner_text().startswith(page.evaluate("app.cursor.code"))
    page.keyboard.press("Escape")
    page.keyboard.press("u")
    assert page.locator("table.unified").count()
    page.keyboard.press("?")
    assert page.locator("dialog[open] kbd").count() > 8
    page.uncheck("#keys-on")
    page.keyboard.press("Escape")
    page.keyboard.press("0")
    assert page.get_attribute("#tab-1", "aria-selected") == "true", "single keys are off"
    page.focus("#tab-1")
    page.keyboard.press("Home")
    assert page.get_attribute("#tab-overview", "aria-selected") == "true" and page.evaluate("document.activeElement.id") == "tab-overview"


def test_choices_are_those_of_the_boxes(ledger, view):
    """The file holds exactly the groups whose box is on, and carrying these out changes exactly what they say."""
    page = view(ledger.parent / "page.html")
    name, everything = saved(page, "#export")
    assert name.suggested_filename == "choices.json"
    loaded, settings = load(ledger), Settings(orm="executor")
    whole = run_stages(loaded, [], settings)
    groups = {outcome.stage: sorted({item.group for item in outcome.decisions if item.group}) for outcome in whole.outcomes}
    assert json.loads(everything) == {"format": "flask-to-async choices", "version": 1, "accepted": groups}
    page.click("#none")
    assert json.loads(saved(page, "#export")[1])["accepted"] == {stage: [] for stage in groups}
    page.click("#tab-0")
    page.locator(".note.change .take input").first.check()
    chosen = json.loads(saved(page, "#export")[1])["accepted"]
    assert sum(map(len, chosen.values())) == 1 and chosen["routes"][0] in groups["routes"]
    some = run_stages(loaded, [], settings, lambda stage, group: group in chosen[stage])
    assert some.changes and some.changes != whole.changes
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert json.loads(saved(page, "#export")[1])["accepted"] == chosen, "a reload keeps what was chosen"


def test_patches_from_the_page_apply(ledger, view, tmp_path):
    page = view(ledger.parent / "page.html")
    work, written = tmp_path / "work", tmp_path / "written"
    shutil.copytree(ledger, work)
    shutil.copytree(ledger, written)
    for number, stage in enumerate(("routes", "clients", "executor")):
        page.click(f"#tab-{number}")
        if page.is_enabled("#patch"):
            name, patch = saved(page, "#patch")
            assert name.suggested_filename == f"{stage}.patch"
            subprocess.run(["git", "apply", "-"], cwd=work, input=patch, check=True)
    for change in run_stages(load(written), [], Settings(orm="executor")).changes:
        (written / change.path).write_bytes(change.after)
    assert contents(work) == contents(written) != contents(ledger)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(ledger, view, scheme):
    """Every text on every tab, in both themes, can be read; the toggle gives the other theme and is remembered."""
    page = view(ledger.parent / "page.html", color_scheme=scheme)
    for theme in (None, "toggled"):
        if theme:
            before = page.evaluate("getComputedStyle(document.body).backgroundColor")
            page.keyboard.press("d")
            assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before
        for tab in ("overview", "0", "2"):
            page.click(f"#tab-{tab}")
            if tab != "overview":
                page.check("#filter-leave")
            assert page.evaluate(CONTRAST) == []
    page.wait_for_timeout(500)  # the browser writes its local storage a little later
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert page.get_attribute("html", "data-theme") == ("dark" if scheme == "light" else "light")


def test_names_and_landmarks(ledger, view):
    """What a screen reader needs: each control has a name, each region of the page a role."""
    page = view(ledger.parent / "page.html")
    for tab in ("overview", "2"):
        page.click(f"#tab-{tab}")
        assert (
            page.evaluate(
                "[...document.querySelectorAll('button, input, select')].filter((one) => !(one.labels?.length || one.textContent.trim() || one.getAttribute('aria-label'))).length"
            )
            == 0
        )
        assert page.evaluate("[...document.querySelectorAll('svg[role=img]')].every((one) => one.getAttribute('aria-label'))")
        assert all(page.locator(name).count() == 1 for name in ("header", "main", "footer", "nav", "h1", "[role=tabpanel]"))
    assert page.get_attribute("html", "lang") == "en"


def test_narrow(ledger, view):
    page = view(ledger.parent / "page.html", viewport={"width": 390, "height": 800})
    page.click("#tab-2")
    assert page.locator("table.unified").count() and not page.locator("table.split").count()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert not page.is_visible("#filter-rule")
    page.click("text=Filters and files")
    assert page.is_visible("#filter-rule")


def test_hostile_names_and_source(evil, view, tmp_path):
    target, folder = evil.parent / "page.html", tmp_path / "copy"
    shutil.copytree(evil, folder)
    text = target.read_text()
    assert text.count("<script") == text.count("</script>") == 2 and "<img" not in text
    page = view(target)
    for tab in ("0", "1", "2"):
        page.click(f"#tab-{tab}")
    page.click("#tab-1")
    assert page.evaluate("window.pwned") is None and page.locator("img").count() == 0
    shown = page.locator(".file h3 .path").all_inner_texts()
    assert hostile.PATHS[0] in shown and hostile.PATHS[1] in shown
    _, patch = saved(page, "#patch")
    page.click("#tab-0")
    _, earlier = saved(page, "#patch")
    subprocess.run(["git", "apply", "-"], cwd=folder, input=earlier, check=True)
    subprocess.run(["git", "apply", "-"], cwd=folder, input=patch, check=True)
    assert all("await asyncio.sleep(1)" in (folder / path).read_text() for path in hostile.PATHS)


def test_the_policy_forbids_what_is_not_the_page(ledger, view):
    """Even a script that got into the page would not run, and nothing can be fetched."""
    page = view(ledger.parent / "page.html")
    assert page.evaluate("fetch('http://127.0.0.1:9/').then(() => 'sent', () => 'refused')") == "refused"
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.pwned = 1'}))")
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.pwned = 1\">')")
    page.wait_for_timeout(100)
    assert page.evaluate("window.pwned") is None
    assert page.problems and all("Content Security Policy" in problem or "Failed to" in problem or problem.endswith("/x") for problem in page.problems)
    page.problems.clear()


def many(count):
    """The data of a real run, its files repeated under other names: what the page has to bear."""
    loaded = load(FIXTURES / "ledger" / "0-original")
    from codemods.formats.record import migration_record

    settings = Settings(orm="executor")
    result = run_stages(loaded, [], settings)
    data = page_data(migration_record(loaded, result, settings, False), result, loaded.project.python)
    for stage in data["stages"]:
        code = [file for file in stage["files"] if file["path"].endswith(".py")]
        files = [file for file in code if "diff" in file] or code
        copies = []
        for number in range(count):
            text = json.dumps(files[number % len(files)]) if files else "{}"
            copies.append(json.loads(text.replace("ledger/", f"package_{number % 40}/part_{number}/")))
        stage["files"] = sorted(copies, key=lambda file: file["path"])
    return data


def test_two_thousand_files(view, tmp_path, capsys):
    data = many(2000)
    target = tmp_path / "page.html"
    start = time.perf_counter()
    target.write_bytes(b"".join(page_parts(data)))
    written = time.perf_counter()
    page = view(target)
    opened = time.perf_counter()
    page.click("#tab-0")
    page.wait_for_selector(".note")
    tab = time.perf_counter()
    page.fill("#filter-path", "part_1999/")
    until(page, "app.shown.length === 1")
    filtered = time.perf_counter()
    page.fill("#filter-path", "")
    until(page, "app.shown.length === 2000")
    page.fill("#search", "async def")
    until(page, "app.query === 'async def'")
    searched = time.perf_counter()
    assert page.locator("table.diff").count() < 200, "only what is near the window is drawn"
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    until(page, "[...app.cards.values()].at(-1).drawn")
    until(page, "document.querySelectorAll('table.diff').length < 200")
    with capsys.disabled():
        print(
            f"\n2,000 files: {target.stat().st_size / 1e6:.1f} MB, written in {written - start:.2f} s, opened in {opened - written:.2f} s, "
            f"stage {tab - opened:.2f} s, path filter {filtered - tab:.2f} s, search {searched - filtered:.2f} s"
        )


def test_html_never_overwrites_other_files(tmp_path):
    (tmp_path / "requirements.txt").write_text("flask\n")
    (tmp_path / "app.py").write_text(VIEW)
    assert "no page that this tool wrote" in run("migrate", tmp_path, "--html", tmp_path / "app.py", code=2).err
    assert (tmp_path / "app.py").read_text() == VIEW
    assert "is no folder" in run("migrate", tmp_path, "--html", tmp_path / "nowhere" / "page.html", code=2).err
    for _ in range(2):
        run("migrate", tmp_path, "--html", tmp_path / "page.html", "--check", code=1)
    assert sorted(contents(tmp_path)) == ["app.py", "page.html", "requirements.txt"]


def test_open_strings():
    data = b"x = \"\"\"a\nb\n\"\"\"\ny = 1\nz = f'''{1}\nq'''\n"
    assert open_strings(data) == {2: '"""', 3: '"""', 6: "'''"}
    assert open_strings(b"x = '''a\n") == {} and open_strings(b"\xff\xfe") == {}
