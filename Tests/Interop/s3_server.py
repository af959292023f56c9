"""An S3 server for tests: moto with signatures checked. Prints one line of JSON when it serves: endpoint, keys. Ends with its standard input.

    s3_server.py [--bucket NAME]... [--unsigned]
"""

import argparse
import json
import logging
import os
import sys
import threading

os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
# Small parts, so that tests of uploads in parts need not move megabytes.
os.environ.setdefault("S3_UPLOAD_PART_MIN_SIZE", "1024")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--bucket", action="append", default=[])
    arguments.add_argument("--unsigned", action="store_true", help="take any signature")
    options = arguments.parse_args()
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)

    # Creating a user, its policy and its key are the three calls that need no signature yet.
    if not options.unsigned:
        os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = "3"
    import boto3
    from botocore.config import Config
    from moto.s3.responses import S3Response
    from moto.server import ThreadedMotoServer

    # moto looks for an object and then puts it, each request in a thread of its own: of two writers at once it may let both in, which no S3 does.
    one_at_a_time, put = threading.Lock(), S3Response.put_object

    def put_object(response):
        with one_at_a_time:
            return put(response)

    S3Response.put_object = put_object
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    key_id, secret = "AKIAIOSFODNN7EXAMPLE", "none"
    if not options.unsigned:
        iam = boto3.client("iam", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="none", aws_secret_access_key="none")
        iam.create_user(UserName="levee")
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        iam.put_user_policy(UserName="levee", PolicyName="all", PolicyDocument=json.dumps(policy))
        made = iam.create_access_key(UserName="levee")["AccessKey"]
        key_id, secret = made["AccessKeyId"], made["SecretAccessKey"]
    s3 = boto3.client(
        "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id=key_id, aws_secret_access_key=secret,
        config=Config(s3={"addressing_style": "path"}))
    for bucket in options.bucket:
        s3.create_bucket(Bucket=bucket)
    print(json.dumps({"endpoint": endpoint, "access_key_id": key_id, "secret_access_key": secret}), flush=True)
    sys.stdin.read()
    # The server's threads do not end by themselves.
    threading.Thread(target=server.stop, daemon=True).start()
    os._exit(0)


if __name__ == "__main__":
    main()
