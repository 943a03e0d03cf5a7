"""Downloads, from a server on this machine."""

import hashlib
import http.server
import io
import sys
import threading

import pytest
import synthetic

from keras_mobilevit.architectures import Source
from keras_mobilevit.architectures.mobilevit import IMAGENET
from keras_mobilevit.checkpoints import (
    download,
    fetch,
    fetch_imagenet,
    load_weights,
)

VARIANT = "mobilevit_xxs"
NAMES = ("a.h5", "b.pth", "c.pt")
LAYOUTS = ("kecam", "timm", "cvnets")


class Server:
    """Serves a dict of files; cuts off those named in `interrupted`."""

    def __init__(self):
        self.files, self.interrupted, self.requests = {}, set(), []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                name = self.path[1:]
                outer.requests.append(name)
                if name not in outer.files:
                    self.send_error(404)
                    return
                content = outer.files[name]
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if name in outer.interrupted:
                    content = content[: len(content) // 2]
                self.wfile.write(content)

            def log_message(self, *args):
                pass

        self.httpd = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.httpd.server_port}/"
        self.thread = threading.Thread(target=self.httpd.serve_forever)
        self.thread.start()

    def close(self):
        self.httpd.shutdown()
        self.thread.join()
        self.httpd.server_close()


@pytest.fixture(scope="module")
def contents(checkpoint, tmp_path_factory):
    """A synthetic checkpoint of every layout, as bytes."""
    folder = tmp_path_factory.mktemp("published")
    return {
        layout: checkpoint.write(layout, folder / layout).read_bytes()
        for layout in LAYOUTS
    }


@pytest.fixture
def server(contents, monkeypatch, tmp_path):
    """A server with all sources; the cache of Keras is a fresh folder."""
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    server = Server()
    server.files = dict(zip(NAMES, contents.values(), strict=True))
    md5 = hashlib.md5(contents["kecam"]).hexdigest()
    sha256 = hashlib.sha256(contents["timm"]).hexdigest()[:8]
    sources = (
        Source(server.url + NAMES[0], "kecam", "md5", md5),
        Source(server.url + NAMES[1], "timm", digest=sha256),
        Source(server.url + NAMES[2], "cvnets"),
    )
    monkeypatch.setitem(IMAGENET, VARIANT, sources)
    yield server
    server.close()


@pytest.fixture
def folder(tmp_path):
    """The cache, empty at first; later it holds whole files only."""
    return tmp_path / "home" / "models"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_downloads_once(server, folder, model):
    path = fetch_imagenet(VARIANT)
    assert path == folder / "a.h5"
    assert path.read_bytes() == server.files["a.h5"]
    load_weights(model, path)
    assert fetch("imagenet", VARIANT) == path
    assert server.requests == ["a.h5"]
    assert names(folder) == ["a.h5"]


def test_wrong_hash_falls_to_the_next_source(server, folder):
    server.files["a.h5"] += b"tampered"
    assert fetch_imagenet(VARIANT) == folder / "b.pth"
    assert server.requests == ["a.h5", "b.pth"]
    assert names(folder) == ["b.pth"]


def test_interruption_leaves_no_file(server, folder):
    server.interrupted = {"a.h5", "b.pth", "c.pt"}
    # Some weights need no download.
    with pytest.raises(OSError, match="cifar10 of mobilevit_xxs .*--weights"):
        fetch_imagenet(VARIANT)
    assert names(folder) == []
    server.interrupted = {"a.h5"}
    assert fetch_imagenet(VARIANT) == folder / "b.pth"
    assert names(folder) == ["b.pth"]


def test_interrupted_by_the_user(server, folder, monkeypatch):
    def interrupt(*args, **kwargs):
        (folder / args[0]).write_bytes(b"half")
        raise KeyboardInterrupt

    folder.mkdir()
    monkeypatch.setattr(download.keras.utils, "get_file", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fetch_imagenet(VARIANT)
    assert names(folder) == []


def test_source_without_hash_is_read_before_it_is_trusted(
    server, folder, tmp_path
):
    del server.files["a.h5"], server.files["b.pth"]
    good = server.files["c.pt"]
    other = synthetic.Checkpoint("xs")
    wrong = other.write("cvnets", tmp_path / "xs").read_bytes()
    for bad, match in (
        (b"<html>Access denied</html>", "HTML page"),
        (good[: len(good) // 2], "is damaged"),
        (wrong, "holds cvnets mobilevit_xs weights"),
    ):
        server.files["c.pt"] = bad
        with pytest.raises(OSError, match=match):
            fetch_imagenet(VARIANT)
        assert names(folder) == []
    server.files["c.pt"] = good
    assert fetch_imagenet(VARIANT) == folder / "c.pt"


def test_offline_message(server, folder):
    server.files = {}
    with pytest.raises(OSError, match="Fetch one of these files") as info:
        fetch_imagenet(VARIANT)
    message = str(info.value)
    assert VARIANT in message and str(folder) in message
    for name in NAMES:
        assert f"{server.url}{name} (" in message
    # The port of the server may have these digits, too.
    assert message.count("404 --") == 3


def test_file_put_there_by_hand(server, folder, contents):
    folder.mkdir()
    (folder / "c.pt").write_bytes(contents["cvnets"])
    assert fetch_imagenet(VARIANT) == folder / "c.pt"
    (folder / "b.pth").write_bytes(contents["timm"])
    assert fetch_imagenet(VARIANT) == folder / "b.pth"
    assert server.requests == []


def test_bad_file_put_there_by_hand(server, folder, contents):
    folder.mkdir()
    (folder / "a.h5").write_bytes(contents["timm"])
    files, server.files = server.files, {}
    with pytest.raises(OSError, match="file in the folder is bad: its md5 is"):
        fetch_imagenet(VARIANT)
    server.files = files
    assert fetch_imagenet(VARIANT) == folder / "a.h5"
    assert (folder / "a.h5").read_bytes() == contents["kecam"]


def test_unwritable_cache(server, tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "file"))
    with pytest.raises(OSError, match="can not be downloaded"):
        fetch_imagenet(VARIANT)
    assert server.requests == []


def test_is_silent_without_a_terminal(server, capfd, monkeypatch):
    fetch_imagenet(VARIANT)
    assert capfd.readouterr().out == ""
    assert download.keras.config.is_interactive_logging_enabled()


def test_shows_progress_on_a_terminal(server, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stdout", Terminal())
    fetch_imagenet(VARIANT)
    assert "Downloading" in sys.stdout.getvalue()


def test_unknown_variant():
    with pytest.raises(ValueError, match="variant='mobilevit_m'"):
        fetch_imagenet("mobilevit_m")


def test_published_sources():
    lengths = {"md5": (32,), "sha256": (0, 8)}
    for variant, sources in IMAGENET.items():
        assert [s.layout for s in sources] == ["kecam", "timm", "cvnets"]
        for source in sources:
            assert source.url.startswith("https://")
            assert source.filename.startswith(variant)
            assert len(source.digest) in lengths[source.algorithm]
            int(source.digest or "0", 16)
    assert len({s.url for v in IMAGENET.values() for s in v}) == 9


def test_embedded_weights_that_are_missing():
    with pytest.raises(FileNotFoundError, match="mobilevit_s_cifar10"):
        fetch("cifar10", "mobilevit_s")
