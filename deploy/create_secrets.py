#!/usr/bin/env python3
"""`create-secrets FOLDER`: write the password of PostgreSQL where the image of PostgreSQL and its clients read it.

`POSTGRES_PASSWORD`, if it is set, is the password; otherwise the one in the folder is kept, or a random one is created.
It is never printed. The first API key is created later, in the database: `ml-guard keys bootstrap`.
"""

import os
import secrets
import sys
from pathlib import Path

_MODE = 0o600  # clients ignore a password file that others can read


def create_secrets(folder: Path, given_password: str) -> str:
    """Write both files of the password; return where the password comes from."""
    password_file = folder / "postgres-password"
    if given_password:
        password, origin = given_password, "from POSTGRES_PASSWORD"
    elif password_file.exists():
        password, origin = password_file.read_text(encoding="utf-8"), "kept"
    else:
        password, origin = secrets.token_hex(24), "created"
    if not password or any(character in password for character in "\r\n\0"):
        sys.exit("POSTGRES_PASSWORD: the password is empty or has more than one line; set another one in .env")
    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    _replace(folder / "pgpass", f"*:*:*:*:{escaped}\n")
    _replace(password_file, password)
    return origin


def _replace(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    new.touch(_MODE, exist_ok=False)
    new.write_text(text, encoding="utf-8")
    new.replace(path)


if __name__ == "__main__":
    origin = create_secrets(Path(sys.argv[1]), os.environ.get("POSTGRES_PASSWORD", ""))
    print(f"password of PostgreSQL: {origin}")
    print(f"first API key, once serving is up: docker compose exec serving cat {sys.argv[1]}/api-key")
