"""Static files as browsers ask for them: whole, in ranges (the offline map reads nothing else), and not again."""

from pathlib import Path

import pytest
from django.http import HttpResponseBase, StreamingHttpResponse
from django.test import AsyncClient
from pytest_django import Settings


@pytest.fixture
def archive(tmp_path: Path, settings: Settings) -> bytes:
    content = bytes(range(256)) * 8
    (tmp_path / "basemap").mkdir()
    (tmp_path / "basemap" / "city.pmtiles").write_bytes(content)
    settings.STATICFILES_DIRS = [tmp_path]
    return content


async def _body(answer: HttpResponseBase) -> bytes:
    assert isinstance(answer, StreamingHttpResponse)
    return b"".join([part async for part in answer])


async def test_a_part_of_an_archive_is_served_as_that_part(archive: bytes, async_client: AsyncClient) -> None:
    answer = await async_client.get("/static/basemap/city.pmtiles", headers={"range": "bytes=100-199"})
    assert answer.status_code == 206
    assert answer["Content-Range"] == f"bytes 100-199/{len(archive)}"
    assert answer["Content-Type"] == "application/vnd.pmtiles"
    assert await _body(answer) == archive[100:200]


async def test_a_part_behind_the_end_is_refused(archive: bytes, async_client: AsyncClient) -> None:
    answer = await async_client.get("/static/basemap/city.pmtiles", headers={"range": "bytes=999999-"})
    assert answer.status_code == 416


async def test_an_unchanged_file_is_not_sent_again(archive: bytes, async_client: AsyncClient) -> None:
    first = await async_client.get("/static/basemap/city.pmtiles")
    assert await _body(first) == archive
    again = await async_client.get("/static/basemap/city.pmtiles", headers={"if-none-match": first["ETag"]})
    assert again.status_code == 304
