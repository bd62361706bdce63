from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.exceptions import ImproperlyConfigured

from trial.core.kept import kept_secret


def test_whoever_asks_at_once_gets_the_same_secret_and_no_draft_stays(tmp_path):
    path = tmp_path / "keys" / "secret"
    with ThreadPoolExecutor(16) as pool:
        secrets = set(pool.map(kept_secret, [path] * 50))
    assert len(secrets) == 1
    assert len(secrets.pop()) == 64
    assert [file.name for file in path.parent.iterdir()] == ["secret"]


def test_a_secret_that_others_can_read_is_refused_with_what_to_do(tmp_path):
    path = tmp_path / "secret"
    kept_secret(path)
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    with pytest.raises(ImproperlyConfigured, match="chmod 600"):
        kept_secret(path)
