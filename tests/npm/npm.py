"""What scripts/install-npm has put below the user's cache."""

import os
import shutil
from pathlib import Path

HERE = Path(__file__).resolve().parent


def place():
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "causerie" / "npm"


def missing():
    """Why nothing of it can be used, or None."""
    if node() is None:
        return "node is missing: apt-get install nodejs"
    wanted = (HERE / "package-lock.json").read_bytes()
    have = place() / "package-lock.json"
    if have.is_file() and have.read_bytes() == wanted:
        return None
    return "what the tests take from npm is missing: scripts/install-npm"


def node():
    """The node that came with it, else the system's."""
    for path in place().glob("node_modules/node-linux-*/bin/node"):
        return str(path)
    return shutil.which("node")


def script(path):
    """A script of a package: "@redocly/cli/bin/cli.js"."""
    return str(place() / "node_modules" / path)
