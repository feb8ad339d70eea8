"""The studio lets no one in: each test is named after what it forbids. All requests are harmless."""

import socket
from pathlib import Path

import httpx
import pytest

from cutaway.studio import folder, guards, uploads
from cutaway.studio.guards import HEADERS, SANDBOX, Keys


def raw(studio, text):
    """What the server answers to these bytes, the status line and all."""
    with socket.create_connection(("127.0.0.1", studio.port), timeout=20) as sock:
        sock.sendall(text.replace("\n", "\r\n").encode())
        sock.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: sock.recv(65536), b"")).decode(errors="replace")


def status(studio, text):
    return int(raw(studio, text).split()[1])


def cookie(client):
    return "; ".join(f"{name}={value}" for name, value in client.cookies.items())


def test_no_other_machine_reaches_it(studio):
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.2", studio.port), timeout=2):
        pass


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:{port}", "127.0.0.1", "localhost:{port}@evil",
                                  "[::1]:{port}", "127.0.0.1:{port}\nHost: evil.example"])
def test_no_name_that_is_bound_anew(studio, client, host):
    host = host.format(port=studio.port)
    assert status(studio, f"GET /api/home HTTP/1.1\nHost: {host}\nCookie: {cookie(client)}\nConnection: close\n\n") in (
        400, 421)


