"""Files to send: kept by content, reached by their owner's handle only, for a while."""

import errno
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from support.sending import ADA, Clock

from mcp_email.attachments import AttachmentStore, file_name
from mcp_email.errors import BadContent, MailTooLarge, NoSuchMail, StorageAway
from mcp_email.mail import Attached
from shared.service_tokens import Principal

EVE = Principal(subject="eve", tenant="home")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> AttachmentStore:
    store = AttachmentStore(
        tmp_path / "files", clock, max_bytes=100, max_bytes_of_one=2000, keep_s=60
    )
    store.prepare()
    return store


def test_a_file_is_read_as_it_was_added(store: AttachmentStore) -> None:
    file = store.add(ADA, "notes.txt", b"Lunch")
    assert (file.name, file.media_type, file.size) == ("notes.txt", "text/plain", 5)
    assert store.get(ADA, file.handle) == file
    assert store.read(ADA, file.handle) == b"Lunch"


@pytest.mark.parametrize(
    "handle",
    ["", "x", "../../etc/passwd", "att_" + "a" * 22, "/etc/passwd", "att_\0", "file:///etc/passwd"],
)
def test_a_handle_that_is_none_is_no_path(store: AttachmentStore, handle: str) -> None:
    with pytest.raises(NoSuchMail):
        store.read(ADA, handle)


def test_a_handle_works_for_its_owner_only(store: AttachmentStore) -> None:
    file = store.add(ADA, "notes.txt", b"Lunch")
    for other in (
        EVE,
        Principal(subject="ada", tenant="away"),
        Principal(subject="home/ada", tenant=""),
    ):
        with pytest.raises(NoSuchMail) as theirs:
            store.read(other, file.handle)
        with pytest.raises(NoSuchMail) as nobody_s:
            store.read(other, "att_" + "a" * 22)
        assert str(theirs.value) == str(nobody_s.value)


def test_a_file_expires_and_its_content_with_it(store: AttachmentStore, clock: Clock) -> None:
    old, young = store.add(ADA, "a.txt", b"one"), store.add(EVE, "b.txt", b"two")
    clock.now_s += 60
    with pytest.raises(NoSuchMail):
        store.get(ADA, old.handle)
    kept = store.add(EVE, "c.txt", b"three")
    left = {path.name for path in store.folder.rglob("*") if path.is_file()}
    assert left == {kept.sha256, f"{kept.handle}.json"}
    assert young.sha256 not in left


def test_the_same_content_is_kept_once_and_as_long_as_any_handle(
    store: AttachmentStore, clock: Clock
) -> None:
    store.add(ADA, "a.txt", b"same")
    clock.now_s += 30
    later = store.add(ADA, "b.txt", b"same")
    assert len(list(store.folder.rglob(later.sha256))) == 1
    clock.now_s += 30
    store.add(EVE, "c.txt", b"other")
    assert store.read(ADA, later.handle) == b"same"


def test_a_content_that_was_changed_or_replaced_by_a_link_is_not_read(
    store: AttachmentStore, tmp_path: Path
) -> None:
    file = store.add(ADA, "a.txt", b"mine")
    [content] = store.folder.rglob(file.sha256)
    content.write_bytes(b"evil")
    with pytest.raises(NoSuchMail):
        store.read(ADA, file.handle)
    (tmp_path / "secret").write_bytes(b"mine")
    content.unlink()
    content.symlink_to(tmp_path / "secret")
    with pytest.raises(NoSuchMail):
        store.read(ADA, file.handle)


def test_a_file_or_all_of_them_too_large_are_refused(store: AttachmentStore) -> None:
    with pytest.raises(MailTooLarge) as refused:
        store.add(ADA, "a.txt", b"x" * 101)
    assert refused.value.as_result().structured_content["details"] == {
        "limit": "attachment_bytes",
        "size": 101,
    }  # pyright: ignore[reportOptionalSubscript]
    small = replace(store, max_bytes_of_one=150)
    small.add(ADA, "a.txt", b"y")
    with pytest.raises(MailTooLarge, match="attachments_kept_bytes"):
        small.add(ADA, "a.txt", b"x" * 100)
    assert store.add(EVE, "a.txt", b"x" * 100)


