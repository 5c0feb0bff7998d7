"""Executors of clusters that the command line names: of Dask, Ray and Spark."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from .errors import ChecksigError, EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

__all__ = ["connect"]


class MissingPackageError(ChecksigError, ImportError):
    """A package that an option needs is not installed."""


@contextlib.contextmanager
def connect(engine: str, address: str) -> Generator[Any]:
    """Return an executor of the cluster at *address*, and leave the cluster afterwards.

    :param engine: ``"dask"``, ``"ray"`` or ``"spark"``.

    :raises MissingPackageError: the package of the engine cannot be imported.
    :raises EngineError: there is no such cluster.
    """
    package, open_cluster = _ENGINES[engine]
    try:
        module = importlib.import_module(package)
    except ImportError as error:
        name = package.partition(".")[0]
        text = f"--{engine} needs {name}, which cannot be imported: pip install {name}"
        raise MissingPackageError(text) from error
    with contextlib.ExitStack() as stack:
        try:
            executor = stack.enter_context(open_cluster(module, address))
        except Exception as error:
            reason = str(error).strip().partition("\n")[0][:500]
            text = f"--{engine}: no cluster at this address: {type(error).__name__}: {reason}"
            raise EngineError(text) from error
        yield executor


def _open_dask(distributed: Any, address: str) -> Any:
    return distributed.Client(address, set_as_default=False)


@contextlib.contextmanager
def _open_ray(ray: Any, address: str) -> Generator[Any]:
    ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    try:
        yield _Ray(ray)
    finally:
        ray.shutdown()


class _Ray:
    """Submits calls as tasks of Ray, which runs those of a lost worker again."""

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self.max_workers = max(1, int(ray.cluster_resources().get("CPU", 1)))

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return the future of a call."""
        return self._ray.remote(function).remote(*arguments).future()


@contextlib.contextmanager
def _open_spark(sql: Any, master: str) -> Generator[Any]:
    if master.startswith("local"):
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = sql.SparkSession.builder.master(master).appName("checksig")
    for option in ("spark.ui.enabled", "spark.ui.showConsoleProgress"):
        builder = builder.config(option, "false")
    session = builder.getOrCreate()
    try:
        session.sparkContext.setLogLevel("ERROR")
        with _Spark(session.sparkContext) as executor:
            try:
                yield executor
            finally:
                session.sparkContext.cancelAllJobs()
    finally:
        session.stop()


class _Spark(ThreadPoolExecutor):
    """Submits calls as jobs of Spark, each with a single task, for which a thread waits."""

    def __init__(self, context: Any) -> None:
        self.num_workers = max(1, int(context.defaultParallelism))
        super().__init__(2 * self.num_workers + 1)
        self._context = context

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Any:  # type: ignore[override] # pyright: ignore[reportIncompatibleMethodOverride]
        """Return the future of a call."""
        return super().submit(self._run, function, arguments)

    def _run(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        return self._context.parallelize([(function, arguments)], 1).map(_call).collect()[0]


def _call(call: tuple[Callable[..., Any], tuple[Any, ...]]) -> Any:
    function, arguments = call
    return function(*arguments)


_ENGINES = {
    "dask": ("distributed", _open_dask),
    "ray": ("ray", _open_ray),
    "spark": ("pyspark.sql", _open_spark),
}
