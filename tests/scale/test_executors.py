"""Operations whose files an executor hashes: the same result as on one machine, whatever fails."""

from __future__ import annotations

import contextlib
import hashlib
import multiprocessing
import os
import sqlite3
import threading
import time
import unicodedata
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import checksig
from checksig import (
    CancelledError,
    CancelToken,
    ChecksigError,
    EngineError,
    Report,
    Status,
    create,
    iter_verify,
    verify,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CORPUS = Path(__file__).resolve().parent.parent / "corpus"


@pytest.fixture(scope="module")
def threads() -> Iterator[Executor]:
    """Return a pool of two threads."""
    with ThreadPoolExecutor(2) as pool:
        yield pool


def _just_call(_: int, call: Callable[[], bytes]) -> bytes:
    return call()


class Inline(Executor):
    """Runs each call at once, or does what a test wants instead."""

    _max_workers = 2

    def __init__(self, change: Callable[[int, Callable[[], bytes]], bytes] | None = None) -> None:
        self.calls = 0
        self._change = change or _just_call

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Return a future that is done."""
        future: Future[Any] = Future()
        self.calls += 1
        try:
            future.set_result(self._change(self.calls, lambda: fn(*args, **kwargs)))
        except Exception as error:  # noqa: BLE001 - it is passed on
            future.set_exception(error)
        return future


def facts(report: Report) -> dict[str, Any]:
    """Return all of a report except how long it took."""
    found = report.to_dict(results=True)
    del found["elapsed"]
    return found


def outcome(path: Path, **options: Any) -> Any:
    """Return the facts of a verification, or its error."""
    try:
        return facts(verify(path, check=False, **options))
    except (ChecksigError, OSError, ValueError) as error:
        return type(error), str(error)


def test_the_corpus_has_equal_reports(
    tmp_path: Path, threads: Executor, damaged_corpus: list[tuple[str, dict[str, Any], Path]]
) -> None:
    """Every format, with a good file, a changed one, a longer one and a missing one."""
    compared = 0
    for slug, row, manifest in damaged_corpus:
        folder = tmp_path / slug
        options = dict(row["options"])
        if "root" in options:
            options["root"] = folder / options["root"]
        for path in (manifest, folder):
            for extra in ("ignore", "fail"):
                here = outcome(path, extra=extra, **options)
                assert outcome(path, extra=extra, executor=threads, **options) == here, slug
                compared += isinstance(here, dict)
    assert compared > 2 * sum(path.is_dir() for path in CORPUS.iterdir())


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """Make a folder with everything about files that a manifest can be wrong about."""
    folder = tmp_path / "odd"
    (folder / "sub").mkdir(parents=True)
    good = {
        "a": b"1",
        "b": b"22",
        "sub/c": b"333",
        "café": "é".encode(),
        "new place": b"moved",
        "e": b"",
    }
    good |= {"size": b"1234567890", "linked": b"l"}
    for name, content in good.items():
        (folder / name).write_bytes(content)

    def line(content: bytes, name: str) -> str:
        return f"{hashlib.sha256(content).hexdigest()}  {name}\n"

    text = line(b"1", "a") + line(b"other", "b") + line(b"22", "b")  # a contradiction
    text += line(b"333", r"sub\\c".replace("\\\\", "\\")) + line(b"x", "../outside")
    text += line(b"x", "/etc/hostname") + line(b"moved", "old place") + line(b"", "e")
    text += line("é".encode(), unicodedata.normalize("NFD", "café")) + line(b"x", "sub")
    text += line(b"1", "./a") + line(b"1", "sub/../a") + "not a digest\n" + line(b"?", "linked")
    (folder / "SHA256SUMS").write_text(text, encoding="utf-8")
    (folder / "sub" / "MD5SUMS").write_text(f"{hashlib.md5(b'333').hexdigest()}  c\n")
    (folder / "sub" / "SHA1SUMS").write_text(f"{hashlib.sha1(b'1').hexdigest()}  ../a\n")
    # Sizes: of one line they match, of another not; both are about one file.
    (folder / "mtree").write_text(
        "#mtree\n./size type=file size=10 md5digest="
        + hashlib.md5(b"1234567890").hexdigest()
        + "\n./size type=file size=9 sha1digest="
        + hashlib.sha1(b"1234567890").hexdigest()
        + "\n"
    )
    if os.name != "nt":
        (folder / "linked").unlink()
        (folder / "linked").symlink_to("/etc/passwd")
        os.mkfifo(folder / "pipe")
        with (folder / "SHA256SUMS").open("ab") as file:
            file.write(line(b"", "pipe").encode())
            (folder / os.fsdecode(b"\xff")).write_bytes(b"bytes")
            file.write(hashlib.sha256(b"bytes").hexdigest().encode() + b"  \xff\n")
    return folder


OPTIONS: list[dict[str, Any]] = [
    {},
    {"recursive": True},
    {"recursive": True, "extra": "fail"},
    {"recursive": True, "extra": "report", "follow_outside": True},
    {"ignore_missing": True, "ignore_text": True, "min_strength": "sha256"},
    {"only": ["a", "gone"]},
    {"include": ["a", "b"]},
    {"basename": True},
    {"workers": 3, "io_depth": 2, "leave_cache": True, "recursive": True},
]


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "-".join(options) or "plain")
def test_odd_cases_have_equal_reports(
    odd: Path, threads: Executor, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Contradictions, several names and sizes of a file, refusals, moved and unlisted files."""
    monkeypatch.chdir(odd)
    assert outcome(odd, executor=threads, **options) == outcome(odd, **options)
    assert outcome(odd / "mtree", executor=threads) == outcome(odd / "mtree")
    here = sorted(map(repr, iter_verify(odd, **options)))
    assert sorted(map(repr, iter_verify(odd, executor=threads, **options))) == here


def test_each_engine(odd: Path, threads: Executor, engine: str) -> None:
    """The engine's process takes shards, too."""
    assert engine
    assert outcome(odd, executor=threads) == outcome(odd)
    with pytest.raises(checksig.WriteError):  # of the pipe
        create(odd, output=odd / "new", executor=threads)


METHODS = [method for method in multiprocessing.get_all_start_methods() if method != "fork"]


@pytest.mark.parametrize("method", METHODS)
def test_a_pool_of_processes(odd: Path, tmp_path: Path, method: str) -> None:
    """Shards and their outcomes can be pickled, and a created manifest is the same."""
    with ProcessPoolExecutor(2, multiprocessing.get_context(method)) as pool:
        assert outcome(odd, recursive=True, executor=pool) == outcome(odd, recursive=True)
        folder = tmp_path / "tree"
        folder.mkdir()
        for number in range(1200):
            (folder / f"{number}").write_bytes(b"%d" % number)
        texts: list[bytes] = []
        for executor in (None, pool):
            made = create(folder, executor=executor, overwrite=True, algorithm=["md5", "sha256"])
            texts.append(Path(made.manifest).read_bytes())
        assert texts[0] == texts[1]
        assert texts[0].count(b"\n") == 2400
        assert verify(folder, executor=pool).verified == 2400


def test_a_client_with_an_executor(odd: Path, threads: Executor) -> None:
    """The client of Dask is not used itself, as it remembers the results of equal calls."""

    class Client:
        def get_executor(self) -> Executor:
            return threads

        def submit(self) -> None:
            raise AssertionError

    assert outcome(odd, executor=Client()) == outcome(odd)
    with pytest.raises(TypeError, match=r"executor must be a concurrent\.futures\.Executor"):
        verify(odd, executor=2)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def test_a_lost_shard_is_tried_again(odd: Path) -> None:
    """A worker that dies twice changes nothing; no entry is lost or counted twice."""

    def dies_twice(call: int, work: Callable[[], bytes]) -> bytes:
        work()
        if call <= 2:
            raise OSError("the worker has ended")
        return work()

    executor = Inline(dies_twice)
    assert outcome(odd, executor=executor) == outcome(odd)
    assert executor.calls == 3


def test_a_shard_that_always_fails(odd: Path) -> None:
    """Its entries are unreadable, and the cause is named."""

    def dies(call: int, work: Callable[[], bytes]) -> bytes:  # noqa: ARG001
        raise MemoryError("killed")

    executor = Inline(dies)
    report = verify(odd, check=False, executor=executor)
    assert executor.calls == 3
    here = verify(odd, check=False)
    assert (report.entries, report.verified) == (here.entries, 0)
    details = {r.detail for r in report.failures if r.reason is None}
    assert details == {"not read: its shard failed 3 times: MemoryError: killed"}
    with pytest.raises(checksig.WriteError, match="failed 3 times"):
        create(odd / "sub", output=odd / "new", executor=executor)
    assert not (odd / "new").exists()


def record(file: int, rest: bytes) -> bytes:
    """Return an outcome."""
    payload = file.to_bytes(4, "little") + rest
    return b"O" + len(payload).to_bytes(4, "little") + payload


HASHED = b"".join(
    [
        bytes(3),
        (1).to_bytes(8, "little"),
        bytes(24),
        (1).to_bytes(8, "little"),
        b"\1\x20",
        bytes(32),
    ]
)
MISSING = b"\0\1\0" + b"\xff" * 8 + bytes(24 + 8) + b"\0gone"


@pytest.mark.parametrize(
    "returned",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(record(0, HASHED), id="too few"),
        pytest.param(record(0, HASHED) * 2, id="one twice"),
        pytest.param(record(0, HASHED) + record(2, HASHED), id="of no file"),
        pytest.param(record(0, HASHED) + record(1, HASHED)[:-1], id="cut"),
        pytest.param(record(0, HASHED[:44] + b"\x10" + bytes(16)) + record(1, HASHED), id="short"),
        pytest.param(record(0, HASHED) + record(1, b"\5" + HASHED[1:]), id="of no name"),
        pytest.param(record(0, HASHED) + record(1, b"\0\0\2" + HASHED[3:]), id="no flag"),
        pytest.param(b"M\0\0\0\0", id="of another kind"),
    ],
)
def test_outcomes_that_are_wrong(tree: Callable[..., Path], returned: bytes) -> None:
    """A worker of another version, or one that lies, verifies nothing."""
    folder = tree({"a": b"1", "b": b"2"})
    report = verify(folder, check=False, executor=Inline(lambda _call, _work: returned))
    assert [r.status for r in report.failures] == [Status.UNREADABLE] * 2
    assert "the same version of checksig" in (report.failures[0].detail or "")


