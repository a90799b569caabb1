"""What is known of libraries, as data: what blocks, what replaces it, what must be refused and why."""

from transforms.catalogue.library import Catalogue, Entry, parse_library
from transforms.catalogue.schema import CatalogueError

__all__ = ["Catalogue", "CatalogueError", "Entry", "parse_library"]
