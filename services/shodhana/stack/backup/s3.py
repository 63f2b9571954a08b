"""A bucket of S3, or of what speaks as S3 does; where it is and who we are stands in the usual AWS_ variables."""

from __future__ import annotations

import os
from datetime import timedelta
from functools import partial

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from .errors import NotFound, Refused, StorageFailed
from .streams import Reader, Writer

ENDPOINT = "AWS_ENDPOINT_URL"
PART_BYTES = 16 << 20
DEFAULT_REGION = "us-east-1"


class Bucket:
    """Objects below `prefix` of a bucket; large ones are uploaded in parts."""

    def __init__(self, bucket: str, prefix: str) -> None:
        if not bucket:
            raise Refused("s3://: the bucket's name is missing (s3://BUCKET/PREFIX)")
        self._place = f"s3://{bucket}/{prefix}".rstrip("/")
        endpoint = os.environ.get(ENDPOINT, "")
        self._store = S3Store(
            bucket,
            prefix=prefix or None,
            region=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or DEFAULT_REGION,
            client_options={"allow_http": endpoint.startswith("http://"), "timeout": timedelta(minutes=5)},
            retry_config={"max_retries": 5, "retry_timeout": timedelta(minutes=2)},
        )

    @property
    def place(self) -> str:
        return self._place

    def put(self, name: str, content: Reader) -> None:
        try:
            obstore.put(self._store, name, iter(partial(content.read, PART_BYTES), b""), chunk_size=PART_BYTES)
        except (BaseError, OSError) as error:
            raise self._failed("store", name, error) from error

    def get(self, name: str, target: Writer) -> None:
        try:
            for chunk in obstore.get(self._store, name):
                target.write(chunk)
        except FileNotFoundError:
            raise NotFound(f"{name} is not in {self._place}") from None
        except (BaseError, OSError) as error:
            raise self._failed("read", name, error) from error

    def sizes(self, prefix: str = "") -> dict[str, int]:
        try:
            pages = obstore.list(self._store, f"{prefix}/" if prefix else None)
            return dict(sorted((found["path"], found["size"]) for page in pages for found in page))
        except (BaseError, OSError) as error:
            raise self._failed("list", prefix, error) from error

    def delete(self, name: str) -> None:
        try:
            obstore.delete(self._store, name)
        except FileNotFoundError:
            return
        except (BaseError, OSError) as error:
            raise self._failed("delete", name, error) from error

    def _failed(self, what: str, name: str, error: Exception) -> StorageFailed:
        reason = " ".join(str(error).split())[:300]
        return StorageFailed(f"cannot {what} {self._place}/{name}: {reason} ({ENDPOINT}, AWS_ACCESS_KEY_ID … set?)")
