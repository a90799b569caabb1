"""The catalogue that is shipped, one TOML file a library, and the user's own files over it."""

from collections.abc import Mapping
from functools import lru_cache
from importlib import resources

from codemods.own_catalogue import load_own
from codemods.project import Loaded
from transforms.catalogue import Catalogue, parse_library
from transforms.catalogue.library import combine


@lru_cache(maxsize=1)
def shipped_files() -> Mapping[str, str]:
    """The texts of all libraries that we ship knowledge of, by file name."""
    folder = resources.files("transforms.catalogue")
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".toml"))
    return {name: (folder / name).read_text(encoding="utf-8") for name in names}


@lru_cache(maxsize=1)
def load_catalogue() -> Catalogue:
    """All libraries that we ship knowledge of."""
    return combine(parse_library(text, name) for name, text in shipped_files().items())


def catalogue_for(loaded: Loaded) -> Catalogue:
    """The shipped catalogue, corrected and extended by the project's own files."""
    return load_catalogue().merge(load_own(loaded.root, loaded.project.metadata))
