"""The last resort: an error that nobody expected ends the program with a sentence; its traceback is kept for a report."""

import sys
import tempfile
import traceback
from contextlib import suppress


def told(error: Exception) -> int:
    """Say it on standard error; the exit code. What the system refuses is the user's to mend, all else is a fault of the tool."""
    if isinstance(error, OSError):
        words = f"{error.filename or 'the output could not be written'}: {error.strerror or error}"
    else:
        words = f"the tool broke down: {type(error).__name__}: {error}; please report it{_kept(error)}"
    with suppress(OSError):
        print(f"flask-to-async: {words}", file=sys.stderr)
    return 2


def _kept(error: Exception) -> str:
    """Where the traceback is."""
    with suppress(OSError):
        with tempfile.NamedTemporaryFile("w", prefix="flask-to-async.", suffix=".log", delete=False, encoding="utf-8", errors="backslashreplace") as file:
            file.writelines(traceback.format_exception(error))
        return f" with {file.name}"
    return ""
