"""The catalogue that is shipped: one TOML file a library."""

from functools import lru_cache
from importlib import resources

from transforms.catalogue import Catalogue, parse_library
from transforms.catalogue.library import combine


@lru_cache(maxsize=1)
def load_catalogue() -> Catalogue:
    """All libraries that we ship knowledge of."""
    folder = resources.files("transforms.catalogue")
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".toml"))
    return combine(parse_library((folder / name).read_text(encoding="utf-8"), name) for name in names)
