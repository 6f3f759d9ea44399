"""Where documents are read and offering files are written: the one place of `bot.imports` that touches a disk."""

import sys
from pathlib import Path

from bot.imports.documents import LARGEST
from bot.imports.imported import Imported, refused
from bot.imports.sources import read
from bot.imports.writing import Texts

#: Most bytes of a character in UTF-8.
_WIDEST = 4


def load(path: Path) -> Imported:
    """The contract in a file, or in a folder (a Terraform module). Raises Misconfigured."""
    if path.is_dir():
        found = {each.name: _text(each) for each in sorted(path.glob("*.tf"))}
        return read(found, name=path.resolve().name, where=str(path))
    if not path.is_file():
        raise refused("is not there.", str(path), "Give the file of a contract, or the folder of a Terraform module.")
    called = path.resolve().parent.name if path.name in {"values.schema.json", "variables.tf", "main.tf"} else ""
    return read({path.name: _text(path)}, name=called or _stem(path), where=str(path))


def beside(module: str, file: str) -> Path:
    """A path from the folder of a module's own file."""
    origin = getattr(sys.modules.get(module), "__file__", None)
    return Path(origin).parent / file if origin else Path(file)


def write(texts: Texts, folder: Path, *, force: bool) -> list[Path]:
    """Write an offering file and its schema. Raises Misconfigured rather than write over a file, unless forced."""
    paths = [folder / name for name in texts]
    taken = [path for path in paths if path.exists()]
    if taken and not force:
        raise refused(
            "is there already, and nothing was written.",
            str(taken[0]),
            "Give another --name, or --force to replace it.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in zip(paths, texts.values(), strict=True):
        path.write_text(text, encoding="utf-8")
    return paths


def _text(path: Path) -> str:
    if path.stat().st_size > LARGEST * _WIDEST:
        raise refused(
            f"has {path.stat().st_size:,} bytes; a contract has at most {LARGEST:,}.",
            str(path),
            "Import the contract alone.",
        )
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise refused("is no text in UTF-8.", str(path), "Save it as UTF-8.") from None


def _stem(path: Path) -> str:
    return path.name.partition(".")[0]
