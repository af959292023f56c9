"""Ceph's radosgw as an S3 server for tests: a cluster of one in memory, from Debian's packages `radosgw ceph-mon ceph-osd ceph-common`.

    ceph_server.py [--bucket NAME]...                 prints one line of JSON as s3_server.py does; ends with its standard input
    ceph_server.py [--bucket NAME]... -- COMMAND …    runs the command with LEVEE_S3_ENDPOINT and the keys in its environment

Without the packages it says so: the first form by its exit code 3, the second runs nothing and is done.
"""

import argparse
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid

PROGRAMS = ("radosgw", "radosgw-admin", "ceph-mon", "ceph-osd", "ceph", "ceph-authtool", "monmaptool")
KEY, SECRET = "LEVEETESTKEY", "levee-test-secret"


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Ceph:
    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="levee-ceph-"))
        self.processes = []
        messenger, legacy, self.port = free_ports(3)
        self.monitor = f"[v2:127.0.0.1:{messenger},v1:127.0.0.1:{legacy}]"
        self.identifier = str(uuid.uuid4())
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.environment = {**os.environ, "CEPH_CONF": str(self.directory / "ceph.conf")}

    def configure(self):
        for name in ("mon", "osd", "run", "log", "rgw"):
            (self.directory / name).mkdir()
        here = self.directory
        (here / "ceph.conf").write_text(f"""[global]
fsid = {self.identifier}
mon host = {self.monitor}
public addr = 127.0.0.1
cluster addr = 127.0.0.1
osd pool default size = 1
osd pool default min size = 1
mon allow pool size one = true
mon warn on pool no redundancy = false
osd crush chooseleaf type = 0
osd pool default pg num = 4
osd pool default pg autoscale mode = off
osd objectstore = memstore
memstore device bytes = 2147483648
paxos propose interval = 0.05
mon tick interval = 1
run dir = {here}/run
admin socket = {here}/run/$name.asok
log file = {here}/log/$name.log
pid file = {here}/run/$name.pid
mon data = {here}/mon
osd data = {here}/osd
keyring = {here}/keyring
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:{self.port} tcp_nodelay=1
rgw data = {here}/rgw
""")

    def run(self, *command, timeout=60):
        done = subprocess.run(list(map(str, command)), env=self.environment, capture_output=True, text=True, timeout=timeout)
        if done.returncode != 0:
            raise RuntimeError(f"{command[0]}: {done.stderr[-2000:]}")
        return done.stdout

    def daemon(self, *command):
        with (self.directory / "log" / f"{command[0]}.out").open("w") as log:
            self.processes.append(subprocess.Popen(list(map(str, command)), env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log))

    def start(self):
        self.configure()
        keyring, monmap = self.directory / "keyring", self.directory / "monmap"
        self.run("ceph-authtool", "--create-keyring", keyring, "--gen-key", "-n", "mon.", "--cap", "mon", "allow *")
        for name in ("client.admin", "client.rgw"):
            caps = [word for service in ("mon", "osd", "mgr") for word in ("--cap", service, "allow *")]
            self.run("ceph-authtool", keyring, "--gen-key", "-n", name, *caps)
        self.run("monmaptool", "--create", "--addv", "a", self.monitor, "--fsid", self.identifier, monmap)
        self.run("ceph-mon", "--mkfs", "-i", "a", "--monmap", monmap, "--keyring", keyring)
        self.daemon("ceph-mon", "-i", "a", "-f")
        disk = str(uuid.uuid4())
        number = self.run("ceph", "osd", "new", disk).strip()
        with keyring.open("a") as file:
            file.write(self.run("ceph", "auth", "get-or-create", f"osd.{number}", "mon", "allow profile osd", "osd", "allow *", "mgr", "allow profile osd"))
        self.run("ceph-osd", "-i", number, "--mkfs", "--osd-uuid", disk)
        self.daemon("ceph-osd", "-i", number, "-f")
        self.daemon("radosgw", "-n", "client.rgw", "-f")
        self.wait()
        self.run("radosgw-admin", "user", "create", "--uid=levee", "--display-name=levee", f"--access-key={KEY}", f"--secret-key={SECRET}")

    def wait(self, seconds=120):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                return urllib.request.urlopen(self.endpoint, timeout=5).close()
            except urllib.error.HTTPError:
                return None
            except OSError:
                time.sleep(0.2)
        raise RuntimeError(f"radosgw does not answer; see {self.directory}/log")

    def stop(self):
        # ceph-osd takes no notice of less.
        for process in self.processes:
            process.send_signal(signal.SIGKILL)
            process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


def create(endpoint, buckets):
    import boto3
    from botocore.config import Config

    client = boto3.client(
        "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id=KEY, aws_secret_access_key=SECRET,
        config=Config(s3={"addressing_style": "path"}))
    for bucket in buckets:
        client.create_bucket(Bucket=bucket)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--bucket", action="append", default=[])
    arguments.add_argument("command", nargs="*")
    options = arguments.parse_args()
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        print(f"skipped: Ceph ({', '.join(missing)} not installed; apt-get install radosgw ceph-mon ceph-osd ceph-common)", file=sys.stderr)
        sys.exit(0 if options.command else 3)
    ceph = Ceph()
    try:
        ceph.start()
        create(ceph.endpoint, options.bucket)
        if options.command:
            environment = {
                **os.environ, "LEVEE_S3_ENDPOINT": ceph.endpoint, "LEVEE_S3_SERVER": "ceph", "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET,
            }
            sys.exit(subprocess.run(options.command, env=environment).returncode)
        print(json.dumps({"endpoint": ceph.endpoint, "access_key_id": KEY, "secret_access_key": SECRET}), flush=True)
        sys.stdin.read()
    finally:
        ceph.stop()


if __name__ == "__main__":
    main()
