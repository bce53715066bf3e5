"""A real headless Chromium and a real JupyterLab for tests, as pytest fixtures.

Import the fixtures where they are needed: ``from tests.browser import chromium, lab, page``. Tests that use them carry
the mark ``browser``; where no Chromium is found they are skipped, and say so.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from nbformat.sign import NotebookNotary

from notebooks.photograph import FLAGS, find_chromium


@pytest.fixture(scope="session")
def chromium():
    """A headless Chromium for the session."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = find_chromium()
    if program is None:
        pytest.skip("no Chromium found; install one, or name it in the variable CHROMIUM")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium):
    """A fresh page of 1200 x 900; the test fails if a script on it raised an error."""
    context = chromium.new_context(viewport={"width": 1200, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(60_000)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


@dataclass(frozen=True)
class JupyterLab:
    """A running server: its address, the folder it serves, and those of its settings and data."""

    url: str
    root: Path
    settings: Path
    data: Path

    def set(self, plugin: str, **values: object) -> None:
        """Set a plugin's settings, such as ``apputils-extension:themes``; pages opened later follow them."""
        package, name = plugin.split(":")
        file = self.settings / "@jupyterlab" / package / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))

    def write(self, notebook: str, *cells: str, outputs: Sequence[dict] = (), trusted: bool = False) -> Path:
        """Make a notebook of code cells in the served folder, with one output each where outputs are given.

        A trusted one is signed, as if it had been run here; the outputs of others may not run scripts.
        """
        book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
        book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        for cell, data in zip(book.cells, outputs, strict=False):
            cell.outputs = [nbformat.v4.new_output("display_data", data)]
        nbformat.write(book, self.root / notebook)
        if trusted:
            NotebookNotary(data_dir=str(self.data)).sign(nbformat.read(self.root / notebook, 4))
        return self.root / notebook

    def open(self, page, notebook: str, kernel: bool = True) -> None:
        """Show a notebook of the served folder in a fresh workspace; wait for its cells and, if asked, its kernel."""
        page.goto(f"{self.url}/lab/tree/{notebook}?reset")
        page.wait_for_selector(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell", timeout=60_000)
        # Not the notebook's own indicator: that says idle before there is a kernel.
        if kernel:
            page.wait_for_selector("#jp-main-statusbar :text-matches('Python 3.* [|] Idle')", timeout=60_000)

    def run_all(self, page) -> None:
        """Run every cell of the shown notebook and wait until no cell is running or waiting."""
        menu(page, "Run", "Run All Cells")
        page.wait_for_function(
            """() => {
              const prompts = [...document.querySelectorAll(".jp-CodeCell .jp-InputPrompt")].map((p) => p.textContent);
              return prompts.length > 0 && prompts.every((p) => /\\[\\d+\\]/.test(p));
            }""",
            timeout=60_000,
        )


@pytest.fixture(scope="session")
def lab(tmp_path_factory) -> Iterator[JupyterLab]:
    """A JupyterLab of its own on a free port: own configuration, own folders, no token; gone at the end for certain."""
    pytest.importorskip("jupyterlab", reason="JupyterLab is not installed")
    folder = tmp_path_factory.mktemp("jupyter")
    (root := folder / "notebooks").mkdir()
    own = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "JUPYTERLAB_SETTINGS_DIR")
    env = os.environ | {name: str(folder / name.lower()) for name in own}
    repository = Path(__file__).parents[1]
    env["JUPYTERLAB_WORKSPACES_DIR"] = str(folder / "workspaces")
    env["JUPYTER_CONFIG_PATH"] = str(repository / ".jupyter")  # the course's settings, as under `make lab`
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(repository), env.get("PYTHONPATH")]))
    server = JupyterLab(
        f"http://127.0.0.1:{_free_port()}", root, folder / "jupyterlab_settings_dir", folder / "jupyter_data_dir"
    )
    server.set("apputils-extension:notification", fetchNews="false", checkForUpdates=False)
    options = (f"--port={server.url.rsplit(':', 1)[1]}", "--ServerApp.port_retries=0", "--ip=127.0.0.1", "--no-browser")
    # No token, and no cookie against forged requests: the tests ask the server for its kernels without a browser.
    options += ("--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True", "--allow-root")
    options += (f"--ServerApp.root_dir={root}",)
    log = (folder / "log").open("w+")
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *options], env=env, stdout=log, stderr=log, start_new_session=True
    )
    try:
        _wait_for(server.url + "/api", process, folder / "log")
        yield server
    finally:
        kernels = kernels_of(folder)
        try:
            shut_down_kernels(server.url)
        finally:
            os.killpg(process.pid, signal.SIGKILL)  # nothing of it is kept
            process.wait()
            log.close()
            _end(kernels)


def menu(page, bar: str, entry: str) -> None:
    """Choose an entry of JupyterLab's menu bar."""
    page.click(f".lm-MenuBar-item:has-text('{bar}')")
    page.click(f".lm-Menu-item:has(.lm-Menu-itemLabel:text-is('{entry}'))")


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def _wait_for(url: str, process: subprocess.Popen, log: Path, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            urllib.request.urlopen(url).read()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"JupyterLab did not answer within {seconds} s; its log ends: {log.read_text()[-2000:]}")


def shut_down_kernels(url: str) -> None:
    """Ask a server to end its kernels, and wait until it has; a server that refuses is an error."""
    try:
        for kernel in json.loads(urllib.request.urlopen(url + "/api/kernels", timeout=30).read()):
            request = urllib.request.Request(f"{url}/api/kernels/{kernel['id']}", method="DELETE")
            urllib.request.urlopen(request, timeout=30).read()
    except urllib.error.HTTPError:
        raise
    except OSError:
        pass  # the server is gone or hangs; what is left of its kernels is ended by the fixture


def kernels_of(folder: Path) -> list[int]:
    """The processes of kernels that read their connection from a folder; each has a session of its own."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = file.read_bytes().decode(errors="replace")
        except OSError:
            continue  # it has just ended
        if "ipykernel" in command and f"{folder}{os.sep}" in command:
            found.append(int(file.parent.name))
    return found


def _end(processes: Sequence[int], seconds: float = 5) -> None:
    """Wait a little for processes to end by themselves, then end those that have not."""
    end = time.monotonic() + seconds
    while (left := [pid for pid in processes if Path(f"/proc/{pid}").exists()]) and time.monotonic() < end:
        time.sleep(0.05)
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
