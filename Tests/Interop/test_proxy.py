"""Which way the client goes to the API server: what the environment says of proxies, and the kubeconfig."""

import socket
import threading

import pytest


class Proxy:
    """Writes down where it was to lead to, and leads nowhere."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.asked = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                self.asked.append(connection.recv(4096).split(b"\r\n")[0].decode())
                connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture
def proxies():
    opened = [Proxy(), Proxy()]
    yield opened
    for each in opened:
        each.listener.close()


@pytest.mark.parametrize(
    ("server", "environment", "of_cluster", "asked"),
    [
        ("https://api.invalid:6443", {"HTTPS_PROXY": "first"}, None, [["CONNECT api.invalid:6443 HTTP/1.1"], []]),
        ("https://api.invalid:6443", {"HTTPS_PROXY": "first", "NO_PROXY": ".invalid"}, None, [[], []]),
        ("https://127.0.0.1:1", {"HTTPS_PROXY": "first"}, None, [[], []]),
        ("https://api.invalid:6443", {"HTTPS_PROXY": "first", "NO_PROXY": ".invalid"}, "second", [[], ["CONNECT api.invalid:6443 HTTP/1.1"]]),
    ],
    ids=["environment", "exempt", "this-machine", "kubeconfig"],
)
def test_the_way_there(levee, tmp_path, proxies, server, environment, of_cluster, asked):
    urls = {"first": proxies[0].url, "second": proxies[1].url}
    proxy = f", proxy-url: {urls[of_cluster]}" if of_cluster else ""
    (tmp_path / "kubeconfig").write_text(
        f"""
        current-context: test
        clusters: [{{name: test, cluster: {{server: "{server}"{proxy}}}}}]
        contexts: [{{name: test, context: {{cluster: test}}}}]
        """
    )
    environment = {name: urls.get(value, value) for name, value in environment.items()}
    assert levee.run("operations", "--kubeconfig", tmp_path / "kubeconfig", env=environment).returncode != 0
    # A refusal counts as a connection that failed, and is tried again.
    assert [sorted(set(each.asked)) for each in proxies] == asked
