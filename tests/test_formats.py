"""Output for machines: what the installed command writes, held against the schemas and against what it would do."""

import base64
import json
import shutil
import subprocess
from collections import defaultdict
from html.parser import HTMLParser
from urllib.parse import unquote

import hostile
import jsonschema
import pytest
from fixture_apps import FIXTURES, ROOT, apps
from markdown_it import MarkdownIt
from test_cli import VIEW, contents
from test_cli import run as run_installed
from typer.testing import CliRunner

from codemods.cli import app
from codemods.formats import formatted
from codemods.formats.fixes import fixes
from codemods.formats.hunks import replacements
from codemods.formats.places import Places
from codemods.formats.record import migration_record
from codemods.pipeline import run_stages
from codemods.project import load
from codemods.report import diff_lines, plain
from transforms.model import FileChange, Settings

FORMATS = ("json", "jsonl", "sarif", "github", "gitlab", "markdown")
SCHEMA = json.loads((ROOT / "codemods" / "formats" / "schema.json").read_text())
# From the npm package @microsoft/jest-sarif 1.0.0-beta.0 (MIT), lib/schemas; the standard is OASIS SARIF 2.1.0.
SARIF = json.loads((ROOT / "tests" / "data" / "sarif-2.1.0-rtm.5.json").read_text())


def run(*args, code=0):
    """The command in this process: most tests are about what is written, and starting Python costs more than they do."""
    result = CliRunner().invoke(app, list(map(str, args)), prog_name="flask-to-async")
    assert result.exit_code == code, result.output
    result.out, result.err = result.stdout, result.stderr
    return result


def valid(document, part=None):
    schema = {**SCHEMA, "oneOf": [{"$ref": f"#/$defs/{part}"}]} if part else SCHEMA
    jsonschema.Draft202012Validator(schema).validate(document)
    return document


def app_copy(tmp_path, name, source="0-original"):
    folder = tmp_path / name
    shutil.copytree(FIXTURES / name / source, folder, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))
    return folder


def parsed(*args, code=0):
    return json.loads(run(*args, code=code).stdout)


@pytest.fixture(scope="module")
def evil(tmp_path_factory):
    return hostile.write(tmp_path_factory.mktemp("evil"))


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert json.loads(run("schema", code=0).stdout) == SCHEMA


def test_json_says_what_the_run_does(tmp_path):
    folder = app_copy(tmp_path, "ledger")
    record = valid(parsed("migrate", folder, "--orm", "executor", "--format", "json"), "migration")
    text = run("migrate", folder, "--orm", "executor", "-v", code=0).out
    assert record["settings"]["orm"] == "executor" and record["written"] is False
    rows = [decision for stage in record["stages"] for decision in stage["decisions"]]
    assert rows and all(f"{row['code']}  {row['path']}:{row['stage_line']} {row['symbol']}" in text for row in rows)
    assert f"summary: {record['summary']['change']} changed, {record['summary']['leave']} left, {record['summary']['refuse']} refused" in text
    assert record["summary"]["change"] == sum(row["verdict"] == "change" for row in rows) > 5
    assert len({row["fingerprint"] for row in rows}) == len(rows)
    assert all(row["line"] is None or 1 <= row["line"] <= (folder / row["path"]).read_text().count("\n") + 1 for row in rows)


def test_lines_are_those_on_disk(project):
    """The executor stage sees one import more than the file on disk has."""
    (project / "app.py").write_text(VIEW.replace("time.sleep(1)", "time.sleep(1)\n    print(open('x').read())\n    time.sleep(delay)"))
    record = parsed("migrate", project, "--format", "json")
    lines = (project / "app.py").read_text().splitlines()
    for stage in record["stages"]:
        for row in stage["decisions"]:
            if row["subject"] == "time.sleep":
                assert "time.sleep" in lines[row["line"] - 1], row
    assert any(row["line"] != row["stage_line"] for stage in record["stages"] for row in stage["decisions"])


def test_places_of_new_and_rewritten_lines():
    places = Places()
    for change in (FileChange("a", b"1\n2\n3\n", b"0\n1\ntwo\n3\n"), FileChange("b", None, b"x\n")):
        places.advance(change.path, change.before is None, list(diff_lines(change, plain)))
    assert [places.on_disk("a", line) for line in (2, 3, 4)] == [1, 2, 3]
    assert places.on_disk("b", 1) is None and places.on_disk("c", 7) == 7


def test_diffs_apply(tmp_path):
    """Stage by stage, and all at once: either way the result is that of --write."""
    for kind in ("all", "stages", "written"):
        app_copy(tmp_path / kind, "newsroom")
    record = parsed("migrate", tmp_path / "all" / "newsroom", "--format", "json")
    git_apply(tmp_path / "all" / "newsroom", record["changes"])
    for stage in record["stages"]:
        git_apply(tmp_path / "stages" / "newsroom", stage["changes"])
    written = parsed("migrate", tmp_path / "written" / "newsroom", "--write", "--format", "json")
    assert written["written"] is True and written["changes"] == record["changes"]
    assert contents(tmp_path / "all") == contents(tmp_path / "stages") == contents(tmp_path / "written")