def test_files_added_at_the_same_moment_are_all_there_and_within_the_limit(
    store: AttachmentStore,
) -> None:
    stores = [store, replace(store)]
    contents = [bytes([n // 2]) * 10 for n in range(60)]

    def add(n: int) -> Attached | None:
        try:
            return stores[n % 2].add(ADA, "a.txt", contents[n])
        except MailTooLarge:
            return None

    with ThreadPoolExecutor(8) as threads:
        added = list(threads.map(add, range(60)))
    kept = [file for file in added if file is not None]
    assert 0 < len(kept) < 60
    for file in kept:
        assert hashlib.sha256(store.read(ADA, file.handle)).hexdigest() == file.sha256
    [folder] = store.folder.iterdir()
    assert sum(path.stat().st_size for path in folder.iterdir()) < store.max_bytes_of_one + 300


def test_what_a_killed_writer_left_goes_with_time_and_a_full_disk_leaves_nothing(
    store: AttachmentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add(ADA, "a.txt", b"x")
    [folder] = store.folder.iterdir()
    before = set(folder.iterdir())
    left, in_use = folder / f".{'0' * 16}", folder / f".{'1' * 16}"
    for path in (left, in_use):
        path.write_bytes(b"half")
    os.utime(left, (0, 0))
    store.add(EVE, "a.txt", b"x")
    assert set(folder.iterdir()) == before | {in_use}

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(folder))

    monkeypatch.setattr("mcp_email.whole_file.os.fsync", full)
    with pytest.raises(StorageAway, match="No space left") as refused:
        store.add(ADA, "b.txt", b"more")
    assert set(folder.iterdir()) == before | {in_use}
    assert str(folder) not in str(refused.value)


def test_only_the_owner_of_the_process_can_look(store: AttachmentStore) -> None:
    store.add(ADA, "a.txt", b"x")
    assert all(
        path.stat().st_mode & 0o077 == 0 for path in [store.folder, *store.folder.rglob("*")]
    )


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("notes.txt", "notes.txt"), ("../../etc/passwd", "passwd"), ("C:\\Users\\ada\\a.pdf", "a.pdf"),
        ("/root/.ssh/id_rsa", "id_rsa"), (".bashrc", "bashrc"), ("a.txt.", "a.txt"), (" a  b .txt ", "a b .txt"),
        ("Überblick.pdf", "Überblick.pdf"), ("报告.docx", "报告.docx"), ("a;b=c.txt", "a;b=c.txt"),
        ("%2e%2e%2fx.txt", "%2e%2e%2fx.txt"), ("a.tar.gz", "a.tar.gz"), ("noending", "noending"),
        ("a'b.txt", "a'b.txt"), ("x.exe.txt", "x.exe.txt"),
    ],
)  # fmt: skip
def test_a_name_is_only_shown(name: str, shown: str) -> None:
    assert file_name(name) == shown


@pytest.mark.parametrize(
    "name",
    [
        "", ".", "..", "/", "a/", "\\", " ", "a\r\nb.txt", "a\0.txt", "a\n", "\u202egnp.exe", "invoice\u202efdp.exe",
        "a\u200b.txt", "a\x1b[0m.txt", "=?utf-8?q?a?=", 'a".txt', "a<b>.txt", "a:b.txt", "con|x", "a*.txt", "a?.txt",
        "x" * 201, "ž" * 101, "setup.exe", "SETUP.EXE", "a.pdf.exe", "run.sh", "a.js", "a.vbs", "a.scr", "a.bat",
        "a.lnk", "a.iso", "a.jar", "a.ps1", "a.msi", "a.hta", "a.exe.", "a.exe ", "a.\texe", "a.cmd", "a.html\u2028",
    ],
)  # fmt: skip
def test_a_name_that_hides_something_or_is_a_program_s_is_refused(name: str) -> None:
    with pytest.raises(BadContent) as refused:
        file_name(name)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    ("given", "name", "kept"),
    [
        ("application/pdf", "a", "application/pdf"), ("Text/Plain", "a", "text/plain"),
        (None, "a.pdf", "application/pdf"),
        (None, "a.unheardof", "application/octet-stream"), ("message/rfc822", "a", "application/octet-stream"),
        ("multipart/mixed", "a", "application/octet-stream"), ("text/plain\r\nBcc: x", "a", "application/octet-stream"),
        ("text/plain; name=x", "a", "application/octet-stream"), ("x", "a", "application/octet-stream"),
        (None, "a.eml", "application/octet-stream"), ("a/" + "b" * 200, "a", "application/octet-stream"),
    ],
)  # fmt: skip
def test_a_kind_is_plain_or_none(
    store: AttachmentStore, given: str | None, name: str, kept: str
) -> None:
    assert store.add(ADA, name, b"x", given).media_type == kept


def test_the_handle_says_nothing(store: AttachmentStore) -> None:
    one, other = (store.add(ADA, "a.txt", b"x") for _ in range(2))
    assert one.handle != other.handle
    assert replace(one, handle="") == replace(other, handle="")
