"""cutaway studio: what it says of a port that is taken, a studio that runs already, a folder it cannot use."""

import socket

import pytest

from cutaway.cli import main
from cutaway.studio import command


def test_a_port_in_use_is_told_with_what_to_do(tmp_path, capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["studio", "--port", str(port), "--home", str(tmp_path)]) == 2
    assert f"--port {port}: another program listens there. Name another" in capsys.readouterr().err


def test_a_studio_that_is_started_again_takes_the_port_where_open_pages_look_for_it(tmp_path):
    with command.socket_on(0) as free:
        port = free.getsockname()[1]
    (tmp_path / "studio.json").write_text(f'{{"port": {port}}}')
    with command.socket_on(None, command.last_port(tmp_path)) as first:
        assert first.getsockname()[1] == port
        with command.socket_on(None, command.last_port(tmp_path)) as second:
            assert second.getsockname()[1] != port
    assert command.last_port(tmp_path / "nothing") == command.PORT


def test_a_second_studio_opens_the_first_one(studio, capsys, monkeypatch):
    opened = []
    monkeypatch.setattr(command.webbrowser, "open", lambda link: opened.append(link) or True)
    assert main(["studio", "--home", str(studio.home)]) == 0
    assert opened[0].startswith(f"{studio.base}/start?key=") and "is open in the browser" in capsys.readouterr().out


def test_without_a_browser_the_link_is_printed(studio, capsys, monkeypatch):
    monkeypatch.setattr(command.webbrowser, "open", lambda link: False)
    assert main(["studio", "--home", str(studio.home)]) == 0
    assert "Open this link" in (said := capsys.readouterr().out) and f"{studio.base}/start?key=" in said


@pytest.mark.parametrize(("args", "says"), [(["nothing.csv"], "there is no such file"),
                                            (["--home", "/dev/null/x"], "name a folder where you may write")])
def test_what_cannot_be_opened_is_told_in_words(tmp_path, capsys, args, says):
    home = [] if "--home" in args else ["--home", str(tmp_path)]
    assert main(["studio", *args, *home]) == 2
    assert says in " ".join(capsys.readouterr().err.split())
