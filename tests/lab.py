"""A JupyterLab of one's own: on loopback, with a token, with all its folders in one that is given, and gone at the end."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ADDRESS = "127.0.0.1"
SECONDS_TO_START = 90
SECONDS_TO_END = 20
"""It ends its kernels first."""

QUIET = {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True}
"""It would ask whether it may fetch news, and look for a newer version of itself."""


@dataclass(frozen=True)
class Lab:
    """Where a JupyterLab answers, and the folder that it shows."""

    url: str
    token: str
    work: Path

    def address_of(self, notebook: str) -> str:
        """The address that opens a notebook in its folder."""
        return f"{self.url}lab/tree/{notebook}?token={self.token}"


def own_folders(folder: Path) -> dict[str, str]:
    """The environment in which Jupyter, IPython and Matplotlib keep all they have to keep in this folder."""
    kept = {"HOME": "home", "JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime",
            "JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces", "IPYTHONDIR": "ipython",
            "MPLCONFIGDIR": "matplotlib"}
    foreign = [name for name in os.environ if name.startswith(("JUPYTER", "JPY_"))]
    environment = {name: value for name, value in os.environ.items() if name not in foreign}
    for name, place in kept.items():
        (folder / place).mkdir(parents=True, exist_ok=True)
        environment[name] = str(folder / place)
    return environment | {"JUPYTER_PREFER_ENV_PATH": "1", "MPLBACKEND": "agg", "NO_COLOR": "1"}


@contextlib.contextmanager
def open_lab(folder: Path) -> Iterator[Lab]:
    """A JupyterLab for as long as it is needed; what it said is in `folder/said`."""
    environment, token, work = own_folders(folder), secrets.token_hex(16), folder / "work"
    work.mkdir()
    settings = folder / "settings" / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps(QUIET), encoding="utf-8")
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", f"--ServerApp.ip={ADDRESS}", "--ServerApp.port=0",
        f"--ServerApp.root_dir={work}", "--LabApp.extension_manager=readonly", *(["--allow-root"] if os.geteuid() == 0 else []),
    ]
    with (folder / "said").open("wb") as said:
        server = subprocess.Popen(command, env=environment | {"JUPYTER_TOKEN": token}, stdin=subprocess.DEVNULL, stdout=said,
                                  stderr=said, cwd=work, start_new_session=True)
    try:
        yield Lab(_wait_for_url(server, folder), token, work)
    finally:
        _end(server)


def _wait_for_url(server: subprocess.Popen[bytes], folder: Path) -> str:
    """The address that the server has written down, since it has chosen its port itself."""
    note = folder / "runtime" / f"jpserver-{server.pid}.json"
    until = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < until and server.poll() is None:
        with contextlib.suppress(OSError, ValueError):  # not there yet, or half written
            return str(json.loads(note.read_bytes())["url"])
        time.sleep(0.1)
    raise AssertionError(f"JupyterLab did not start: {(folder / 'said').read_text(errors='replace')[-2000:]}")


def _end(server: subprocess.Popen[bytes]) -> None:
    """Ask it to end itself and its kernels, then end what is left of its session."""
    server.terminate()
    try:
        server.wait(SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    for left in _members(server.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(left, signal.SIGKILL)


def _members(session: int) -> Iterator[int]:
    """Processes of a session, kernels in process groups of their own among them."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(ProcessLookupError):
                if os.getsid(int(entry.name)) == session:
                    yield int(entry.name)
