"""Stage server: how the application is served, and on which event loop its async views run."""

from transforms.server.stage import NAME, plan

__all__ = ["NAME", "plan"]
