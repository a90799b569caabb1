"""Objects of our own catalogue's classes that get their methods only when they are made: no connection is opened.

A catalogue file cannot name such code: what it says is data and is never run.
"""

from collections.abc import Callable, Mapping
from typing import Any

from codemods.introspect import find

_KEYS = {"region_name": "eu-west-1", "aws_access_key_id": "x", "aws_secret_access_key": "x"}
_SERVICES = ("s3", "lambda", "bedrock-runtime", "polly", "sqs")


def samples(name: str) -> list[object]:
    """What to look for methods on beside the class itself; nothing where the class says it all."""
    make = _MAKERS.get(name)
    try:
        return make() if make else []
    except Exception:  # whatever a library does when it is made without a server
        return []


def _call(name: str, *args: object, **keywords: object) -> Any:
    made: Any = find(name)
    return made(*args, **keywords)


def _clients() -> list[object]:
    return [_call("boto3.client", service, **_KEYS) for service in _SERVICES]


def _resources() -> list[object]:
    s3, table, sqs = (_call("boto3.resource", service, **_KEYS) for service in ("s3", "dynamodb", "sqs"))
    return [s3, s3.Bucket("b"), s3.Object("b", "k"), table, table.Table("t"), sqs, sqs.Queue("https://sqs/q")]


_MAKERS: Mapping[str, Callable[[], list[object]]] = {
    "botocore.client.BaseClient": _clients,
    "boto3.resources.base.ServiceResource": _resources,
    "flask_redis.FlaskRedis": lambda: [find("redis.Redis")],
    "elasticsearch.dsl.Search": lambda: [_call("elasticsearch.dsl.Search")],
    "elasticsearch_dsl.Search": lambda: [_call("elasticsearch_dsl.Search")],
    "opensearchpy.Search": lambda: [_call("opensearchpy.Search")],
    "python_http_client.Client": lambda: [_call("python_http_client.Client", "http://localhost")],
    "pony.orm.core.Entity": lambda: [find("pony.orm.core.EntityMeta")],
    **{f"threading.{name}": lambda name=name: [_call(f"threading.{name}")] for name in ("Lock", "RLock", "Condition", "Semaphore", "BoundedSemaphore", "Event")},  # type: ignore[misc]
    **{
        f"multiprocessing.synchronize.{name}": lambda name=name: [_call(f"multiprocessing.{name}")]  # type: ignore[misc]
        for name in ("Lock", "RLock", "Condition", "Semaphore", "BoundedSemaphore", "Event")
    },
    **{f"select.{name}": lambda name=name: [_call(f"select.{name}")] for name in ("poll", "epoll")},  # type: ignore[misc]
}
