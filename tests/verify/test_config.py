"""Configuration files, which can only demand more, and keys that must not come with an archive."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checksig import (
    ConfigError,
    VerificationError,
    averify,
    iter_verify,
    verify,
    verify_signed,
)
from checksig._config import load_config

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., subprocess.CompletedProcess[str]]

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA1ROWzaxlEKAABJCQzA0GJkzTZWLXKqDwQWMyE0dkvu me\n"


@pytest.fixture(name="run")
def run_here(run: Run) -> Run:
    """Return a function that runs the command in the working folder."""
    return lambda *words: run(*words, cwd=Path.cwd())


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder with a manifest of MD5 digests in its folder `data`, and a key."""
    data = tmp_path / "project" / "data"
    data.mkdir(parents=True)
    (data / "a").write_bytes(b"a")
    (data / "MD5SUMS").write_text(f"{hashlib.md5(b'a').hexdigest()}  a\n")
    (data.parent / "k.pub").write_text(KEY)
    return data.parent


def use(project: Path, text: str, name: str = "checksig.toml") -> Path:
    """Write a configuration file."""
    file = project / name
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ('trsut = "k.pub"', 'unknown setting "trsut"; did you mean "trust"?'),
        ('min-strength = "md5"', 'unknown setting "min-strength"; did you mean "min_strength"?'),
        ("recursive = true", 'unknown setting "recursive"; known: trust, '),
        ('"a\\u001b" = 1', 'unknown setting "a\\x1b"; '),
        ("trust = []", "trust must be a string or an array of strings, and not empty"),
        ("trust = [1]", "trust must be a string or an array of strings, and not empty"),
        ('trust = ""', "trust must be a string or an array of strings, and not empty"),
        ('trust = "a\\u0000"', "trust must be a string or an array of strings, and not empty"),
        ('trust = "k.pub"\nsigners = true', "signers must be a number from 1 to 1000"),
        ('trust = "k.pub"\nsigners = 0', "signers must be a number from 1 to 1000"),
        ('require_trust = "no"', "require_trust must be true or false"),
        ("namespace = 1", "namespace must be a string, and not empty"),
        ('min_strength = "sha257"', 'min_strength: unknown algorithm "sha257"'),
        ("require_trust = true", "require_trust needs keys: name their files with trust, "),
        ("signers = 2", "signers needs keys"),
        ('trust_fingerprint = "SHA256:x"', "trust_fingerprint needs keys"),
        ('trusted_root = "k.pub"', "trusted_root needs identity and issuer, too; or key alone"),
        ('identity = "x"\nissuer = "y"', "identity needs trusted_root, too; or key alone"),
        ('issuer = "y"', "issuer needs trusted_root and identity, too; or key alone"),
        ('predicate_type = "x"', "predicate_type needs trusted_root and identity and issuer"),
        ('trust = "k.pub"\npredicate_type = "x"', "predicate_type needs trusted_root and "),
        ('key = "k.pub"\nidentity = "x"', "key and identity exclude each other"),
        ('key = "k.pub"\nissuer = "x"', "key and issuer exclude each other"),
        ('key = ["k.pub"]', "key must be a string, and not empty"),
        ('trusted_root = ""', "trusted_root must be a string, and not empty"),
        ("identity = []", "identity must be a string or an array of strings, and not empty"),
        ('key = "k.pub"\nnamespace = "git"', "namespace needs trust, the files of the keys"),
        ('trustedroot = "k.pub"', 'unknown setting "trustedroot"; did you mean "trusted_root"?'),
        ("trust = ", "not TOML: "),
        ("trust = " + "[" * 5000, "not TOML: too deeply nested"),
        (".".join("a" * 50) + " = 1", "a key has more than 32 parts"),
        ('"a" . ' * 50 + "a = 1", "a key has more than 32 parts"),
        ("# " + "x" * (1 << 20), "more than 1024 KiB"),
    ],
)
def test_faults(project: Path, text: str, cause: str) -> None:
    """A fault is an error that names the file; no setting is passed over."""
    config = use(project, text)
    with pytest.raises(ConfigError) as caught:
        verify(project / "data", config=config)
    assert str(caught.value).startswith(f"{config}: {cause}")
    assert caught.value.path == str(config)


