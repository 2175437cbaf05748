"""Downloads: verified, atomic, resumable, and never outside the cache."""

import hashlib
import http.server
import os
import re
import threading

import pytest

from kerasish.core import config
from kerasish.utils import data_files
from kerasish.utils.data_files import get_file

CONTENT = bytes(range(256)) * 400
SHA256, MD5 = hashlib.sha256(CONTENT).hexdigest(), hashlib.md5(CONTENT).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT under every path; the server object says how it should misbehave."""

    def do_GET(self):
        server = self.server
        server.requests.append(dict(self.headers))
        if server.redirect:
            self.send_response(302)
            self.send_header("Location", server.redirect)
            self.end_headers()
            return
        start = 0
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        if asked and self.headers.get("If-Range") == server.tag:
            start = int(asked[1])
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(server.content) - 1}/{len(server.content)}")
        if server.tag:
            self.send_header("ETag", server.tag)
        self.send_header("Content-Length", str(len(server.content) - start))
        self.end_headers()
        self.wfile.write(server.content[start : server.break_after])

    def log_message(self, *arguments):
        """Keep the test output clean."""


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.requests, server.content, server.tag = [], CONTENT, '"one"'
        server.redirect = server.break_after = None
        server.url = f"http://127.0.0.1:{server.server_port}/data.bin"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASISH_HOME", str(tmp_path))
    config.disable_interactive_logging()
    yield tmp_path
    config.enable_interactive_logging()


def leftovers(folder):
    return sorted(name for name in os.listdir(folder) if not name.endswith(".lock"))


def test_download_then_cache(server, cache):
    path = get_file(origin=server.url, file_hash=SHA256)
    assert path == str(cache / "datasets" / "data.bin")
    assert open(path, "rb").read() == CONTENT
    assert get_file(origin=server.url, file_hash=SHA256) == path
    assert len(server.requests) == 1
    get_file(origin=server.url, file_hash=SHA256, force_download=True)
    assert len(server.requests) == 2
    assert leftovers(cache / "datasets") == ["data.bin"]


def test_names_and_folders(server, cache, tmp_path):
    assert get_file("a.bin", server.url, file_hash=SHA256, cache_subdir="x") == str(cache / "x" / "a.bin")
    other = tmp_path / "other"
    path = get_file("b.bin", server.url, file_hash=SHA256, cache_dir=other, cache_subdir="")
    assert path == str(other / "b.bin")


def test_wrong_hash_leaves_nothing(server, cache):
    with pytest.raises(ValueError, match=f"{SHA256}.*{'0' * 64}"):
        get_file(origin=server.url, file_hash="0" * 64)
    assert leftovers(cache / "datasets") == []


def test_damaged_file_is_replaced(server, cache):
    path = get_file(origin=server.url, file_hash=SHA256)
    with open(path, "ab") as file:
        file.write(b"!")
    get_file(origin=server.url, file_hash=SHA256)
    assert open(path, "rb").read() == CONTENT


def test_resume(server, cache):
    server.break_after = 70_000
    with pytest.raises(ConnectionError, match="continued"):
        get_file(origin=server.url, file_hash=SHA256)
    assert not (cache / "datasets" / "data.bin").exists()
    assert (cache / "datasets" / "data.bin.part").stat().st_size == 70_000
    server.break_after = None
    path = get_file(origin=server.url, file_hash=SHA256)
    assert open(path, "rb").read() == CONTENT
    assert server.requests[-1]["Range"] == "bytes=70000-"
    assert leftovers(cache / "datasets") == ["data.bin"]


def test_no_resume_when_the_file_at_the_origin_changed(server):
    server.break_after = 70_000
    with pytest.raises(ConnectionError):
        get_file(origin=server.url, file_hash=SHA256)
    server.break_after, server.tag, server.content = None, '"two"', CONTENT[::-1]
    path = get_file(origin=server.url, file_hash=hashlib.sha256(CONTENT[::-1]).hexdigest())
    assert open(path, "rb").read() == CONTENT[::-1]


def test_halves_that_do_not_fit_are_fetched_again(server, cache):
    server.break_after = 70_000
    with pytest.raises(ConnectionError):
        get_file(origin=server.url, file_hash=SHA256)
    part = cache / "datasets" / "data.bin.part"
    part.write_bytes(b"?" * 70_000)
    server.break_after = None
    path = get_file(origin=server.url, file_hash=SHA256)
    assert open(path, "rb").read() == CONTENT


def test_no_resume_without_a_validator(server):
    server.break_after, server.tag = 70_000, None
    with pytest.raises(ConnectionError):
        get_file(origin=server.url, file_hash=SHA256)
    server.break_after = None
    get_file(origin=server.url, file_hash=SHA256)
    assert "Range" not in server.requests[-1]


@pytest.mark.parametrize("origin", ["http://example.org/a", "ftp://example.org/a", "/etc/passwd", "data:,a"])
def test_unprotected_origins_are_refused(origin):
    with pytest.raises(ValueError, match="origin"):
        get_file("a", origin)
    if origin.startswith("http:"):
        with pytest.raises(ValueError, match="sha256"):
            get_file("a", origin, file_hash=MD5)


def test_redirection_to_something_else_is_refused(server, cache):
    server.redirect = "file:///etc/passwd"
    with pytest.raises(ConnectionError):
        get_file(origin=server.url, file_hash=SHA256)
    handler = data_files._CarefulRedirects(allow_http=False)
    request = data_files.urllib.request.Request("https://example.org/a")
    with pytest.raises(data_files.urllib.error.URLError, match="refused redirection"):
        handler.redirect_request(request, None, 302, "", {}, "http://example.org/a")
    assert handler.redirect_request(request, None, 302, "", {}, "https://example.com/a") is not None


def test_file_urls(tmp_path):
    source = tmp_path / "source.txt"
    source.write_text("hello")
    path = get_file("copy.txt", source.as_uri(), md5_hash=hashlib.md5(b"hello").hexdigest())
    assert open(path).read() == "hello"
    with pytest.raises(ConnectionError, match=r"missing\.txt"):
        get_file("missing.txt", (tmp_path / "missing.txt").as_uri())


@pytest.mark.parametrize("name", ["../a", "a/b", "..", "a\\b", "/a", "a\0b"])
def test_bad_names(name):
    with pytest.raises(ValueError, match="fname"):
        get_file(name, "https://example.org/a")


@pytest.mark.parametrize(
    "arguments", [{"file_hash": "123"}, {"file_hash": "z" * 64}, {"file_hash": MD5, "hash_algorithm": "sha1"}]
)
def test_bad_hashes(arguments):
    with pytest.raises(ValueError, match="file_hash"):
        get_file("a", "https://example.org/a", **arguments)


def test_missing_origin_and_name():
    with pytest.raises(ValueError, match="origin"):
        get_file("a")
    with pytest.raises(ValueError, match="fname"):
        get_file(origin="https://example.org/")


def test_unwritable_cache_says_how_to_choose_another(cache, server):
    (cache / "datasets").write_text("a file where the folder should be")
    with pytest.raises(OSError):
        get_file(origin=server.url, file_hash=SHA256)


def test_two_threads_download_once(server):
    paths = []
    threads = [
        threading.Thread(target=lambda: paths.append(get_file(origin=server.url, file_hash=SHA256))) for _ in "ab"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(paths) == 2 and len(server.requests) == 1


def test_hashes(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(CONTENT)
    assert data_files.hash_file(path) == SHA256 and data_files.hash_file(path, "md5") == MD5
    assert data_files.validate_file(path, SHA256.upper()) and data_files.validate_file(path, MD5)
    assert not data_files.validate_file(path, "0" * 32)


def test_progress_is_shown_when_logging_is_interactive(server, capsys):
    config.enable_interactive_logging()
    get_file(origin=server.url, file_hash=SHA256)
    captured = capsys.readouterr()
    assert server.url in captured.out and "100%" in captured.err
