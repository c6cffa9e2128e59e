"""What a store of objects asks of each bucket service, in the fewest requests: is it there, list, delete.

fsspec's own calls ask twice for what is absent (it might be a folder) and list one page after
another. Functions here are coroutines of the file system's loop; paths begin with the bucket.
"""
from __future__ import annotations

import base64
from urllib.parse import quote

from tracking.engine.hints import Any, AsyncIterator, Protocol, Sequence

Told = tuple[int, str | None]  # size in bytes; the hash the service keeps, md5 in hex where it is one
Page = list[tuple[str, int, str | None]]  # path, and the same
Unfinished = tuple[str, str, float]  # path, what the service calls the upload, when it began (seconds since 1970)
MD5_CHARS = 32
DELETE_AT_ONCE = 1000  # objects, the limit of S3


class BucketClient(Protocol):
    """Of one file system. Paths are `BUCKET/KEY`."""

    async def told(self, path: str) -> Told | None:
        """Of one object; None when it is absent."""

    def pages(self, prefix: str) -> AsyncIterator[tuple[Page, bool]]:
        """Everything whose path begins so, by path, a page at a time; with each, whether it is the last one."""

    async def delete(self, paths: Sequence[str]) -> None:
        """At most DELETE_AT_ONCE; absent ones are fine."""


