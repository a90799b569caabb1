"""Runs a command in a process group of its own, and ends the whole group when whoever asked for it is gone.

    python keeper.py COMMAND...

Standard input is a pipe into which nothing is ever written. Its end means that the other side ended, be it by SIGKILL:
nothing that was started is left behind. Run as a program, with the standard library only.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading

GRACE = 5  # seconds between asking the group to end and killing it
NO_PROGRAM = 127


def main(command: list[str]) -> int:
    """The command's exit status."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)  # what ends us is the pipe; ignored signals would be inherited
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    except OSError as error:
        print(f"{command[0]} cannot be run: {error.strerror}", file=sys.stderr)
        return NO_PROGRAM
    threading.Thread(target=_end_with_parent, args=(process,), daemon=True).start()
    code = process.wait()
    _signal(process, signal.SIGKILL)
    return code if code >= 0 else 128 - code


def _end_with_parent(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(OSError):
        sys.stdin.buffer.read()
    _signal(process, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE)
    _signal(process, signal.SIGKILL)


def _signal(process: "subprocess.Popen[bytes]", number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
