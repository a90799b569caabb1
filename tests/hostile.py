"""A project whose names and texts try to break out of every format."""

VIEW = '''import time

from flask import Flask

app = Flask(__name__)
EVIL = "</script><img src=x onerror='window.pwned=1'><!--<script>"  # ]]> --> `x` | @everyone :: %0A


@app.route("/")
def index():
    """</script><script>window.pwned=1</script>
    of two lines"""
    time.sleep(1)  # <b>&amp;</b>
    return EVIL
'''
PATHS = ("</script><img src=x onerror=window.pwned=1>.py", 'a "quoted" | `tick` @you, 100%: [x](y).py', "line\nbreak\t\\.py")


def write(folder):
    """The folder, with a view in each of these files."""
    (folder / "requirements.txt").write_text("flask>=3\n")
    for path in PATHS:
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(VIEW)
    return folder
