"""The command line in a process of its own that is forked from the tests, so that nothing has to be imported anew.

Everything else is as for a user: arguments, folder, environment, standard input and output are those of a process. Where
there is no fork, and in `test_cli.py`, the program is started.
"""

import os
import subprocess
import sys
import tempfile
import traceback
from dataclasses import dataclass

from fixture_apps import ROOT

import transforms.carrying  # noqa: F401  what a run would load
from codemods.catalogue_files import load_catalogue
from codemods.cli import app

load_catalogue()


@dataclass(frozen=True)
class Result:
    returncode: int
    stdout: bytes
    stderr: bytes

    @property
    def out(self):
        return self.stdout.decode(errors="replace")

    @property
    def err(self):
        return self.stderr.decode(errors="replace")


def run(*args, cwd=None, env=None, code=None, data=b""):
    """Run `flask-to-async` with these arguments; the exit code is checked when it is given."""
    result = (_fork if hasattr(os, "fork") else _start)([str(arg) for arg in args], cwd, env or {}, data)
    assert "Traceback" not in result.out + result.err, result.err
    assert "\x1b[" not in result.out + result.err, "colour in a pipe"
    assert code is None or result.returncode == code, (result.returncode, result.out + result.err)
    return result


def _start(args, cwd, env, data):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | env
    done = subprocess.run([sys.executable, str(ROOT / "flask_to_async.py"), *args], cwd=cwd, env=environment, input=data, capture_output=True, timeout=120)
    return Result(done.returncode, done.stdout, done.stderr)


def _fork(args, cwd, env, data):
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(data)
        given.seek(0)
        child = os.fork()
        if not child:
            _become(args, cwd, env, [given.fileno(), out.fileno(), err.fileno()])
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        out.seek(0)
        err.seek(0)
        return Result(code, out.read(), err.read())


def _become(args, cwd, env, files):
    """The child: never comes back."""
    code = 70
    try:
        for number, file in enumerate(files):
            os.dup2(file, number)
        sys.stdin, sys.stdout, sys.stderr = (open(number, mode) for number, mode in enumerate("rww"))  # noqa: SIM115, PTH123
        os.environ.update(env)
        os.chdir(cwd or ".")
        app(args, prog_name="flask-to-async")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