class S3Client:
    def __init__(self, fs: Any) -> None:
        self.fs = fs

    async def told(self, path: str) -> Told | None:
        bucket, _, key = path.partition("/")
        answer = await _or_none(self.fs._call_s3("head_object", Bucket=bucket, Key=key))
        return None if answer is None else (answer["ContentLength"], _etag(answer))

    async def pages(self, prefix: str) -> AsyncIterator[tuple[Page, bool]]:
        bucket, _, key = prefix.partition("/")
        more: dict[str, str] = {}
        while True:
            answer = await self.fs._call_s3("list_objects_v2", Bucket=bucket, Prefix=key, **more)
            token = answer.get("NextContinuationToken")
            yield [(f"{bucket}/{item['Key']}", item["Size"], _etag(item)) for item in answer.get("Contents", ())], not token
            if not token:
                return
            more = {"ContinuationToken": token}

    async def delete(self, paths: Sequence[str]) -> None:
        bucket = paths[0].partition("/")[0]
        objects = [{"Key": path.partition("/")[2]} for path in paths]
        answer = await self.fs._call_s3("delete_objects", Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
        for failed in answer.get("Errors", ()):
            raise _Refused(failed)


    async def unfinished(self, prefix: str) -> list[Unfinished]:
        bucket, _, key = prefix.partition("/")
        answer = await self.fs._call_s3("list_multipart_uploads", Bucket=bucket, Prefix=key)
        return [(f"{bucket}/{item['Key']}", item["UploadId"], item["Initiated"].timestamp()) for item in answer.get("Uploads", ())]

    async def abort(self, upload: Unfinished) -> None:
        bucket, _, key = upload[0].partition("/")
        await _or_none(self.fs._call_s3("abort_multipart_upload", Bucket=bucket, Key=key, UploadId=upload[1]))


class _Refused(Exception):
    """One of many deletions failed; the answer is kept where `clienterrors` looks for it."""

    def __init__(self, failed: dict[str, str]) -> None:
        super().__init__(f"{failed.get('Key')}: {failed.get('Message')}")
        self.response = {"Error": failed}


class GoogleClient:
    def __init__(self, fs: Any) -> None:
        self.fs = fs

    async def told(self, path: str) -> Told | None:
        bucket, _, key = path.partition("/")
        answer = await _or_none(self.fs._call("GET", "b/{}/o/{}", bucket, key, json_out=True, fields="size,md5Hash"))
        return None if answer is None else (int(answer["size"]), _from_base64(answer.get("md5Hash")))

    async def pages(self, prefix: str) -> AsyncIterator[tuple[Page, bool]]:
        bucket, _, key = prefix.partition("/")
        more: dict[str, str] = {}
        while True:
            answer = await self.fs._call("GET", "b/{}/o", bucket, json_out=True, prefix=key, maxResults=1000, fields="items(name,size,md5Hash),nextPageToken", **more)
            token = answer.get("nextPageToken")
            yield [(f"{bucket}/{item['name']}", int(item["size"]), _from_base64(item.get("md5Hash"))) for item in answer.get("items", ())], not token
            if not token:
                return
            more = {"pageToken": token}

    async def send_small(self, path: str, data: bytes) -> None:
        """gcsfs would make it a part of a message with bare line feeds, where a last byte of CR counts as of the line break behind it, and is lost."""
        bucket, _, key = path.partition("/")
        place = f"{self.fs._location}/upload/storage/v1/b/{quote(bucket)}/o"
        await self.fs._call("POST", place, uploadType="media", name=key, headers={"Content-Type": "application/octet-stream"}, data=data)

    async def delete(self, paths: Sequence[str]) -> None:
        await _each(self.fs, paths)


class AzureClient:
    def __init__(self, fs: Any) -> None:
        self.fs = fs

    async def told(self, path: str) -> Told | None:
        container, _, key = path.partition("/")
        async with self.fs.service_client.get_blob_client(container, key) as blob:
            try:
                answer = await blob.get_blob_properties()
            except Exception as exc:
                if getattr(exc, "status_code", None) == 404 and str(getattr(exc.error_code, "value", exc.error_code)) != "ContainerNotFound":  # type: ignore[attr-defined]
                    return None
                raise
        return answer.size, _hex(answer.content_settings.content_md5)

    async def pages(self, prefix: str) -> AsyncIterator[tuple[Page, bool]]:
        container, _, key = prefix.partition("/")
        async with self.fs.service_client.get_container_client(container) as client:
            pages = client.list_blobs(name_starts_with=key).by_page()
            async for page in pages:
                found = [(f"{container}/{blob.name}", blob.size, _hex(blob.content_settings.content_md5)) async for blob in page]
                yield found, not pages.continuation_token

    async def delete(self, paths: Sequence[str]) -> None:
        await _each(self.fs, paths)


class OtherClient:
    """What fsspec offers for any."""

    def __init__(self, fs: Any) -> None:
        self.fs = fs

    async def told(self, path: str) -> Told | None:
        answer = await _or_none(self.fs._info(path))
        return None if answer is None else (answer["size"], None)

    async def pages(self, prefix: str) -> AsyncIterator[tuple[Page, bool]]:
        folder, _, start = prefix.rpartition("/")
        found = await self.fs._find(folder, prefix=start, detail=True)
        yield [(path.lstrip("/"), info["size"], None) for path, info in sorted(found.items())], True

    async def delete(self, paths: Sequence[str]) -> None:
        await _each(self.fs, paths)


async def _or_none(asking: Any) -> Any:
    try:
        return await asking
    except FileNotFoundError:
        return None


def _etag(answer: Any) -> str | None:
    """Of an object that was sent in one request and is not encrypted with a key of a service it is the md5."""
    value = str(answer.get("ETag", "")).strip('"')
    return value if len(value) == MD5_CHARS else None


def _from_base64(value: str | None) -> str | None:
    return _hex(base64.b64decode(value)) if value else None


def _hex(value: Any) -> str | None:
    return bytes(value).hex() if value else None


async def _each(fs: Any, paths: Sequence[str]) -> None:
    import asyncio  # slow import, not for S3 (s3store.py)

    limit = asyncio.Semaphore(32)

    async def one(path: str) -> None:
        async with limit:
            await _or_none(fs._rm_file(path))

    await asyncio.gather(*map(one, paths))


CLIENTS: dict[str, type[BucketClient]] = {"s3": S3Client, "gs": GoogleClient, "azure": AzureClient, "oss": OtherClient}
