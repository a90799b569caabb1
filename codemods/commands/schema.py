"""`flask-to-async schema`."""

from importlib.resources import files

from codemods.console import print_lines


def schema() -> None:
    """Print the JSON schema of what `--format json` and `--format jsonl` write."""
    print_lines([files("codemods.formats").joinpath("schema.json").read_text(encoding="utf-8").rstrip("\n")])
