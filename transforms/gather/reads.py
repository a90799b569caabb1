"""What is known to read and to change nothing: calls that may run beside each other, and methods of plain values.

Sources: the methods of HTTP that RFC 9110 (9.2.1) calls safe; the commands that `COMMAND LIST FILTERBY ACLCAT read` of
Redis 7.2 names; the standard library's documentation. Databases are not here on purpose: one session, connection or
cursor must not be used by two tasks at once.
"""

_HTTP = ("get", "head", "options")
_HTTP_TYPES = (
    "requests.Session", "requests.sessions.Session", "requests.session", "httpx.Client", "httpx.AsyncClient", "httpx2.Client", "httpx2.AsyncClient",
)  # fmt: skip
_HTTP_MODULES = ("requests", "requests.api", "httpx", "httpx2")
_REDIS_TYPES = (
    "redis.Redis",
    "redis.StrictRedis",
    "redis.client.Redis",
    "redis.client.StrictRedis",
    "redis.asyncio.Redis",
    "redis.asyncio.client.Redis",
    "redis.asyncio.from_url",
    "redis.asyncio.Redis.from_url",
    "redis.asyncio.StrictRedis",
)
_REDIS = (
    "get", "mget", "strlen", "getrange", "exists", "ttl", "pttl", "type", "hget", "hgetall", "hmget", "hkeys", "hvals", "hlen", "hexists", "hstrlen",
    "lrange", "llen", "lindex", "lpos", "smembers", "sismember", "smismember", "scard", "sinter", "sunion", "sdiff", "srandmember", "zrange", "zrangebyscore",
    "zscore", "zmscore", "zrank", "zrevrank", "zrevrange", "zcard", "zcount", "xrange", "xlen", "bitcount", "getbit", "pfcount",
)  # fmt: skip
_FILES = (
    "json.load", "os.listdir", "os.stat", "os.path.exists", "os.path.isfile", "os.path.isdir", "os.path.getsize", "os.path.getmtime", "pathlib.Path.read_text",
    "pathlib.Path.read_bytes", "pathlib.Path.exists", "pathlib.Path.is_file", "pathlib.Path.is_dir", "pathlib.Path.stat",
)  # fmt: skip
SESSION_METHODS = frozenset(f"{owner}.{name}" for owner in _HTTP_TYPES for name in _HTTP)
METHODS = SESSION_METHODS | {f"{owner}.{name}" for owner in _REDIS_TYPES for name in _REDIS}
READING = METHODS | {f"{module}.{name}" for module in _HTTP_MODULES for name in _HTTP} | set(_FILES)
CLIENTS = frozenset({"httpx.AsyncClient", "httpx2.AsyncClient", "httpx.Client", "httpx2.Client", "requests.Session", "requests.session"})
"""Clients that a helper may open for itself."""
OPENING = frozenset({"builtins.open", "io.open"})

_BUILTINS = ("abs", "all", "any", "bool", "bytes", "dict", "divmod", "enumerate", "float", "frozenset", "int", "isinstance", "len", "list", "max", "min", "range",
             "repr", "reversed", "round", "set", "sorted", "str", "sum", "tuple", "zip")  # fmt: skip
_ERRORS = ("ValueError", "TypeError", "KeyError", "IndexError", "LookupError", "RuntimeError", "OSError", "FileNotFoundError", "Exception")
PURE = frozenset(f"builtins.{name}" for name in (*_BUILTINS, *_ERRORS)) | {
    "json.loads", "json.dumps", "os.path.join", "os.path.basename", "os.path.dirname", "os.path.splitext", "pathlib.Path", "pathlib.PurePath", "os.environ.get",
    "os.getenv", "urllib.parse.quote", "urllib.parse.quote_plus", "urllib.parse.urlencode", "urllib.parse.urljoin", "datetime.datetime.fromisoformat",
    "datetime.date.fromisoformat", "datetime.timedelta", "base64.b64encode", "base64.b64decode", "math.floor", "math.ceil", "decimal.Decimal", "uuid.UUID",
}  # fmt: skip
TYPES = frozenset({"str", "bytes", "int", "float", "bool", "dict", "list", "tuple", "set", "frozenset", "open"})
_KEEPING = ("dict", "enumerate", "frozenset", "list", "max", "min", "reversed", "set", "sorted", "tuple", "zip")
HOLDING = frozenset(f"builtins.{name}" for name in _KEEPING)
"""Of these, what they give holds what they were given, or is it."""
PLAIN_METHODS = frozenset({
    "json", "raise_for_status", "decode", "encode", "get", "items", "keys", "values", "split", "rsplit", "splitlines", "strip", "lstrip", "rstrip", "lower", "upper",
    "title", "startswith", "endswith", "replace", "join", "format", "partition", "rpartition", "removeprefix", "removesuffix", "isdigit", "isoformat", "strftime",
    "timestamp", "total_seconds", "count", "index", "find", "hex", "read", "readline", "readlines", "zfill", "casefold", "capitalize", "with_name", "with_suffix",
})  # fmt: skip
"""Methods that change neither a response, a text, a number, a dictionary nor a list; of an open file, those that read it."""
