"""Create the named buckets that are missing; address and keys are boto3's variables."""

import sys

import boto3

storage = boto3.client("s3")
there = {bucket["Name"] for bucket in storage.list_buckets()["Buckets"]}
for name in sys.argv[1:]:
    if name not in there:
        storage.create_bucket(Bucket=name)
        print(f"made the bucket {name}")
