"""The documentation: it builds without a warning, needs no network to be read, and says what the code says."""

import re
import shutil
import subprocess
import sys

import pytest
from docs_pages import DOCS, PAGES, ROOT, commands_of, with_real_output

_EXTERNAL = re.compile(r"""<(?:script|link|img|iframe)\b[^>]*?\b(?:src|href)=["']?(?:https?:)?//[^\s>"']+""")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built as in the checks; strict: a broken link or anchor fails."""
    pytest.importorskip("zensical", reason="the site needs the dependency group docs")
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(ROOT / "mkdocs.yml", folder)
    shutil.copytree(DOCS, folder / "docs")
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--config-file", str(folder / "mkdocs.yml")]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder / "site"


def test_every_page_is_in_the_site_and_in_its_navigation(site):
    index = (site / "index.html").read_text()
    for page in DOCS.rglob("*.md"):
        name = page.relative_to(DOCS).with_suffix("").as_posix()
        address = "" if name == "index" else f"{name.removesuffix('/index').removesuffix('/README')}/"
        assert (site / address / "index.html").is_file(), name
        assert not address or f'href="./{address}"' in index, f"{name} is in no menu"


def test_nothing_is_loaded_from_elsewhere(site):
    for page in site.rglob("*.html"):
        loaded = [found for found in _EXTERNAL.findall(page.read_text()) if 'rel="canonical"' not in found]
        assert not loaded, (page, loaded)
    for style in site.rglob("*.css"):
        assert not re.search(r"url\(\s*[\"']?(?:https?:)?//", style.read_text()), style


@pytest.mark.parametrize("name", PAGES)
def test_pages_made_from_the_code_are_current(name):
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name](), "run `python tests/docs_pages.py`"


def test_the_tutorial_shows_what_the_commands_print(tmp_path):
    page = (DOCS / "tutorial.md").read_text(encoding="utf-8")
    first = next(commands_of(page))
    if subprocess.run([sys.executable, *first.split()[1:]], cwd=tmp_path, capture_output=True, timeout=300).returncode:
        pytest.skip("httpbin cannot be installed from a package index here")
    (tmp_path / "again").mkdir()
    assert with_real_output(page, tmp_path / "again") == page, "run `python tests/docs_pages.py`"


def test_links_between_the_readme_and_the_pages_hold():
    for source in (ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "ARCHITECTURE.md"):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", source.read_text()):
            assert (ROOT / target).exists(), f"{source.name} links to {target}"


def test_the_architecture_names_files_that_exist():
    named = set(re.findall(r"`((?:[\w*]+/)*[\w*]+\.(?:py|toml))`", (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")))
    assert len(named) > 60
    folders = [ROOT / "codemods", ROOT / "transforms", ROOT / "tests"]
    missing = [name for name in named - {"pyproject.toml"} if not any(any(top.parent.glob(name)) or any(top.glob(f"**/{name}")) for top in folders)]
    assert not missing
