"""Configuration files: ``checksig.toml``, or ``[tool.checksig]`` in ``pyproject.toml``.

A file can only demand more: every setting restricts what is accepted. Which keys are trusted is
another matter, as whoever names them can also sign. So a file that was found, and not named by the
user, may name keys only if it is outside of what is verified, and belongs to the user: an archive
could bring a file of its own. Nothing is looked for in the folders above: they may belong to others
(CVE-2022-24765 of git), and the result must not depend on where a folder is.
"""

from __future__ import annotations

import os
import sys

from ._options import SIGNERS
from ._printable import printable
from ._regular import read_regular
from ._typing import TYPE_CHECKING, Any, cast
from .errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ._options import AnyPath
    from ._verify import Configured

__all__ = ["Configuration", "find_config", "load_config"]

_PROJECT = "pyproject.toml"
_TABLE = "[tool.checksig]"

_MAX_SIZE = 1 << 20
"""The most bytes of a file."""

_LONG_KEY = rb"""(?<![\w-])(?:(?:[\w-]+|"[^"\n]*"|'[^'\n]*')[ \t]*\.[ \t]*){32}"""
"""A key of so many parts that :mod:`tomllib` takes minutes, or hours, for it."""

_KINDS = {
    "trust": "texts",
    "trust_fingerprint": "texts",
    "signers": "int",
    "namespace": "text",
    "trusted_root": "path",
    "identity": "texts",
    "issuer": "text",
    "key": "path",
    "predicate_type": "texts",
    "min_strength": "text",
    "require_trust": "bool",
}
"""The settings and their types."""

_SIGSTORE = ("trusted_root", "identity", "issuer")
"""The settings that demand a signature of Sigstore, all together."""

_ABOUT_KEYS = (*SIGNERS, "trust_fingerprint", "namespace", "predicate_type")
"""The settings about signatures, all without effect if the caller says who must have signed."""

_FILES = ("trust", "trusted_root", "key")
"""The settings that name files."""

_WHAT = {
    "texts": "a string or an array of strings",
    "text": "a string",
    "path": "a string",
    "bool": "true or false",
}


class Configuration(os.PathLike[str]):
    """The settings of a file; it takes the place of the file's path.

    :param path: The path as it was named.
    :param settings: The values by name; files of keys have paths that start like *path*.
    :param owner: The user to whom the file belongs.
    """

    def __init__(self, path: str, settings: Mapping[str, Any], owner: int) -> None:
        self.path = path
        self.settings = settings
        self.owner = owner

    def __fspath__(self) -> str:
        return self.path

    @property
    def names_keys(self) -> bool:
        """Whether it says which signatures count."""
        return any(name in self.settings for name in _ABOUT_KEYS)

    @property
    def demands_signatures(self) -> bool:
        """Whether it says who must have signed."""
        return any(name in self.settings for name in SIGNERS)

    @property
    def requires_trust(self) -> bool:
        """Whether nothing may be verified without keys."""
        return bool(self.settings.get("require_trust"))

    def apply(self, options: Mapping[str, Any]) -> tuple[dict[str, Any], Configured | None]:
        """Return *options* with its settings, and which of them have the file's values.

        :raises ConfigError: it demands signatures, and no key is named.
        """
        merged: dict[str, Any] = dict(options)
        used: list[str] = []
        is_named = any(options.get(name) is not None for name in SIGNERS)
        replaced = _ABOUT_KEYS if is_named else ()
        for name, value in self.settings.items():
            if name in options and options[name] is None and name not in replaced:
                merged[name] = value
                used.append(name)
        is_signed = any(merged.get(name) is not None for name in SIGNERS)
        vain = ["require_trust"] if self.requires_trust else []
        vain += [name for name in used if name in {*_ABOUT_KEYS, "signers"}]
        if vain and not is_signed:
            text = f"{vain[0]} needs keys: name their files with trust, here or in the call"
            raise ConfigError(self.path, f"{text} (--trust FILE)")
        if merged.get("trust") is None:
            vain = [name for name in used if name in {"trust_fingerprint", "namespace"}]
            if vain:
                raise ConfigError(self.path, f"{vain[0]} needs trust, the files of the keys")
        return merged, (self.path, tuple(used)) if used else None


def load_config(path: AnyPath) -> Configuration:
    """Return the settings of a file that the user names.

    :raises OSError: the system refuses access to it.
    :raises ConfigError: it has no settings, or wrong ones.
    """
    if isinstance(path, Configuration):
        return path
    name = os.fsdecode(path)
    found = _load(name)
    if found is None:
        raise ConfigError(name, f"it has no table {_TABLE}")
    return found


def find_config(
    names: Iterable[str], trees: Iterable[str], *, has_keys: bool
) -> Configuration | None:
    """Return the settings of the only one of these files that has some; None if there is none.

    :param names: Files in the working folder.
    :param trees: The folders with what is verified.
    :param has_keys: The user names keys, so that those of the file do not count.
    :raises OSError: the system refuses access to a file.
    :raises ConfigError: settings are wrong, or must not be in a file that was found.
    """
    found = [each for each in map(_load, filter(os.path.lexists, names)) if each is not None]
    if not found:
        return None
    if len(found) > 1:
        raise ConfigError(found[0].path, f"{found[1].path} has settings, too; keep one of them")
    (configuration,) = found
    if configuration.names_keys and not has_keys:
        ways = f"if it is yours, name it with --config {configuration.path}; otherwise --no-config"
        here = os.path.realpath(".")
        if any(_contains(os.path.realpath(tree), here) for tree in trees):
            text = "it names keys, but is in the folder that is verified, and may come with it"
            raise ConfigError(configuration.path, f"{text}; {ways}")
        if _is_of_another_user(configuration):
            text = "it names keys, but belongs to another user"
            raise ConfigError(configuration.path, f"{text}; {ways}")
    return configuration


