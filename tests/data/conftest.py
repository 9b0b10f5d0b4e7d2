"""Fixtures of the tests of data."""

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.shared.data import noise, save


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder and the address that serves it."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    folder = tmp_path / "served"
    folder.mkdir()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{running.server_port}/"
        running.shutdown()
        thread.join()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """20 images of class ant, 10 of class bee, RGB, 8 x 8."""
    for kind, count in (("ant", 20), ("bee", 10)):
        for i in range(count):
            save(tmp_path / "mine" / kind / f"{i:02d}.png", noise(8, 8, 3, seed=i + 100 * (kind == "bee")))
    return tmp_path / "mine"
