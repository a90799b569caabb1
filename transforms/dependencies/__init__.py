"""What a migration needs to be installed, added where the project declares its dependencies; formatting is kept."""

from transforms.dependencies.needs import Declared, declare

__all__ = ["Declared", "declare"]
