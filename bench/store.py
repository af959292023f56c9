"""Levee's object stores beside boto3 with threads and object_store (which deltalake is built on; by its Python binding), against one loopback server.

    store.py --bench .build/release/StoreBench [--objects 16] [--runs 5] [--only get,put,list-s3] [--delay 0.02]

Objects of 64 MB are read and written with eight requests in flight, 100,000 keys are listed. The clients take turns; what is printed are the medians of
wall and CPU time, the highest peak memory, and the median of the ratios turn by turn (above 1: Levee is faster). Run with .venv/s3/bin/python.
"""

import argparse
import concurrent.futures
import io
import json
import pathlib
import resource
import statistics
import subprocess
import sys
import time

SIZE, PART = 64 << 20, 7 << 20
PIECE = bytearray(i * 31 >> 4 & 255 for i in range(1 << 20))
KINDS = ("get", "put", "list-s3", "list-azure", "list-gcs")
SERVER = pathlib.Path(__file__).parent / "store_server.py"


class Content(io.RawIOBase):
    """Sixty-four megabytes, made as they are read: what boto3 takes."""

    def __init__(self):
        self.left = SIZE

    def readable(self):
        return True

    def readinto(self, target):
        count = min(len(target), self.left, len(PIECE))
        target[:count] = PIECE[:count]
        self.left -= count
        return count


def pieces():
    """Megabytes that are new each time."""
    return (bytes(PIECE) for _ in range(SIZE >> 20))


def ranges(count):
    return [(f"object-{number}", start, min(start + PART, SIZE)) for number in range(count) for start in range(0, SIZE, PART)]


def boto3_client(endpoint):
    import boto3
    from botocore.config import Config

    config = Config(s3={"addressing_style": "path"}, max_pool_connections=16)
    return boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="AKIA", aws_secret_access_key="bench", config=config)


def by_boto3(kind, endpoint, count):
    from boto3.s3.transfer import TransferConfig

    client = boto3_client(endpoint)
    if kind == "get":
        def get(part):
            key, start, end = part
            return len(client.get_object(Bucket="lake", Key=key, Range=f"bytes={start}-{end - 1}")["Body"].read())

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            return sum(pool.map(get, ranges(count)))
    if kind == "put":
        transfer = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART, max_concurrency=4)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda number: client.upload_fileobj(io.BufferedReader(Content(), PART), "lake", f"by-boto3-{number}", Config=transfer), range(count)))
        return count * SIZE
    pages = client.get_paginator("list_objects_v2").paginate(Bucket="lake", Prefix="listed/")
    return sum(len(page["Contents"]) for page in pages)


def by_object_store(kind, endpoint, count):
    import obstore
    from obstore import store

    options = {"client_options": {"allow_http": True}}
    if kind == "list-azure":
        bucket = store.AzureStore("lake", account_name="account", account_key="a2V5", endpoint=f"{endpoint}/account", **options)
    elif kind == "list-gcs":
        bucket = store.GCSStore("lake", skip_signature=True, base_url=endpoint, **options)
    else:
        bucket = store.S3Store("lake", endpoint=endpoint, region="us-east-1", access_key_id="AKIA", secret_access_key="bench", **options)
    if kind == "get":
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            return sum(pool.map(lambda part: len(obstore.get_range(bucket, part[0], start=part[1], end=part[2])), ranges(count)))
    if kind == "put":
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            list(pool.map(
                lambda number: obstore.put(bucket, f"by-object-store-{number}", pieces(), chunk_size=PART, max_concurrency=4), range(count)))
        return count * SIZE
    return sum(len(page) for page in obstore.list(bucket, prefix="listed/", chunk_size=1000))


PEERS = {"boto3": by_boto3, "object_store": by_object_store}


def peer(name, kind, endpoint, count):
    # What a client costs to load is not compared.
    __import__("boto3" if name == "boto3" else "obstore")
    before = resource.getrusage(resource.RUSAGE_SELF)
    started = time.perf_counter()
    moved = PEERS[name](kind, endpoint, count)
    seconds = time.perf_counter() - started
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps({"seconds": seconds, "cpu": cpu, "moved": moved, "rssMB": used.ru_maxrss >> 10}))


def measure(command):
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def compare(kind, options, endpoint):
    clients = {"levee": [options.bench, kind, endpoint, str(options.objects)]}
    for name in PEERS:
        if name == "object_store" or kind in ("get", "put", "list-s3"):
            clients[name] = [sys.executable, __file__, "--peer", name, kind, endpoint, str(options.objects)]
    # The first turn makes the server's pages, and is not counted.
    turns = [{name: measure(command) for name, command in clients.items()} for _ in range(options.runs + 1)][1:]
    assert len({run["moved"] for turn in turns for run in turn.values()}) == 1, turns
    moved, unit = turns[0]["levee"]["moved"], "keys"
    if kind in ("get", "put"):
        moved, unit = moved >> 20, "MB"
    for name in clients:
        runs = [turn[name] for turn in turns]
        seconds, cpu = (statistics.median(run[what] for run in runs) for what in ("seconds", "cpu"))
        ratio = statistics.median(turn[name]["seconds"] / turn["levee"]["seconds"] for turn in turns)
        compared = "" if name == "levee" else f", ratio {ratio:.2f}"
        print(
            f"{kind:11} {name:13} {seconds:6.2f} s ({moved / seconds:.0f} {unit}/s), CPU {cpu:.2f} s, {max(run['rssMB'] for run in runs)} MB{compared}",
            flush=True)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--bench")
    arguments.add_argument("--objects", type=int, default=16)
    arguments.add_argument("--runs", type=int, default=5)
    arguments.add_argument("--only", default=",".join(KINDS))
    arguments.add_argument("--delay", default="0")
    arguments.add_argument("--peer", nargs=4, help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.peer:
        return peer(*options.peer[:3], int(options.peer[3]))
    server = subprocess.Popen([sys.executable, SERVER, "--delay", options.delay], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    endpoint = server.stdout.readline().strip()
    for kind in options.only.split(","):
        compare(kind, options, endpoint)
    server.stdin.close()
    server.wait(10)


if __name__ == "__main__":
    main()
