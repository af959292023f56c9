"""The operator's client on HTTP/2: few connections, and what becomes of its watches when streams and connections end in all the ways they do."""

import shutil
import subprocess

import h2.errors
import pytest
from devcluster.control_plane import eventually
from servers.http2_api import HTTP2API, Authority

KINDS = 7
"""What the operator watches: its five kinds, Jobs and Pods."""


class Site:
    def __init__(self, levee, directory, authority):
        self.levee, self.directory, self.authority = levee, directory, authority
        self.server = self.process = None

    def serve(self, **options):
        self.server = HTTP2API(*self.authority.issue("server", "127.0.0.1"), **options)
        return self.server

    def configure(self, **user):
        """A kubeconfig for the server, with these credentials."""
        shutil.copy(self.authority.certificate, self.directory / "ca.crt")
        kubeconfig = self.directory / "kubeconfig"
        kubeconfig.write_text(
            f"""
            current-context: test
            clusters: [{{name: test, cluster: {{server: "https://127.0.0.1:{self.server.port}", certificate-authority: ca.crt}}}}]
            users: [{{name: test, user: {{{", ".join(f"{key}: {value}" for key, value in user.items())}}}}}]
            contexts: [{{name: test, context: {{cluster: test, user: test}}}}]
            """
        )
        return kubeconfig

    def start(self, **user):
        """Runs the operator against the server."""
        kubeconfig = self.configure(**user)
        command = [self.levee.binary, "operator", "--kubeconfig", kubeconfig, "--metrics-address", "0", "--health-address", "0", "--log-format", "text"]
        with open(self.directory / "log", "wb") as log:
            self.process = subprocess.Popen([*map(str, command), "--worker-image", "levee"], stderr=log)
        self.until_watched()

    def until_watched(self, by=None, timeout=60):
        """All kinds are, on connections for which `by` is true."""
        eventually(lambda: sum(by is None or by(each) for each in self.server.open_watches.values()) == KINDS, timeout)

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
        if self.server:
            self.server.close()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("pki"), "first")


@pytest.fixture
def site(levee, tmp_path, authority):
    site = Site(levee, tmp_path, authority)
    yield site
    site.stop()


def test_everything_goes_over_one_connection(site):
    server = site.serve()
    site.start()
    assert len(server.connections) == 1
    assert len(server.lists) == KINDS and all(each.is_watch for each in server.lists)


def test_lists_by_pages_where_the_server_streams_none(site):
    server = site.serve(streams_lists=False)
    site.start()
    assert len(server.connections) == 1
    assert sum(not each.is_watch for each in server.requests) == KINDS


def test_a_server_that_takes_few_streams_gets_more_connections(site):
    server = site.serve(max_streams=4)
    site.start()
    assert len({each.connection for each in server.open_watches.values()}) >= 2


def test_watches_that_are_reset_go_on_where_they_were(site):
    server = site.serve()
    site.start()
    lists = len(server.lists)
    codes = [h2.errors.ErrorCodes.INTERNAL_ERROR, h2.errors.ErrorCodes.CANCEL, h2.errors.ErrorCodes.REFUSED_STREAM, h2.errors.ErrorCodes.ENHANCE_YOUR_CALM]
    reset = dict(zip(list(server.open_watches.values()), codes))
    for watch, code in reset.items():
        server.reset(watch, code)
    site.until_watched()
    for watch in reset:
        again = [each for each in server.requests if each.path == watch.path and each.query.get("resourceVersion") == "10"]
        assert again and again[-1].is_watch
    assert len(server.lists) == lists, "nothing is listed again"
    # In good order, with the version that it has come to.
    pods = server.open_watches["/api/v1/pods"]
    server.event(pods, "BOOKMARK", version="77")
    server.end(pods)
    site.until_watched()
    assert server.open_watches["/api/v1/pods"].query["resourceVersion"] == "77"
    assert len(server.lists) == lists


