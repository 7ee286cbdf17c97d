"""Keys that change while the service runs."""

import json
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.errors import JoseError

from shared.key_file import KEPT_S, KeyFile, ensure_keys, rotate
from shared.service_tokens import FixedKeys, SigningKey, TokenIssuer, TokenVerifier

START_S = 1_000_000.0


class Time:
    now_s = START_S

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """With one key in it, as services start with."""
    SigningKey.load_or_create(tmp_path / "key.json")
    return tmp_path / "key.json"


def ids(keys: KeyFile) -> list[str]:
    return [key["kid"] for key in keys.public_jwks()["keys"]]


def test_a_new_key_is_published_before_it_signs_and_the_old_one_is_kept(
    path: Path, time: Time
) -> None:
    keys = KeyFile(path, time)
    old = keys.key_id
    new = rotate(path, now_s=time(), published_before_s=600)
    assert (keys.key_id, ids(keys)) == (old, [old, new])

    time.now_s += 599
    assert keys.key_id == old
    time.now_s += 1
    assert (keys.key_id, ids(keys)) == (new, [old, new])
    time.now_s += KEPT_S
    assert ids(keys) == [new]


def test_a_replica_takes_a_new_key_up_and_both_keys_tokens_are_verified(
    path: Path, time: Time
) -> None:
    here, there = KeyFile(path, time), KeyFile(path, time)
    old_token = here.sign({"n": 1})
    rotate(path, now_s=time(), published_before_s=0)
    new_token = here.sign({"n": 2})
    for token, number in ((old_token, 1), (new_token, 2)):
        assert jwt.decode(token, there.public_keys(), algorithms=["Ed25519"]).claims["n"] == number


async def test_what_is_issued_with_it_is_accepted(path: Path) -> None:
    keys = KeyFile(path)
    token = TokenIssuer("https://a.example", keys).issue(
        audience="b", subject="s", tenant="t", lifetime_s=60
    )
    verifier = TokenVerifier("b", {"https://a.example": FixedKeys(keys.public_jwks())})
    assert (await verifier.verify(token)).subject == "s"


def test_only_public_halves_are_published(path: Path, time: Time) -> None:
    rotate(path, now_s=time())
    for key in KeyFile(path, time).public_jwks()["keys"]:
        assert key.keys() == {"kty", "crv", "x", "kid", "use", "alg"}


def test_keys_that_nobody_needs_leave_the_file(path: Path, time: Time) -> None:
    for _ in range(3):
        rotate(path, now_s=time(), published_before_s=0)
        time.now_s += KEPT_S + 1
    rotate(path, now_s=time(), published_before_s=0)
    assert len(json.loads(path.read_text())["keys"]) == 2


def test_a_file_is_made_once_and_one_with_several_keys_is_left_alone(
    tmp_path: Path, time: Time
) -> None:
    path = tmp_path / "new" / "key.json"
    ensure_keys(path)
    rotate(path, now_s=time())
    before = path.read_text()
    ensure_keys(path)
    assert path.read_text() == before


def test_the_file_stays_its_owners_alone(path: Path, time: Time) -> None:
    rotate(path, now_s=time())
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_was_spoilt_changes_nothing(path: Path, time: Time) -> None:
    keys = KeyFile(path, time)
    before = keys.key_id
    path.write_text("{")
    assert keys.key_id == before
    path.unlink()
    assert keys.sign({})
    new = SigningKey.generate()
    path.write_text(json.dumps(new.private_jwk()))
    assert keys.key_id == new.key_id


@pytest.mark.parametrize(
    "content", ["", "[]", "7", '{"keys": []}', '{"kty": "OKP"}', '{"keys": [7]}']
)
def test_a_file_without_keys_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "key.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"key\.json (does not hold|holds no)"):
        KeyFile(path)


def test_a_public_key_is_no_key_to_sign_with(path: Path, time: Time) -> None:
    public: dict[str, Any] = KeyFile(path, time).public_jwks()
    path.write_text(json.dumps(public))
    with pytest.raises(ValueError, match="does not hold private"):
        KeyFile(path)


def test_anothers_token_is_not_verified(path: Path, time: Time) -> None:
    token = SigningKey.generate().sign({})
    with pytest.raises((JoseError, ValueError)):
        jwt.decode(token, KeyFile(path, time).public_keys(), algorithms=["Ed25519"])
