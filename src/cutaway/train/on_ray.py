"""Ray as an executor for ct.fit_many and what is made of it: a task for each model."""

from __future__ import annotations

from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from ..errors import ArgumentError


class RayExecutor:
    """Trains on the workers of a Ray cluster: `executor=ct.train.RayExecutor()`, after ray.init().

    options: what a task needs, as ray.remote takes it, such as num_gpus=1. Ray itself repeats no task: whoever asked
    sends it again, from its last checkpoint if there is one. Raises ArgumentError where Ray is not installed.
    """

    def __init__(self, **options: Any) -> None:
        try:
            import ray
        except ModuleNotFoundError:
            raise ArgumentError('RayExecutor needs the package ray, which is not installed: pip install "ray[default]"'
                                ) from None
        self._ray = ray
        self._task = ray.remote(**{"max_retries": 0, **options})(_call)

    def submit(self, function: Any, *arguments: Any) -> Any:
        """Call function(*arguments) on a worker; give its future."""
        try:
            packed = self._ray.cloudpickle.dumps((function, arguments))
        except Exception as error:  # what cannot be sent is told as by other executors
            failed: Future[Any] = Future()
            failed.set_exception(error)
            return failed
        return _OnRay(self._ray, self._task.remote(packed))


class _OnRay:
    """The future of a task."""

    def __init__(self, ray: Any, reference: Any) -> None:
        self._ray, self._reference, self._future, self._cancelled = ray, reference, reference.future(), False

    def done(self) -> bool:
        return self._future.done()

    def result(self) -> Any:
        return self._ray.cloudpickle.loads(self._future.result())

    def cancel(self) -> bool:
        """Take the task back, or interrupt it where it runs, as Ctrl-C does; once, for a second one would end it."""
        if not self._cancelled:
            self._cancelled = True
            with suppress(Exception):  # it is over, or the cluster is gone
                self._ray.cancel(self._reference)
        return False


def _call(packed: bytes) -> bytes:
    """Runs in a worker. Arguments and result travel as bytes: the arrays that Ray itself hands over cannot be written,
    and training does."""
    import ray

    function, arguments = ray.cloudpickle.loads(packed)
    return ray.cloudpickle.dumps(function(*arguments))
