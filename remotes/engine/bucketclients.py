"""What a store of objects asks of each bucket service, in the fewest requests: is it there, list, delete.

fsspec's own calls ask twice for what is absent (it might be a folder) and list one page after
another. Functions here are coroutines of the file system's loop; paths begin with the bucket.
"""
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, Protocol

Page = list[tuple[str, int]]
DELETE_AT_ONCE = 1000  # objects, the limit of S3


class BucketClient(Protocol):
    """Of one file system. Paths are `BUCKET/KEY`."""

    async def exists(self, path: str) -> bool: ...

    def pages(self, prefix: str) -> AsyncIterator[Page]:
        """(path, size in bytes) of everything whose path begins so, a page at a time."""

    async def delete(self, paths: Sequence[str]) -> None:
        """At most DELETE_AT_ONCE; absent ones are fine."""


class S3Client:
    def __init__(self, fs: Any) -> None:
        self.fs = fs

    async def exists(self, path: str) -> bool:
        bucket, _, key = path.partition("/")
        return await _found(self.fs._call_s3("head_object", Bucket=bucket, Key=key))

    async def pages(self, prefix: str) -> AsyncIterator[Page]:
        bucket, _, key = prefix.partition("/")
        more: dict[str, str] = {}
        while True:
            answer = await self.fs._call_s3("list_objects_v2", Bucket=bucket, Prefix=key, **more)
            yield [(f"{bucket}/{item['Key']}", item["Size"]) for item in answer.get("Contents", ())]
            if not answer.get("NextContinuationToken"):
                return
            more = {"ContinuationToken": answer["NextContinuationToken"]}

    async def delete(self, paths: Sequence[str]) -> None:
        bucket = paths[0].partition("/")[0]
        objects = [{"Key": path.partition("/")[2]} for path in paths]
        answer = await self.fs._call_s3("delete_objects", Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
        for failed in answer.get("Errors", ()):
            raise _Refused(failed)


class _Refused(Exception):
    """One of many deletions failed; the answer is kept where `clienterrors` looks for it."""

    def __init__(self, failed: dict[str, str]) -> None:
        super().__init__(f"{failed.get('Key')}: {failed.get('Message')}")
        self.response = {"Error": failed}


class GoogleClient:
    def __init__(self, fs: Any) -> None:
        self.fs = fs

    async def exists(self, path: str) -> bool:
        bucket, _, key = path.partition("/")
        return await _found(self.fs._call("GET", "b/{}/o/{}", bucket, key, json_out=True, fields="size"))

    async def pages(self, prefix: str) -> AsyncIterator[Page]:
        bucket, _, key = prefix.partition("/")
        more: dict[str, str] = {}
        while True:
            answer = await self.fs._call("GET", "b/{}/o", bucket, json_out=True, prefix=key, maxResults=1000, fields="items(name,size),nextPageToken", **more)
            yield [(f"{bucket}/{item['name']}", int(item["size"])) for item in answer.get("items", ())]
            if not answer.get("nextPageToken"):
                return
            more = {"pageToken": answer["nextPageToken"]}

    async def delete(self, paths: Sequence[str]) -> None:
        await _each(self.fs, paths)


class AzureClient:
    def __init__(self, fs: Any) -> None:
        self.fs = fs

    async def exists(self, path: str) -> bool:
        container, _, key = path.partition("/")
        async with self.fs.service_client.get_blob_client(container, key) as blob:
            try:
                await blob.get_blob_properties()
            except Exception as exc:
                if getattr(exc, "status_code", None) == 404 and str(getattr(exc.error_code, "value", exc.error_code)) != "ContainerNotFound":  # type: ignore[attr-defined]
                    return False
                raise
        return True

    async def pages(self, prefix: str) -> AsyncIterator[Page]:
        container, _, key = prefix.partition("/")
        async with self.fs.service_client.get_container_client(container) as client:
            async for page in client.list_blobs(name_starts_with=key).by_page():
                yield [(f"{container}/{blob.name}", blob.size) async for blob in page]

    async def delete(self, paths: Sequence[str]) -> None:
        await _each(self.fs, paths)


class OtherClient:
    """What fsspec offers for any."""

    def __init__(self, fs: Any) -> None:
        self.fs = fs

    async def exists(self, path: str) -> bool:
        return await _found(self.fs._info(path))

    async def pages(self, prefix: str) -> AsyncIterator[Page]:
        folder, _, start = prefix.rpartition("/")
        found = await self.fs._find(folder, prefix=start, detail=True)
        yield [(path.lstrip("/"), info["size"]) for path, info in found.items()]

    async def delete(self, paths: Sequence[str]) -> None:
        await _each(self.fs, paths)


async def _found(asking: Any) -> bool:
    try:
        await asking
    except FileNotFoundError:
        return False
    return True


async def _each(fs: Any, paths: Sequence[str]) -> None:
    limit = asyncio.Semaphore(32)

    async def one(path: str) -> None:
        async with limit:
            await _found(fs._rm_file(path))

    await asyncio.gather(*map(one, paths))


CLIENTS: dict[str, type[BucketClient]] = {"s3": S3Client, "gs": GoogleClient, "azure": AzureClient, "oss": OtherClient}
