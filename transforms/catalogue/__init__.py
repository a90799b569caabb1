"""What is known of libraries, as data: what blocks, what replaces it, what must be refused and why."""

from transforms.catalogue.library import Catalogue, CatalogueError, Entry, parse_library

__all__ = ["Catalogue", "CatalogueError", "Entry", "parse_library"]