def _contains(tree: str, folder: str) -> bool:
    try:
        return os.path.commonpath([tree, folder]) == tree
    except ValueError:  # on different drives
        return False


def _is_of_another_user(configuration: Configuration) -> bool:
    """Whether the file, or the link to it, belongs neither to this user nor to root."""
    if sys.platform == "win32":
        return False
    owners = {configuration.owner, os.lstat(configuration.path).st_uid}
    return not owners <= {0, os.geteuid()}


def _load(path: str) -> Configuration | None:
    """Return the settings of a file; None for a ``pyproject.toml`` without any."""
    content, owner = _read(path)
    is_project = os.path.basename(path) == _PROJECT
    if is_project and b"checksig" not in content:
        return None  # without the import of the parser
    settings = _parse(path, content)
    if is_project:
        tool: Any = settings.get("tool")
        if not isinstance(tool, dict) or "checksig" not in tool:
            return None
        table: Any = cast("dict[str, Any]", tool)["checksig"]
        if not isinstance(table, dict):
            raise ConfigError(path, f"tool.checksig must be a table, {_TABLE}")
        settings = cast("dict[str, Any]", table)
    return Configuration(path, _checked(path, settings), owner)


def _read(path: str) -> tuple[bytes, int]:
    """Return the content and the owner of a file."""
    try:
        content, status = read_regular(path, _MAX_SIZE)
    except ValueError as error:
        raise ConfigError(path, str(error)) from error
    if len(content) > _MAX_SIZE:
        raise ConfigError(path, f"more than {_MAX_SIZE >> 10} KiB")
    return content, status.st_uid


def _parse(path: str, content: bytes) -> dict[str, Any]:
    import re

    parser: Any = __import__("tomllib" if sys.version_info >= (3, 11) else "tomli")
    if re.search(_LONG_KEY, content):
        raise ConfigError(path, "a key has more than 32 parts")
    try:
        settings: dict[str, Any] = parser.loads(content.decode())
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ConfigError(path, f"line {line} is not UTF-8") from error
    except ValueError as error:
        raise ConfigError(path, f"not TOML: {str(error)[:200]}") from error
    except RecursionError as error:
        raise ConfigError(path, "not TOML: too deeply nested") from error
    return settings


def _checked(path: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings with the paths of key files, which exist.

    :raises ConfigError: a setting is unknown, or has a wrong value.
    """
    found: dict[str, Any] = {}
    for name, value in settings.items():
        if name not in _KINDS:
            raise ConfigError(path, _unknown(name))
        found[name] = _value(path, name, value)
    _check_sigstore(path, found)
    folder = os.path.dirname(path)
    for setting in _FILES:
        if setting in found:
            names = found[setting]
            files = [
                _key_file(path, setting, folder, name)
                for name in (names if _is_array(names) else [names])
            ]
            found[setting] = files if _is_array(names) else files[0]
    if "min_strength" in found:
        from ._algorithms import find, load

        strength = found["min_strength"]
        if find(strength).partition("-")[0] not in {each.name.partition("-")[0] for each in load()}:
            raise ConfigError(path, f'min_strength: unknown algorithm "{printable(strength)}"')
    return found


def _check_sigstore(path: str, settings: Mapping[str, Any]) -> None:
    """Raise unless the settings for Sigstore say who must have signed.

    :raises ConfigError: one of them is missing, or two exclude each other.
    """
    given = [name for name in (*_SIGSTORE, "key", "predicate_type") if name in settings]
    if "key" in given:
        others = [name for name in ("identity", "issuer") if name in given]
        if others:
            raise ConfigError(path, f"key and {others[0]} exclude each other")
    elif given:
        lacking = [name for name in _SIGSTORE if name not in given]
        if lacking:
            text = f"{given[0]} needs {' and '.join(lacking)}, too"
            raise ConfigError(path, f"{text}; or key alone, the file of a public key")


def _unknown(name: str) -> str:
    import difflib

    close = difflib.get_close_matches(name.replace("-", "_"), _KINDS, 1)
    hint = f'did you mean "{close[0]}"?' if close else f"known: {', '.join(_KINDS)}"
    return f'unknown setting "{printable(name)}"; {hint}'


def _value(path: str, name: str, value: Any) -> Any:
    match _KINDS[name]:
        case "texts":
            texts: list[Any] = value if _is_array(value) else [value]
            if texts and all(map(_is_text, texts)):
                return texts
        case "text" | "path":
            if _is_text(value):
                return value
        case "int":
            from ._options import options_of

            least, most = options_of("verify")[name].bounds or (1, 1)
            if type(value) is int and least <= value <= most:
                return value
            raise ConfigError(path, f"{name} must be a number from {least} to {most}")
        case _:
            if type(value) is bool:
                return value
    raise ConfigError(path, f"{name} must be {_WHAT[_KINDS[name]]}, and not empty")


def _is_array(value: object) -> bool:
    return isinstance(value, list)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value) and "\0" not in value


def _key_file(path: str, setting: str, folder: str, name: str) -> str:
    """Return the path of a file that a setting of a configuration file names."""
    file = os.path.join(folder, name)
    try:
        os.stat(file)
    except OSError as error:
        text = f"{setting}: {printable(file)}: {error.strerror}; correct the path, which starts"
        text += f" from the folder of {os.path.basename(path)}, or do without the file: --no-config"
        raise ConfigError(path, text) from error
    return file
