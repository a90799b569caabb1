"""Which file an import means, where a file of the project has the name of a library."""

import pytest

from transforms.layout import Layout

LIBRARIES = {"redis", "docker", "queue"}


@pytest.mark.parametrize(
    ("files", "importer", "name", "expected"),
    [
        (["shop/__init__.py", "shop/redis.py", "shop/views.py"], "shop/views.py", "redis", None),
        (["shop/__init__.py", "shop/redis.py"], "shop/redis.py", "redis", None),
        (["shop/__init__.py", "shop/queue.py", "shop/views.py"], "shop/views.py", "queue", None),
        (["app.py", "docker/build.py"], "app.py", "docker", None),
        (["shop/__init__.py", "shop/views.py", "scripts/redis.py"], "shop/views.py", "redis", None),
        (["app.py", "redis.py"], "app.py", "redis", "redis.py"),
        (["src/app.py", "src/redis/__init__.py"], "src/app.py", "redis", "src/redis/__init__.py"),
        (["redis/__init__.py", "redis/client.py", "redis/app.py"], "redis/app.py", "redis.client", "redis/client.py"),
        (["shop/__init__.py", "shop/prices.py", "shop/views.py"], "shop/views.py", "prices", "shop/prices.py"),
        (["shop/__init__.py", "shop/prices.py"], "shop/prices.py", "prices", None),
        (["shop/__init__.py", "shop/views.py"], "shop/__init__.py", "shop", "shop/__init__.py"),
        (["app.py"], "app.py", "app", "app.py"),
        (["app.py", "stock/prices.py"], "app.py", "stock", "stock/"),
    ],
)
def test_a_file_with_the_name_of_a_library(files, importer, name, expected):
    """A package's neighbour comes first only by `from . import`; a script's, and what lies at a root, does."""
    assert Layout(files, LIBRARIES).find(name, importer) == expected


def test_it_is_still_there_for_relative_imports():
    layout = Layout(["shop/__init__.py", "shop/redis.py", "shop/views.py"], LIBRARIES)
    assert layout.relative("shop/views.py", 1, "redis") == "shop/redis.py"