def test_goaway_moves_what_is_new_to_another_connection(site):
    """As kube-apiserver spreads its clients (--goaway-chance) and shuts down: streams that are open go on, there are no new ones."""
    server = site.serve()
    site.start()
    first, lists = server.connections[0], len(server.lists)
    watches = list(server.open_watches.values())
    first.go_away(max(each.stream for each in watches))
    for watch in watches[:3]:
        server.end(watch)
    site.until_watched()
    # Those that come before there is a new connection may each make one.
    assert sum(each.connection is not first for each in server.open_watches.values()) == 3
    assert len(server.lists) == lists
    # Those that stayed still hear.
    for watch in watches[3:]:
        server.event(watch, "BOOKMARK", version="55")
        server.end(watch)
    site.until_watched(lambda each: each.connection is not first)
    assert sum(each.query.get("resourceVersion") == "55" for each in server.requests) == KINDS - 3
    assert len(server.lists) == lists


def test_goaway_that_takes_streams_back_loses_nothing(site):
    server = site.serve()
    site.start()
    first, lists = server.connections[0], len(server.lists)
    # None of the streams was dealt with, says the server, and closes.
    first.go_away(0)
    server.drop(first)
    site.until_watched(lambda each: each.connection is not first)
    assert len(server.lists) == lists


def test_a_broken_connection_is_replaced_by_one(site):
    server = site.serve()
    site.start()
    lists = len(server.lists)
    for _ in range(3):
        server.drop(server.connections[-1])
        site.until_watched()
    assert len(server.lists) == lists
    assert len({each.connection for each in server.open_watches.values()}) == 1


@pytest.mark.soak
def test_a_connection_that_has_gone_silent_is_replaced(site):
    """The server's kernel still takes what comes, and nobody answers: half a minute of silence, then a quarter of one for the answer to a question."""
    server = site.serve()
    site.start()
    first, lists = server.connections[0], len(server.lists)
    first.is_deaf = True
    site.until_watched(lambda each: each.connection is not first, timeout=150)
    assert len(server.lists) == lists


def test_a_renewed_token_is_taken_up_when_the_old_one_is_refused(site):
    token = site.directory / "token"
    token.write_text("one")
    server = site.serve(tokens={"one"})
    site.start(tokenFile="token")
    lists = len(server.lists)
    server.tokens = {"two"}
    token.write_text("two")
    server.end(server.open_watches["/api/v1/pods"])
    site.until_watched()
    assert server.open_watches["/api/v1/pods"].token == "two"
    assert len(server.lists) == lists


def test_rotated_authorities_and_client_certificates_are_taken_up(site, tmp_path):
    """The server gets a certificate of a new authority, and trusts clients of that one only; the files are there before it does."""
    client = site.authority.issue("client")
    for source, name in zip(client, ("tls.crt", "tls.key")):
        shutil.copy(source, site.directory / name)
    server = site.serve(client_authority=site.authority.certificate)
    site.start(**{"client-certificate": "tls.crt", "client-key": "tls.key"})
    lists = len(server.lists)
    second = Authority(tmp_path, "second")
    for source, name in zip((second.certificate, *second.issue("client")), ("ca.crt", "tls.crt", "tls.key")):
        shutil.copy(source, site.directory / name)
    server.certificates(*second.issue("server", "127.0.0.1"), client_authority=second.certificate)
    server.drop(server.connections[0])
    site.until_watched()
    assert len(server.lists) == lists


def test_commands_act_as_whom_they_are_told(site):
    server = site.serve()
    listing = ["operations", "--kubeconfig", site.configure(token="t", **{"as": "john"})]
    assert site.levee.run(*listing).returncode == 0
    assert site.levee.run(*listing, "--as", "jane", "--as-uid", "7", "--as-group", "editors").returncode == 0
    names = ("authorization", "impersonate-user", "impersonate-uid", "impersonate-group")
    assert [[each.headers.get(name) for name in names] for each in server.requests] == [
        ["Bearer t", "john", None, None],
        ["Bearer t", "jane", "7", "editors"],
    ]
    assert "need --as" in site.levee.fails(2, *listing, "--as-group", "editors")