def git_apply(folder, changes):
    diff = b"".join(base64.b64decode(item["diff"]) if item["encoding"] == "base64" else item["diff"].encode() for item in changes)
    if diff:
        subprocess.run(["git", "apply", "-"], cwd=folder, input=diff, check=True)


def test_hostile_names_and_other_encodings_apply(evil, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(evil, folder)
    (folder / "latin.py").write_bytes(b"# coding: latin-1\n" + VIEW.replace("'x'", "'caf\xe9'").encode("latin-1"))
    record = valid(parsed("migrate", folder, "--format", "json"), "migration")
    assert [item["encoding"] for item in record["changes"] if item["path"] == "latin.py"] == ["base64"]
    assert {*hostile.PATHS, "latin.py", "requirements.txt"} == {item["path"] for item in record["changes"]}
    git_apply(folder, record["changes"])
    assert (folder / "latin.py").read_bytes().count(b"caf\xe9") == 1
    assert all("async def index" in (folder / path).read_text() for path in hostile.PATHS)


def test_jsonl(tmp_path):
    folder = app_copy(tmp_path, "newsroom")
    for command in ("migrate", "audit"):
        lines = [valid(json.loads(line), "jsonl") for line in run(command, folder, "--format", "jsonl", code=0).out.splitlines()]
        assert lines[0]["type"] == "run" and lines[-1]["type"] == "summary"
        whole = parsed(command, folder, "--format", "json")
        decided = [line for line in lines if line["type"] in ("decision", "handler")]
        assert len(decided) == sum(whole["summary"][verdict] for verdict in ("change", "leave", "refuse"))


def test_audit_json(tmp_path):
    record = valid(parsed("audit", app_copy(tmp_path, "newsroom"), "--format", "json"), "audit")
    text = run("audit", tmp_path / "newsroom", code=0).out
    assert record["handlers"] and all(handler["endpoint"] in text for handler in record["handlers"])
    chains = [call["chain"] for handler in record["handlers"] for call in handler["reached"]]
    assert any(len(chain) > 2 for chain in chains) and all(" → ".join(chain) in text for chain in chains[:5])


@pytest.mark.parametrize("command", ["migrate", "audit"])
def test_sarif(evil, tmp_path, command):
    folder = app_copy(tmp_path, "newsroom")
    for target in (folder, evil):
        document = parsed(command, target, "--format", "sarif")
        jsonschema.Draft4Validator(SARIF).validate(document)
        (only,) = document["runs"]
        rules = only["tool"]["driver"]["rules"]
        assert only["results"] and all(rule["help"]["text"] and rule["helpUri"].startswith("https://") for rule in rules)
        for result in only["results"]:
            place = result["locations"][0]["physicalLocation"]
            assert rules[result["ruleIndex"]]["id"] == result["ruleId"] and place["artifactLocation"]["uriBaseId"] == "%SRCROOT%"
            assert (target / unquote(place["artifactLocation"]["uri"])).is_file()


def test_sarif_of_what_could_not_be_read(project):
    (project / "broken.py").write_text("def (:\n")
    result = run("migrate", project, "--format", "sarif", code=2)
    (only,) = json.loads(result.stdout)["runs"]
    (failure,) = only["invocations"][0]["toolExecutionNotifications"]
    assert not only["invocations"][0]["executionSuccessful"]
    assert failure["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "broken.py"


@pytest.mark.parametrize("format", ["sarif", "gitlab"])
def test_fingerprints_outlive_moved_lines(project, format):
    (project / "app.py").write_text(VIEW.replace("time.sleep(1)", "time.sleep(1)\n    time.sleep(1)"))
    before = fingerprints(parsed("migrate", project, "--format", format), format)
    (project / "app.py").write_text("# one\n# two\n\n" + (project / "app.py").read_text().replace("@app", "x = 1\n\n\n@app"))
    assert fingerprints(parsed("migrate", project, "--format", format), format) == before
    assert len(set(before)) == len(before) == 4


def fingerprints(document, format):
    if format == "gitlab":
        return [item["fingerprint"] for item in document]
    return [item["partialFingerprints"]["primaryLocationLineHash"] for item in document["runs"][0]["results"]]


def test_a_sarif_fix_is_exactly_its_groups(tmp_path):
    """Each fix gives what the migration gives when only these groups are chosen."""
    tried = 0
    for fixture in apps():
        loaded = load(app_copy(tmp_path, fixture.name))
        whole = run_stages(loaded, [], Settings())
        for fix in {item.groups: item for item in fixes(migration_record(loaded, whole, Settings(), False)).values()}.values():
            alone = run_stages(loaded, [], Settings(), lambda stage, group, wanted=fix.groups: (stage, group) in wanted)
            assert {change.path: change.after for change in alone.changes if change.path.endswith(".py")} == {
                item["path"]: patched(loaded.project.python.get(item["path"], b""), item) for item in fix.changes
            }
            tried += 1
    assert tried >= 3


def patched(data, change):
    lines = data.decode().split("\n")
    for item in reversed(replacements(change["diff"])):
        lines[item.start - 1 : item.start - 1 + item.removed] = item.text.split("\n")[:-1]
    text = "\n".join(lines)
    return text.encode() if not change["created"] else text.removesuffix("\n").encode() + b"\n"


def test_paths_for_hosts_start_at_the_repository(project, tmp_path):
    (tmp_path / ".git").mkdir()
    assert "file=site/app.py," in run("migrate", project, "--format", "github", code=0).out
    assert parsed("migrate", project, "--format", "gitlab")[0]["location"]["path"] == "site/app.py"
    assert parsed("migrate", project, "--format", "json")["changes"][0]["path"] == "app.py"


def test_github_commands_cannot_be_forged(evil):
    lines = run("migrate", evil, "--format", "github", code=0).out.splitlines()
    assert len(lines) == 7 and all(line.startswith("::notice file=") for line in lines)
    joined = "\n".join(lines)
    assert "file=line%0Abreak" in joined and "100%25%3A [x](y).py" in joined and "@you%2C" in joined


def test_github_levels(tmp_path):
    folder = app_copy(tmp_path, "newsroom")
    (folder / "broken.py").write_text("def (:\n")
    few = run("migrate", folder, "--format", "github", code=2).out
    many = run("migrate", folder, "--format", "github", "-v", code=2).out
    assert few.count("::error file=broken.py") == 1 and "::notice" in few
    assert len(many.splitlines()) > len(few.splitlines())


def test_gitlab(tmp_path):
    rows = parsed("migrate", app_copy(tmp_path, "newsroom"), "--format", "gitlab")
    assert rows and all({"description", "check_name", "fingerprint", "severity", "location"} == set(row) for row in rows)
    assert {row["severity"] for row in rows} <= {"info", "minor", "major"} and len({row["fingerprint"] for row in rows}) == len(rows)


class _Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found, self.words = defaultdict(int), []

    def handle_starttag(self, tag, attrs):
        assert not any(name.startswith("on") for name, _ in attrs), attrs
        self.found[tag] += 1

    def handle_data(self, data):
        self.words.append(data)


def tags_of(text):
    parser = _Tags()
    parser.feed(MarkdownIt("commonmark", {"html": True}).enable("table").render(text))
    return parser


def test_markdown_is_a_pull_request_body(tmp_path):
    folder = app_copy(tmp_path, "newsroom")
    text = run("migrate", folder, "--format", "markdown", code=0).out
    parser = tags_of(text)
    assert parser.found["table"] >= 2 and "Flask to async" in parser.words
    wide = run("audit", folder, "--format", "markdown", code=0).out
    assert tags_of(wide).found["details"] == tags_of(wide).found["summary"] >= 1


def test_markdown_cannot_be_broken_out_of(evil):
    text = run("migrate", evil, "--format", "markdown", code=0).out
    parser = tags_of(text)
    assert set(parser.found) <= {"h2", "h3", "p", "table", "thead", "tbody", "tr", "th", "td", "code", "hr", "sub", "strong", "details", "summary"}
    assert parser.found["td"] % parser.found["tr"] == 0 or parser.found["table"] > 1
    assert all(path in "".join(parser.words) for path in hostile.PATHS[:2])


def test_markdown_is_short_enough_for_a_host(evil):
    loaded = load(evil)
    record = migration_record(loaded, run_stages(loaded, [], Settings()), Settings(), False)
    for stage in record["stages"]:
        stage["decisions"] *= 1000
    text = "\n".join(formatted(record, "markdown"))
    assert 5_000 < len(text) < 65_536 and " more |" in text


@pytest.mark.parametrize("format", FORMATS)
def test_exit_codes_and_streams(project, format):
    """The same codes as with text; nothing but the format on standard output."""
    assert run_installed("migrate", project, "--format", format, "--check", code=1).err == ""
    (project / "broken.py").write_text("def (:\n")
    (project / "link.py").symlink_to("nowhere")
    result = run_installed("audit" if format in ("jsonl", "gitlab") else "migrate", project, "--format", format, code=2)
    assert "link.py" in result.err and "dry run" not in result.out and "broken.py" in result.out
    if format in ("json", "sarif", "gitlab"):
        json.loads(result.stdout)


def test_nothing_to_do(tmp_path):
    (tmp_path / "requirements.txt").write_text("flask\n")
    (tmp_path / "app.py").write_text("print('hello')\n")
    valid(parsed("migrate", tmp_path, "--format", "json", "--check"), "migration")
    assert run("migrate", tmp_path, "--format", "github", code=0).out == ""
    assert parsed("migrate", tmp_path, "--format", "gitlab") == []
    jsonschema.Draft4Validator(SARIF).validate(parsed("migrate", tmp_path, "--format", "sarif"))