@pytest.mark.parametrize("origin", ["http://evil.example", "{base}.evil.example", "{base}/", "null", "https://127.0.0.1",
                                    "http://127.0.0.1:1", "http://evil.example/{base}"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_page_of_another_origin(studio, client, origin, method):
    answer = client.request(method, "/api/home" if method == "GET" else "/api/samples",
                            headers={"origin": origin.format(base=studio.base)})
    assert answer.status_code == 403 and "access-control-allow-origin" not in answer.headers


def test_no_request_that_a_browser_marks_as_another_sites(client):
    assert client.get("/", headers={"sec-fetch-site": "cross-site"}).status_code == 403


@pytest.mark.parametrize("path", ["/", "/api/home", "/static/main.js", "/api/events?runs=0123456789ab"])
def test_nobody_without_the_cookie_not_even_on_this_machine(studio, path):
    answer = httpx.get(studio.base + path, trust_env=False)
    assert answer.status_code == 401 and "cutaway studio" in answer.json()["wrong"]


def test_no_link_twice(studio):
    link = studio.fresh_link()
    first, second = (httpx.get(link, trust_env=False) for _ in range(2))
    assert first.status_code == 303 and second.status_code == 401
    assert first.headers["location"] == "/"  # no secret stays in the address
    assert "HttpOnly" in first.headers["set-cookie"] and "SameSite=Strict" in first.headers["set-cookie"]


def test_no_link_that_is_old(tmp_path, monkeypatch):
    monkeypatch.setattr(guards, "LINK_GOOD_FOR", -1.0)
    keys = Keys(tmp_path)
    assert not keys.opens(keys.link())


def test_no_other_user_reads_the_keys_that_outlive_a_server(tmp_path):
    first, second = Keys(tmp_path), Keys(tmp_path)
    assert (tmp_path / "keys.json").stat().st_mode & 0o077 == 0
    assert second.cookie == first.cookie and len({first.cookie, first.header, first.again}) == 3


def test_no_other_user_reads_a_run_or_the_file_it_was_made_from(tmp_path, client, studio):
    run = client.post("/api/files", content=b"a,b\n1,2\n", headers={"x-name": "a.csv"}).json()["run"]
    made = folder.run_named(studio.home, run)
    for place in (made.path, Path(made.settings["file"]).parent, folder.new_run(tmp_path, file="x", name="x").path):
        assert place.stat().st_mode & 0o077 == 0


def test_no_fresh_link_for_whoever_cannot_read_the_home(studio):
    assert httpx.post(f"{studio.base}/again", headers={"x-again": "guess"}, trust_env=False).status_code == 403
    assert (studio.home / "studio.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("lacks", ["x-cutaway", "origin"])
def test_no_post_that_a_form_could_send(client, lacks):
    with httpx.Client(base_url=client.base_url, cookies=client.cookies, trust_env=False) as form:
        form.headers.update({name: client.headers[name] for name in ("x-cutaway", "origin") if name != lacks})
        assert form.post("/api/samples", json={"name": "houses"}).status_code == 403


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
def test_no_method_but_get_and_post(client, method):
    assert client.request(method, "/api/home").status_code == 405


@pytest.mark.parametrize("path", ["/static/../server.py", "/static/%2e%2e%2fserver.py", "/static/..%2f..%2fextras.py",
                                  "/static//etc/passwd", "/static/%2fetc%2fpasswd", "/static/index.html%00.js",
                                  "/api/runs/../../x", "/api/runs/%2e%2e", "/api/runs/0123456789ab", "/api/runs/...."])
def test_no_path_out_of_a_folder(studio, client, path):
    answer = raw(studio, f"GET {path} HTTP/1.1\nHost: 127.0.0.1:{studio.port}\nCookie: {cookie(client)}\n"
                         "Connection: close\n\n")
    assert int(answer.split()[1]) in (400, 404) and "root:" not in answer and "import" not in answer


def test_no_neighbour_whose_name_begins_alike(tmp_path):
    (tmp_path / "runs-other").mkdir()
    (tmp_path / "runs").mkdir()
    with pytest.raises(folder.FileError, match="there is no run"):
        folder.run_named(tmp_path, "../runs-other")


@pytest.mark.parametrize("name", ["../../x.csv", "..%2f..%2fx.csv", "/etc/x.csv", "C:\\x.csv", "a\\..\\x.csv",
                                  "%00x.csv"])
def test_no_uploaded_name_with_a_folder_in_it(name):
    plain = uploads.plain_name(name)
    assert plain.endswith("x.csv") and not set(plain) & set("/\\:\0")


def test_no_upload_above_the_limit(client, studio, monkeypatch):
    monkeypatch.setattr(uploads, "MOST_UPLOADED", 1000)
    before = list((studio.home / "files").glob("*/*"))
    said = client.post("/api/files", content=b"x" * 1001, headers={"x-name": "a.csv"})
    unsaid = client.post("/api/files", content=(b"x" * 400 for _ in range(3)), headers={"x-name": "a.csv"})
    for answer in (said, unsaid):
        assert answer.status_code == 404 and "cutaway studio FILE" in answer.json()["wrong"]
    assert list((studio.home / "files").glob("*/*")) == before


def test_no_upload_that_fills_the_disk(client, monkeypatch):
    monkeypatch.setattr(uploads, "LEFT_FREE", 2**62)
    answer = client.post("/api/files", content=b"a,b\n1,2\n", headers={"x-name": "a.csv"})
    assert "--home on another disk" in answer.json()["wrong"]


def test_no_question_without_end(client):
    assert client.post("/api/samples", content=b"[" * 300_000).status_code == 413
    assert client.post("/api/samples", content=b"[" * 200_000).status_code == 422
    assert client.post("/api/samples", json={"name": "../houses"}).status_code == 422


def test_no_head_without_end(studio):
    assert status(studio, f"GET / HTTP/1.1\nHost: 127.0.0.1:{studio.port}\nx-long: {'a' * 60_000}\n\n") == 431


def test_no_page_that_runs_or_loads_anything_foreign(client):
    for path in ("/", "/static/main.js", "/api/home", "/nothing"):
        headers = client.get(path).headers
        assert {name: headers[name] for name in HEADERS} == HEADERS
    page = client.get("/").text
    assert "default-src 'self'" in HEADERS["content-security-policy"] and "unsafe" not in str(HEADERS)
    assert page.count("<script") == 1 and "src=\"/static/main.js\"" in page and " style=" not in page
    assert HEADERS["referrer-policy"] == "no-referrer"


def test_no_script_in_a_generated_page(client, studio):
    run = folder.new_run(studio.home, file="x", name="x.csv")
    (run.path / "report.html").write_text("<script>1</script>")
    headers = client.get(f"/api/runs/{run.name}/report").headers
    assert headers["content-security-policy"] == SANDBOX and headers["content-security-policy"].startswith("sandbox;")


def test_no_secret_in_a_log(studio, client, capfd):
    client.get("/api/home?key=secret-in-a-query")
    assert "secret" not in "".join(capfd.readouterr())


def test_no_socket_of_the_web(studio, client):
    answer = raw(studio, f"GET /api/events HTTP/1.1\nHost: 127.0.0.1:{studio.port}\nCookie: {cookie(client)}\n"
                         "Upgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Version: 13\n"
                         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n\n")
    assert " 101 " not in answer.partition("\r\n")[0]


def test_no_client_that_never_reads_holds_up_the_others(studio, client):
    run = folder.new_run(studio.home, file="x", name="x.csv")
    for _ in range(200):
        run.tell("epoch", row={"loss": "x" * 10_000})
    with socket.create_connection(("127.0.0.1", studio.port), timeout=20) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.sendall((f"GET /api/events?runs={run.name} HTTP/1.1\r\nHost: 127.0.0.1:{studio.port}\r\n"
                      f"Cookie: {cookie(client)}\r\n\r\n").encode())
        assert all(client.get("/api/home").status_code == 200 for _ in range(5))


def test_no_stream_above_the_limit(client, studio, monkeypatch):
    from cutaway.studio import server

    monkeypatch.setattr(server, "MOST_STREAMS", 0)
    answer = client.get("/api/events?runs=0123456789ab")
    assert answer.status_code == 429 and "close some" in answer.json()["wrong"]