WORDS = r"""trust signers key identity issuer require_trust [tool.checksig] = . [ ] "k.pub" "x" true
    2 [[a]] { } , # "\u0000" \u001b 1e999 2020-01-01 """
SETTINGS = {
    *("trust", "trust_fingerprint", "signers", "namespace", "min_strength", "require_trust"),
    *("trusted_root", "identity", "issuer", "key", "predicate_type"),
}


@given(
    st.binary(max_size=200)
    | st.lists(st.sampled_from([*WORDS.split(), " ", "\n", "\n"]), max_size=30).map(
        lambda words: "".join(words).encode()
    )
)
@pytest.mark.parametrize("name", ["checksig.toml", "pyproject.toml"])
def test_any_content(name: str, content: bytes) -> None:
    """Whatever a file has, it is refused as a configuration, or has settings that are known."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "k.pub").write_text(KEY)
        config = Path(folder) / name
        config.write_bytes(content)
        with contextlib.suppress(ConfigError):
            assert set(load_config(config).settings) <= SETTINGS


def test_no_configuration_file(project: Path) -> None:
    """What is no such file is an error: one that is missing, a FIFO, one without the table."""
    with pytest.raises(FileNotFoundError):
        verify(project / "data", config=project / "none.toml")
    with pytest.raises((IsADirectoryError, PermissionError)):
        verify(project / "data", config=project)
    for text in ("", "[tool.checksigs]", 'tool = "checksig"'):
        config = use(project, text, "pyproject.toml")
        with pytest.raises(ConfigError, match=r"it has no table \[tool\.checksig\]$"):
            verify(project / "data", config=config)
    config = use(project, "[tool]\nchecksig = 1", "pyproject.toml")
    with pytest.raises(ConfigError, match=r"must be a table"):
        verify(project / "data", config=config)
    config = project / "x.toml"
    config.write_bytes(b"# a\n\xff")
    with pytest.raises(ConfigError, match=r"line 2 is not UTF-8$"):
        verify(project / "data", config=config)
    if hasattr(os, "mkfifo"):
        os.mkfifo(project / "fifo")
        with pytest.raises(ConfigError, match=r"not a regular file$"):
            verify(project / "data", config=project / "fifo")


def test_a_missing_key_file(project: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the configuration file, the key, and what can be done."""
    use(project, 'trust = ["k.pub", "keys/none.asc"]')
    monkeypatch.chdir(project)
    done = run("data")
    assert done.returncode == 2
    text = os.path.join("keys", "none.asc") if sys.platform == "win32" else "keys/none.asc"
    assert f"checksig.toml: trust: {text}: No such file or directory; " in done.stderr
    assert "--no-config" in done.stderr
    for name, others in (("trusted_root", 'identity = "x"\nissuer = "y"'), ("key", "")):
        use(project, f'{name} = "none.json"\n{others}')
        done = run("data")
        assert done.returncode == 2
        assert f"checksig.toml: {name}: none.json: No such file or directory; " in done.stderr