def test_a_worker_without_the_files(tree: Callable[..., Path]) -> None:
    """A file that only the worker does not find is never passed over as missing."""
    folder = tree({"a": b"1", "b": b"2"})
    executor = Inline(lambda _call, _work: record(0, MISSING) + record(1, MISSING))
    report = verify(folder, check=False, ignore_missing=True, executor=executor)
    assert (report.unreadable, report.skipped) == (2, 0)
    assert "must have the same file system at the same path" in (report.failures[0].detail or "")


def test_another_version() -> None:
    """A shard of another version is refused."""
    from checksig import _shards

    request = b"op=shard\0abi=1\0top=/\0root=.\0algorithm=md5\0name=a"
    with pytest.raises(ValueError, match="another version of checksig"):
        _shards.hash_shard(request)


def test_an_executor_that_remembers(tree: Callable[..., Path]) -> None:
    """Dask's returns the result of an equal call; no two calls are equal, also of one shard."""
    folder = tree({"a": b"1"})
    seen: set[tuple[Any, ...]] = set()

    class Remembering(Inline):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            assert args not in seen
            seen.add(args)
            return super().submit(fn, *args, **kwargs)

    def fails(call: int, work: Callable[[], bytes]) -> bytes:
        if call == 1:
            raise OSError("the worker has ended")
        return work()

    for _ in range(2):
        assert verify(folder, executor=Remembering(fails)).verified == 1
    assert len(seen) == 4


