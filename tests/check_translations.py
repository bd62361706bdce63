"""Fails when a text on a screen has no translation: `python -m tests.check_translations`.

Extracts every text anew with GNU gettext and compares with the committed catalogues.
"""

import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parents[1]
LANGUAGES = ("nb", "nn", "sv")
SOURCES = ("trial", "screening", "randomization", "followup", "expertteam", "analysis", "templates")


def extracted() -> set[tuple[str | None, str]]:
    """Every (context, text) that the code and the templates mark for translation."""
    with TemporaryDirectory() as directory:
        copy = Path(directory)
        for name in SOURCES:
            shutil.copytree(ROOT / name, copy / name)
        (copy / "locale").mkdir()
        command = [sys.executable, "-m", "django", "makemessages", "--locale", "en", "--verbosity", "0"]
        subprocess.run(command, cwd=copy, check=True)
        return texts(copy / "locale" / "en" / "LC_MESSAGES" / "django.po").keys()


def texts(path: Path) -> dict[tuple[str | None, str], bool]:
    """(context, text) -> whether the catalogue translates it; fuzzy guesses do not count."""
    if not path.exists():
        return {}
    with path.open("rb") as file:
        catalogue = read_po(file)
    return {
        (message.context, _first(message.id)): _translated(message) for message in catalogue if message.id
    }


def _first(id: str | tuple[str, ...]) -> str:
    return id if isinstance(id, str) else id[0]


def _translated(message) -> bool:
    strings = [message.string] if isinstance(message.string, str) else message.string
    return all(strings) and not message.fuzzy


def main() -> int:
    wanted = extracted()
    missing = []
    for language in LANGUAGES:
        known = texts(ROOT / "locale" / language / "LC_MESSAGES" / "django.po")
        missing += [
            f"{language}: {text!r}" for _, text in sorted(wanted, key=str) if not known.get((_, text))
        ]
    print(
        "\n".join(missing) or f"Every one of {len(wanted)} texts is translated into {', '.join(LANGUAGES)}."
    )
    return bool(missing)


if __name__ == "__main__":
    sys.exit(main())
