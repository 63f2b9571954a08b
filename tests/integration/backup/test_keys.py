"""Keys have no default, and a wrong one is told from damage."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from shodhana.stack.backup.errors import BackupError, Damaged, KeyMissing, WrongKey
from shodhana.stack.backup.keys import Keys, keys_from, make_key

from tests.integration.backup.conftest import new_keys


def encrypted(keys: Keys, content: bytes = b"dharma" * 1000) -> io.BytesIO:
    cipher = io.BytesIO()
    keys.encrypt(io.BytesIO(content), cipher)
    cipher.seek(0)
    return cipher


def test_without_a_key_nothing_is_encrypted_and_nothing_opened() -> None:
    with pytest.raises(KeyMissing, match="shodhana backup key FILE"):
        encrypted(keys_from({}))
    with pytest.raises(KeyMissing, match="SHODHANA_BACKUP_KEY_FILE"):
        keys_from({}).decrypt(io.BytesIO(), io.BytesIO())


def test_the_public_half_encrypts_and_the_secret_half_opens(tmp_path: Path) -> None:
    public = make_key(tmp_path / "key")
    cipher, plain = encrypted(keys_from({"SHODHANA_BACKUP_RECIPIENTS": public}), b"dharma"), io.BytesIO()
    keys_from({"SHODHANA_BACKUP_KEY": (tmp_path / "key").read_text()}).decrypt(cipher, plain)
    assert plain.getvalue() == b"dharma"


def test_a_wrong_key_is_named_with_the_right_one(tmp_path: Path) -> None:
    right, wrong = new_keys(tmp_path, "right"), new_keys(tmp_path, "wrong")
    with pytest.raises(WrongKey, match=f"encrypted for {right.recipients[0]}.* that of {wrong.recipients[0]}"):
        wrong.decrypt(encrypted(right), io.BytesIO(), right.recipients)


def test_a_changed_byte_and_a_lost_end_are_damage(tmp_path: Path) -> None:
    keys = new_keys(tmp_path)
    whole = encrypted(keys).getvalue()
    for content in (whole[:-100], whole[:-100] + bytes([whole[-100] ^ 1]) + whole[-99:]):
        with pytest.raises(Damaged):
            keys.decrypt(io.BytesIO(content), io.BytesIO())


def test_a_key_file_is_private_and_never_overwritten(tmp_path: Path) -> None:
    make_key(tmp_path / "key")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        make_key(tmp_path / "key")


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"SHODHANA_BACKUP_KEY_FILE": "/nowhere/key"}, "/nowhere/key: No such file"),
        ({"SHODHANA_BACKUP_KEY": "secret"}, "SHODHANA_BACKUP_KEY: not a secret key of age"),
        ({"SHODHANA_BACKUP_RECIPIENTS": "age1abc"}, "'age1abc' is no public key"),
    ],
)
def test_what_is_no_key_is_named(environment: dict[str, str], said: str) -> None:
    with pytest.raises(BackupError, match=said):
        keys_from(environment)
