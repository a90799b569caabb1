"""A worker process: jobs come in as lines of JSON, answers go out as lines of JSON, until the pipe is closed.

It leads a session of its own, so that Ctrl-C reaches the parent alone. When the parent is gone, the pipe ends, and the
worker ends its current step at once; nothing of it has been recorded, and the step can be done again.
"""

import contextlib
import gc
import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Iterator

_GRACE = 15.0  # seconds that a step may take to end its programs


def main() -> None:
    """Work until there is nothing more."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing that prints may disturb the answers
    from codemods.bulk.job import job_from_plain
    from codemods.bulk.tasks import run_job

    gc.disable()  # syntax trees are many objects and next to no garbage; it is collected between jobs
    with contextlib.suppress(KeyboardInterrupt):
        for line in _lines():
            answer = run_job(job_from_plain(json.loads(line)))
            out.write(json.dumps({"rows": list(answer.rows), "made": list(answer.made), "again": answer.again, "peak": _peak()}).encode() + b"\n")
            out.flush()
            gc.collect()


def _lines() -> Iterator[bytes]:
    waiting: queue.Queue[bytes] = queue.Queue()
    threading.Thread(target=_read, args=(waiting,), daemon=True).start()
    while line := waiting.get():
        yield line


def _read(waiting: "queue.Queue[bytes]") -> None:
    for line in sys.stdin.buffer:
        waiting.put(line)
    waiting.put(b"")
    os.kill(os.getpid(), signal.SIGINT)  # the parent is gone, or wants no more
    threading.Event().wait(_GRACE)
    os._exit(1)


def _peak() -> float:
    """The most memory that this process has had, in megabytes; 0 where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024 * 1024)