def test_outcomes_that_are_too_long(
    tree: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are not sent to the engine."""
    from checksig import _shards

    monkeypatch.setattr(_shards, "_MAX_OUTCOMES", 10)
    report = verify(tree({"a": b"1"}), check=False, executor=Inline())
    assert "ValueError: the executor returned" in (report.failures[0].detail or "")


def test_a_future_that_is_done_twice(odd: Path) -> None:
    """Nothing is counted twice."""

    class Eager(Future[Any]):
        def add_done_callback(self, fn: Callable[[Future[Any]], object]) -> None:
            super().add_done_callback(fn)
            super().add_done_callback(fn)

    class Twice(Inline):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            future = Eager()
            future.set_result(fn(*args, **kwargs))
            return future

    assert outcome(odd, executor=Twice()) == outcome(odd)


def test_parts(odd: Path, tmp_path: Path, threads: Executor) -> None:
    """A state file has what it has without an executor: workers report the states of files."""
    time.sleep(0.1)  # so that a later change of a file would change its times
    rows: list[Any] = []
    for name, executor in (("here", None), ("elsewhere", threads)):
        state = tmp_path / name
        options: dict[str, Any] = {"state": state, "check": False, "executor": executor}
        first = verify(odd, **options)
        assert (first.verified, first.not_verified) == (8, 0)
        second = verify(odd, max_age="1d", **options)
        assert (second.verified, second.verified_before) == (0, 8)
        rows.append(facts(first))
        rows.append(facts(verify(odd, sample="50%@7", check=False, executor=executor)))
        with contextlib.closing(sqlite3.connect(state)) as database:
            query = "SELECT key, size, modified, changed, inode, result FROM entries ORDER BY key"
            rows.append(database.execute(query).fetchall())
        assert sum(1 for _ in iter_verify(odd, state=state, max_age="1d", executor=executor)) == 17
    assert rows[:3] == rows[3:]


def test_a_time_limit(tree: Callable[..., Path], tmp_path: Path) -> None:
    """A shard that is not done then is not waited for, and its entries were not verified."""
    folder = tree({"a": b"1", "b": b"2"})
    answered = threading.Event()

    class Slow(ThreadPoolExecutor):
        def submit(self, *arguments: Any) -> Future[Any]:  # type: ignore[override] # pyright: ignore[reportIncompatibleMethodOverride]
            return super().submit(lambda: answered.wait(60) and arguments[0](*arguments[1:]))

    with Slow(1) as executor:
        report = verify(
            folder, max_time=0.1, state=tmp_path / "state", executor=executor, check=False
        )
        answered.set()
    assert (report.verified, report.not_verified, report.ok) == (0, 2, False)


@pytest.mark.skipif(os.name == "nt", reason="file:// of fsspec has other paths there")
@pytest.mark.parametrize("pool", ["threads", "processes"])
def test_remote_files(tmp_path: Path, threads: Executor, pool: str) -> None:
    """Workers connect to the store themselves, with what the caller has passed."""
    fsspec: Any = pytest.importorskip("fsspec")
    folder = tmp_path / "release"
    (folder / "sub").mkdir(parents=True)
    listed = {name: name.encode() * 1000 for name in ("a", "b", "sub/c")}
    for name, data in listed.items():
        (folder / name).write_bytes(data)
    create(folder)
    (folder / "b").write_bytes(b"other")
    (folder / "sub" / "new").write_bytes(b"")
    address = folder.as_uri()
    options: dict[str, Any] = {"extra": "report", "check": False}
    with contextlib.ExitStack() as stack:
        executor: Executor = threads
        if pool == "processes":
            context = multiprocessing.get_context("spawn")
            executor = stack.enter_context(ProcessPoolExecutor(1, context))
        here = facts(verify(address, **options))
        assert here["verified"] == 2
        assert facts(verify(address, executor=executor, **options)) == here
        filesystem = fsspec.filesystem("dir", path=str(folder), target_protocol="file")
        for given in (None, executor):
            report = verify("", filesystem=filesystem, executor=given, **options)
            assert (report.verified, report.mismatched, len(report.unlisted)) == (2, 1, 1)
        made = create(address, output=tmp_path / "made", executor=executor)
        assert made.files == 5
    (folder / "linked").symlink_to(tmp_path / "made")
    (folder / "SHA256SUMS").write_text(f"{'0' * 64}  linked\n")
    (failure,) = verify(address, executor=threads, check=False).failures
    assert failure.reason == "refused"


def test_signed_manifests(odd: Path, threads: Executor) -> None:
    """The calling process checks signatures; nothing of what is not trusted is hashed."""
    key = bytearray(
        b"untrusted comment: k\nRWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3\n"
    )
    executor = Inline()
    for each in (executor, threads):
        assert outcome(odd, trust=key, executor=each) == outcome(odd, trust=key)
    assert executor.calls == 0


def test_an_executor_that_takes_no_more(odd: Path) -> None:
    """There is no report."""
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    with pytest.raises(EngineError, match="the executor takes no more shards: RuntimeError"):
        verify(odd, executor=pool)


def test_a_process_that_is_killed(odd: Path) -> None:
    """A broken pool cannot go on, and there is no report."""
    pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
    victim = pool.submit(os.getpid).result()

    class Killing:
        _max_workers = 1

        def submit(self, *arguments: Any) -> Future[Any]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, 9)
            return pool.submit(*arguments)

    with pytest.raises(EngineError, match="BrokenProcessPool"):
        verify(odd, executor=Killing())  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    pool.shutdown()


def test_cancelling(huge: Path) -> None:
    """A token, an exception in the callback, and closing the iterator end the shards."""
    token = CancelToken()

    def stop(_: checksig.Progress) -> None:
        token.cancel()

    def fail(_: checksig.Progress) -> None:
        raise LookupError("enough")

    with ThreadPoolExecutor(1) as pool:  # whose end waits for the shards
        with pytest.raises(CancelledError):
            verify(huge, progress=stop, cancel=token, executor=pool)
        with pytest.raises(LookupError):
            verify(huge, progress=fail, executor=pool)
        (huge / "small").write_bytes(b"")
        with (huge / "SHA512SUMS").open("a") as file:
            file.write(hashlib.sha512(b"").hexdigest() + "  small\n")
    with ThreadPoolExecutor(2) as pool:
        found = iter_verify(huge, executor=pool)
        next(found)
        found.close()


def test_progress(tree: Callable[..., Path], threads: Executor) -> None:
    """It ends with all files and bytes."""
    folder = tree({f"{i}": b"x" * i for i in range(300)})
    states: list[checksig.Progress] = []
    report = verify(folder, progress=states.append, executor=threads)
    assert report.verified == 300
    assert states[-1].files == 300
    assert states[-1].bytes_read == report.bytes_read == sum(range(300))


DASK = """
from concurrent.futures import ThreadPoolExecutor

class Client:
    def __init__(self, address, set_as_default):
        if address == "tcp://none:1":
            raise OSError("timed out")
        print("connected to", address)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        print("closed")

    def get_executor(self):
        return ThreadPoolExecutor(1)
"""


def test_the_command(tree: Callable[..., Path], tmp_path: Path, run: Callable[..., Any]) -> None:
    """An option names a cluster; here its package is a substitute."""
    folder = tree({"a": b"1", "b": b"2"})
    packages = tmp_path / "packages"
    packages.mkdir()
    (packages / "distributed.py").write_text(DASK, encoding="utf-8")
    (packages / "ray.py").write_text("raise ImportError('not here')", encoding="utf-8")

    def call(*arguments: object) -> Any:
        return run(*arguments, PYTHONPATH=str(packages))

    done = call("--dask", "tcp://some:1", folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert {"connected to tcp://some:1", "closed"} < set(done.stdout.splitlines())
    made = tmp_path / "made"
    assert call("create", "--dask", "tcp://some:1", folder, "-o", made).returncode == 0
    assert made.read_bytes().count(b"\n") >= 2
    for arguments, message in [
        (["--dask", "tcp://none:1", folder], "--dask: no cluster at this address: OSError: timed"),
        (["--ray", "auto", folder], "--ray needs ray, which cannot be imported: pip install ray"),
        (["create", "--ray", "auto", folder, "-o", made], "--ray needs ray"),
        (["--dask", "tcp://some:1", folder / "a", "0" * 64], "--dask is for manifests"),
        (["--dask", "tcp://some:1", "--ray", "auto", folder], "--dask and --ray cannot be used"),
    ]:
        done = call(*arguments)
        assert (done.returncode, message in done.stderr) == (2, True), done.stderr