@pytest.mark.parametrize("name", ["checksig.toml", "pyproject.toml"])
def test_a_file_in_the_working_folder(
    name: str, project: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command uses it and says so; options are stronger. A call in Python uses none."""
    table = "[tool.checksig]\n" if name == "pyproject.toml" else ""
    use(project, f'{table}min_strength = "sha256"\n', name)
    monkeypatch.chdir(project)
    for words in (["data"], ["-r"], ["--config", name, "data"]):
        done = run(*words)
        assert done.returncode == 1, words
        assert "TOO WEAK" in done.stdout
        assert f"NOTE        {name}: settings used: min_strength\n" in done.stdout
    (report,) = json.loads(run("--json", "data").stdout)["reports"]
    assert (report["config"], report["configured"]) == (name, ["min_strength"])
    assert f"{name}: settings used: min_strength" in report["notes"]
    digest = hashlib.md5(b"a").hexdigest()
    assert run("data/a", digest).returncode == 1
    for words in (["--no-config", "data"], ["--min-strength=md5", "data"]):
        done = run(*words)
        assert done.returncode == 0, words
        assert "settings used" not in done.stdout
    (report,) = json.loads(run("--json", "--no-config", "data").stdout)["reports"]
    assert (report["config"], report["configured"]) == (None, [])
    report = verify("data")
    assert (report.ok, report.config, report.configured) == (True, None, ())
    monkeypatch.chdir(project / "data")
    assert run().returncode == 0  # nothing is looked for in the folders above


def test_which_file(project: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two files with settings are an error; a pyproject.toml without any is left alone."""
    monkeypatch.chdir(project)
    use(project, "not TOML", "pyproject.toml")
    assert run("data").returncode == 0
    use(project, 'min_strength = "sha256"')
    assert run("data").returncode == 1
    use(project, '[tool.checksig]\nmin_strength = "md5"', "pyproject.toml")
    done = run("data")
    assert done.returncode == 2
    assert "checksig.toml: pyproject.toml has settings, too; keep one of them" in done.stderr
    assert run("data", "--config", "pyproject.toml").returncode == 0
    monkeypatch.setenv("CHECKSIG_CONFIG", "pyproject.toml")
    assert run("data").returncode == 0
    assert run("data", "--config", "checksig.toml").returncode == 1
    monkeypatch.setenv("CHECKSIG_CONFIG", "none.toml")
    assert "none.toml: No such file" in run("data").stderr
    (document,) = json.loads(run("--json", "data").stdout)["errors"]
    assert "none.toml" in document["message"]


def test_every_call(project: Path) -> None:
    """The values of a file are those of the options; an argument is stronger."""
    config = use(project, 'min_strength = "sha256"')
    data = project / "data"
    report = verify(data, config=config, check=False)
    assert (report.too_weak, report.config, report.configured) == (
        1,
        str(config),
        ("min_strength",),
    )
    assert report.to_dict()["configured"] == ["min_strength"]
    assert [item.ok for item in iter_verify(data, config=config)] == [False]
    with pytest.raises(VerificationError):
        asyncio.run(averify(data, config=config))
    report = verify(data, config=config, min_strength="md5")
    assert (report.ok, report.config) == (True, None)
    with pytest.raises(ValueError, match=r"^trust is needed"):
        verify_signed(data / "a", config=config)


@pytest.fixture
def signed(project: Path, needs: Callable[..., None]) -> Path:
    """Return the project with two keys, the first of which has signed the manifest."""
    needs("ssh-keygen")
    for name in ("k", "other"):
        (project / f"{name}.pub").unlink(missing_ok=True)
        keygen("-qt", "ed25519", "-N", "", "-C", name, "-f", project / name)
    keygen("-qY", "sign", "-n", "file", "-f", project / "k", project / "data" / "MD5SUMS")
    return project


def keygen(*words: object) -> None:
    """Run ssh-keygen."""
    done = subprocess.run(
        ["ssh-keygen", *map(str, words)], capture_output=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr


def test_pinned_keys(signed: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project names its keys once; --trust replaces what the file says about keys."""
    config = use(signed, 'trust = "k.pub"\nsigners = 1\nnamespace = "file"\nrequire_trust = true')
    monkeypatch.chdir(signed)
    done = run("data")
    assert done.returncode == 0
    assert "SIGNED" in done.stdout
    assert "checksig.toml: settings used: trust, signers, namespace\n" in done.stdout
    assert run("data/a").returncode == 0
    (report,) = json.loads(run("--json", "--trust=k.pub", "data").stdout)["reports"]
    assert (report["configured"], report["manifests"][0]["signature"]) == (["signers"], "verified")
    assert run("--trust=other.pub", "data").returncode == 1
    assert run("--signers=2", "data").returncode == 1
    assert run("--namespace=git", "data").returncode == 1
    done = run("data/a", hashlib.md5(b"a").hexdigest())
    assert done.returncode == 2
    assert "require_trust: a digest on the command line has no signature" in done.stderr
    assert verify(signed / "data", config=config).manifests[0].signers
    monkeypatch.chdir(signed.parent)  # the paths in it start from its folder
    assert run("--config", "project/checksig.toml", "project/data").returncode == 0
    use(signed, 'trust = "other.pub"')
    assert not verify(signed / "data", config=config, check=False)
    assert verify(signed / "data", config=config, trust=signed / "k.pub")
    monkeypatch.chdir(signed)
    assert run("data").returncode == 1
    assert run("data/a", hashlib.md5(b"a").hexdigest()).returncode == 0


def test_pinned_keys_of_single_files(
    signed: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files that are signed one by one are verified with them, too."""
    use(signed, 'trust = "k.pub"\nmin_strength = "sha256"')
    (signed / "data" / "MD5SUMS").unlink()
    (signed / "data" / "MD5SUMS.sig").unlink()
    file = signed / "data" / "a"
    keygen("-qY", "sign", "-n", "file", "-f", signed / "k", file)
    monkeypatch.chdir(signed)
    for words in (["data/a"], ["data"]):
        done = run(*words)
        assert done.returncode == 0, words
        assert "checksig.toml: settings used: trust\n" in done.stdout
    report = verify_signed(file, config=signed / "checksig.toml")
    assert report.configured == ("trust",)
    file.write_bytes(b"b")
    assert run("data").returncode == 1


def test_an_archive_with_keys_of_its_own(
    signed: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys that come with what is verified never count, unless the user names the file."""
    data = signed / "data"
    shutil.copy(signed / "k.pub", data)
    use(data, 'trust = "k.pub"')
    others = f"--trust={signed / 'other.pub'}"
    monkeypatch.chdir(data)
    words: list[list[Any]]
    words = [[], ["MD5SUMS"], ["a"], [data], ["-r", signed], ["-r", "--root", signed, "MD5SUMS"]]
    for each in words:
        done = run("--json", *each)
        document = json.loads(done.stdout)
        assert (done.returncode, document["reports"]) == (2, []), each
        (error,) = document["errors"]
        assert "checksig.toml: it names keys, but is in the folder that is " in error["message"]
        assert "name it with --config checksig.toml; otherwise --no-config" in error["message"]
        assert "SIGNED" not in run(others, *each).stdout
    for text in ('namespace = "file"', 'trust_fingerprint = "SHA256:x"', 'key = "k.pub"'):
        use(data, text)
        assert run().returncode == 2
    use(data, 'trust = "other.pub"\nnamespace = "file"\nsigners = 1')
    shutil.copy(signed / "other.pub", data)
    done = run("--trust", signed / "k.pub")  # nothing of the file's keys is used
    assert done.returncode == 0
    assert "settings used: signers\n" in done.stdout
    use(data, 'trust = "k.pub"')
    assert run("--config", "checksig.toml").returncode == 0
    done = run("--no-config")
    assert done.returncode == 0
    assert "SIGNED" not in done.stdout
    use(data, 'min_strength = "sha256"')  # to demand more is harmless
    assert run().returncode == 1


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0, reason="only root can give a file away"
)
def test_a_file_of_another_user(signed: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else's file in a shared folder may not name keys, whoever owns a link's target."""
    config = use(signed, 'trust = "k.pub"')
    monkeypatch.chdir(signed)
    os.chown(config, 12345, -1)
    text = "checksig.toml: it names keys, but belongs to another user; "
    assert text in run("data").stderr
    assert run("data", "--config", config).returncode == 0
    config.rename(signed / "x.toml")
    os.chown(signed / "x.toml", 0, -1)
    config.symlink_to("x.toml")
    assert run("data").returncode == 0
    os.chown(config, 12345, -1, follow_symlinks=False)
    assert text in run("data").stderr
