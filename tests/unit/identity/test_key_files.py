"""The signing key: made once, private, shared by replicas, changed without breaking what holds."""

from __future__ import annotations

import json
import multiprocessing
import stat
import time
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet
from shodhana.identity.adapters.key_files import KeyFileSigner
from shodhana.identity.domain.accounts import ServiceAccount, hash_secret, new_secret, secret_matches
from shodhana.identity.domain.tokens import TokenIssuer, TokenPolicy

STARTED_AT_ONCE = 3


def verified(token: str, jwks: Path) -> dict[str, Any]:
    keys = KeySet.import_key_set(json.loads(jwks.read_text()))
    return dict(jwt.decode(token, keys, algorithms=["ES256"]).claims)


@pytest.fixture
def paths(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "private" / "key.json", tmp_path / "public" / "jwks.json"


def test_the_first_start_makes_a_key_that_only_its_owner_reads(paths: tuple[Path, Path]) -> None:
    signer = KeyFileSigner(*paths)
    key, jwks = paths
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(jwks.stat().st_mode) == 0o644
    assert verified(signer.sign({"sub": "a"}), jwks) == {"sub": "a"}
    assert '"d"' in key.read_text()
    assert '"d"' not in jwks.read_text()
    assert all(set(published) == {"kty", "crv", "x", "y", "kid", "alg", "use"} for published in signer.public_keys())


def test_the_next_start_keeps_it(paths: tuple[Path, Path]) -> None:
    token = KeyFileSigner(*paths).sign({"sub": "a"})
    KeyFileSigner(*paths)
    assert verified(token, paths[1]) == {"sub": "a"}
    assert [path.name for path in paths[0].parent.iterdir()] == ["key.json"]  # nothing is left lying


def test_replicas_that_start_at_once_agree_on_one_key(paths: tuple[Path, Path]) -> None:
    spawn = multiprocessing.get_context("spawn")
    barrier = spawn.Barrier(STARTED_AT_ONCE)
    queue = spawn.Queue()
    processes = [spawn.Process(target=sign_at_once, args=(paths, barrier, queue)) for _ in range(STARTED_AT_ONCE)]
    for process in processes:
        process.start()
    tokens = [queue.get(timeout=60) for _ in processes]
    for process in processes:
        process.join(60)
    assert [verified(token, paths[1]) for token in tokens] == [{"sub": "a"}] * STARTED_AT_ONCE


def sign_at_once(paths: tuple[Path, Path], barrier: Any, queue: Any) -> None:
    barrier.wait(60)
    queue.put(KeyFileSigner(*paths).sign({"sub": "a"}))


def test_keys_change_in_two_steps_and_nothing_that_holds_breaks(paths: tuple[Path, Path], tmp_path: Path) -> None:
    key, jwks = paths
    old = KeyFileSigner(*paths).sign({"sub": "old"})
    own = json.loads(key.read_text())
    fresh = ECKey.generate_key("P-256", private=True, auto_kid=True).as_dict(private=True)

    key.write_text(json.dumps({"keys": [fresh, own]}))
    new = KeyFileSigner(*paths).sign({"sub": "new"})
    assert [verified(token, jwks)["sub"] for token in (old, new)] == ["old", "new"]

    key.write_text(json.dumps({"keys": [fresh]}))
    KeyFileSigner(*paths)
    assert verified(new, jwks) == {"sub": "new"}
    with pytest.raises((JoseError, ValueError)):
        verified(old, jwks)


def test_a_token_says_who_what_and_until_when(paths: tuple[Path, Path]) -> None:
    account = ServiceAccount("importer", ("viewer",), b"", created_at=None)  # type: ignore[arg-type]
    policy = TokenPolicy("https://issuer", "mesh", 900)
    now = time.time()
    accounts: Any = None
    issuer = TokenIssuer(accounts, KeyFileSigner(*paths), policy, clock=lambda: now)
    token = issuer.token_for(account)
    claims = verified(token.text, paths[1])
    assert claims.pop("jti")
    assert token.expires_at == int(now) + 900
    assert claims == {
        "iss": "https://issuer",
        "aud": "mesh",
        "sub": "serviceAccounts/importer",
        "name": "importer",
        "roles": ["viewer"],
        "permissions": ["lexicon:read", "metrics:view", "reports:read"],
        "iat": int(now),
        "exp": int(now) + 900,
    }


def test_secrets_are_long_random_and_kept_as_hashes() -> None:
    secret = new_secret()
    account = ServiceAccount("a", (), hash_secret(secret), created_at=None)  # type: ignore[arg-type]
    assert len(secret) >= 43
    assert secret != new_secret()
    assert secret.encode() not in account.secret_hash
    assert secret_matches(account, secret)
    assert not secret_matches(account, secret[:-1])
    assert not secret_matches(None, secret)
    assert not secret_matches(None, "")
