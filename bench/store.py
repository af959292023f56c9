"""Levee's S3 client beside boto3 with threads, against a loopback server: GET and PUT of 64 MB objects with eight requests in flight, listing 100,000 keys.

    store.py --bench .build/release/StoreBench [--objects 16] [--runs 3]

Run with the Python that has boto3 (.venv/s3/bin/python). Prints medians and ratios (above 1: Levee is faster), and peak memory.
"""

import argparse
import concurrent.futures
import io
import json
import resource
import statistics
import subprocess
import sys
import time

SIZE, PART = 64 << 20, 7 << 20


def peer(kind, endpoint, count):
    import boto3
    from boto3.s3.transfer import TransferConfig
    from botocore.config import Config

    config = Config(s3={"addressing_style": "path"}, max_pool_connections=16)
    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="AKIA", aws_secret_access_key="bench", config=config)

    def get(job):
        number, start = job
        body = client.get_object(Bucket="lake", Key=f"object-{number}", Range=f"bytes={start}-{min(start + PART, SIZE) - 1}")["Body"]
        return sum(len(piece) for piece in body.iter_chunks(1 << 20))

    class Content(io.RawIOBase):
        """Sixty-four megabytes, made as they are read."""

        def __init__(self):
            self.left = SIZE

        def readable(self):
            return True

        def readinto(self, target):
            count = min(len(target), self.left)
            target[:count] = bytes(count)
            self.left -= count
            return count

    started = time.perf_counter()
    if kind == "get":
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            moved = sum(pool.map(get, [(number, start) for number in range(count) for start in range(0, SIZE, PART)]))
    elif kind == "put":
        transfer = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART, max_concurrency=4)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda number: client.upload_fileobj(io.BufferedReader(Content(), PART), "lake", f"by-boto3-{number}", Config=transfer), range(count)))
        moved = count * SIZE
    else:
        pages = client.get_paginator("list_objects_v2").paginate(Bucket="lake", Prefix="listed/")
        moved = sum(len(page["Contents"]) for page in pages)
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "moved": moved, "rssMB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10}))


def measure(command):
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--bench")
    arguments.add_argument("--objects", type=int, default=16)
    arguments.add_argument("--runs", type=int, default=3)
    arguments.add_argument("--peer", nargs=3, help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.peer:
        return peer(options.peer[0], options.peer[1], int(options.peer[2]))
    server = subprocess.Popen([options.bench, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    endpoint = server.stdout.readline().strip()
    for kind in ("get", "put", "list"):
        ours, theirs = [], []
        for _ in range(options.runs):
            ours.append(measure([options.bench, kind, endpoint, str(options.objects)]))
            theirs.append(measure([sys.executable, __file__, "--peer", kind, endpoint, str(options.objects)]))
        assert {run["moved"] for run in ours} == {run["moved"] for run in theirs}, (ours, theirs)
        mine, peers = (statistics.median(run["seconds"] for run in runs) for runs in (ours, theirs))
        unit = "keys" if kind == "list" else "MB"
        moved = ours[0]["moved"] if kind == "list" else ours[0]["moved"] >> 20
        print(
            f"{kind:5} {moved} {unit}: levee {mine:.2f} s ({moved / mine:.0f} {unit}/s, {max(r['rssMB'] for r in ours)} MB), "
            f"boto3 {peers:.2f} s ({moved / peers:.0f} {unit}/s, {max(r['rssMB'] for r in theirs)} MB), ratio {peers / mine:.2f}", flush=True)
    server.stdin.close()
    server.wait(10)


if __name__ == "__main__":
    main()
