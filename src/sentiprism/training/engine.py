"""Device, precision and processes, by Accelerate."""

import atexit
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from math import nan
from threading import RLock
from typing import TYPE_CHECKING, Any, Literal, get_args

from sentiprism import machine
from sentiprism.errors import UserError, suggest
from sentiprism.types import Batch

if TYPE_CHECKING:  # what a run needs is checked before torch is imported
    import torch
    from torch import Tensor, nn

    from sentiprism.models.base import Model

Precision = Literal["auto", "no", "bf16", "fp16"]
KINDS = ("auto", "cpu", "cuda", "mps")
"""Devices by name; ``cuda:1`` is the second of a kind."""
DEVICE_VARIABLE = "ACCELERATE_TORCH_DEVICE"
"""Environment variable that sets Accelerate's device."""


class Engine:
    """Device, precision and processes of a run, as seen by one process.

    Args:
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
        precision: ``auto`` is bf16 on a GPU that supports it and single precision (``no``) on a CPU, so that results
            do not depend on the processor; ``bf16`` is faster on processors with native bf16.
    """

    def __init__(self, device: str = "auto", precision: Precision = "auto") -> None:
        check_engine(device, precision)
        import torch
        from accelerate import Accelerator, DistributedDataParallelKwargs

        kind = _available(device)
        if precision == "fp16" and kind == "cpu":  # Accelerate would silently compute in fp32
            raise UserError("precision fp16 needs a GPU", "choose bf16 or no")
        if precision == "auto":
            precision = "bf16" if kind == "cuda" and torch.cuda.is_bf16_supported() else "no"
        self._state = _OwnState()
        with self._state, _device_variable(device if kind != "cpu" and device != "auto" else None):
            self._accelerator = Accelerator(
                cpu=kind == "cpu",
                mixed_precision=precision,
                # in a batch without any text, the text encoder gets no gradient
                kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)],
            )
        self.device: torch.device = self._accelerator.device
        self.precision = precision
        self.rank, self.world = self._accelerator.process_index, self._accelerator.num_processes
        self.is_main = self.rank == 0
        if self.world > 1:
            atexit.register(_leave_process_group)

    @property
    def memory(self) -> int:
        """Bytes of memory of the device."""
        import torch

        if self.device.type == "cuda":
            return int(torch.cuda.get_device_properties(self.device).total_memory)
        return machine.memory()  # an Apple GPU shares it

    def peak(self) -> float:
        """Peak GPU memory in MB; 0 on a CPU."""
        import torch

        return torch.cuda.max_memory_allocated(self.device) / 1e6 if self.device.type == "cuda" else 0.0

    def finish(self) -> None:
        """Wait until the device has finished: GPUs run asynchronously."""
        import torch

        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        elif self.device.type == "mps":
            torch.mps.synchronize()

    def prepare(self, model: "Model", optimizer: "torch.optim.Optimizer") -> "tuple[nn.Module, Any]":
        """The model on its device, wrapped for several processes, and its optimiser."""
        with self._state:
            return self._accelerator.prepare(model, optimizer)  # type: ignore[no-any-return]

    def release(self) -> None:
        """Release prepared objects; otherwise every seed's model and optimiser stay in memory."""
        with self._state:
            self._accelerator.free_memory()

    def move(self, batch: Batch) -> Batch:
        """The batch on this process's device."""
        if self.device.type == "cpu":
            return batch
        to = self.device
        return batch.map(lambda tensor: tensor.to(to))

    @contextmanager
    def autocast(self) -> Iterator[None]:
        """The chosen precision for a forward pass outside the wrapped model."""
        with ExitStack() as stack:
            with self._state:
                stack.enter_context(self._accelerator.autocast())
            yield

    def accumulating(self, model: "nn.Module", *, last: bool) -> AbstractContextManager[Any]:
        """Context in which processes exchange gradients only in the last batch of a step."""
        return nullcontext() if last else self._accelerator.no_sync(model)

    def backward(self, loss: "Tensor") -> None:
        """Gradients of ``loss``, scaled where the precision needs it."""
        with self._state:
            self._accelerator.backward(loss)

    def clip(self, parameters: "list[nn.Parameter]", norm: float) -> None:
        """Clip the norm of all gradients together."""
        with self._state:
            self._accelerator.clip_grad_norm_(parameters, norm)

    def clip_value(self, parameters: "list[nn.Parameter]", value: float) -> None:
        """Clip every entry of the gradients to [-value, value], right after a `backward`."""
        from torch import nn

        scaler = self._accelerator.scaler
        if scaler is not None:  # the scaler must still see an fp16 overflow, so that it skips the step
            value *= scaler.get_scale()
            for gradient in (p.grad for p in parameters if p.grad is not None):
                gradient.nan_to_num_(nan=nan, posinf=nan, neginf=nan)
        nn.utils.clip_grad_value_(parameters, value)

    def mean(self, value: "Tensor") -> "Tensor":
        """Mean of a tensor over the processes, on every process; does not block the CPU."""
        return self._accelerator.reduce(value, reduction="mean") if self.world > 1 else value

    def gather(self, value: Any) -> list[Any]:
        """Gather one picklable value per process, in the order of ranks, on every process."""
        if self.world == 1:
            return [value]
        from accelerate.utils import gather_object

        return gather_object([value])  # type: ignore[no-any-return]

    def barrier(self) -> None:
        """Wait for every process."""
        if self.world > 1:
            self._accelerator.wait_for_everyone()

    def scaler_state(self) -> dict[str, Any]:
        """State of fp16's gradient scaler; {} without one."""
        scaler = self._accelerator.scaler
        return scaler.state_dict() if scaler is not None else {}

    def load_scaler_state(self, state: dict[str, Any]) -> None:
        """Restore what `scaler_state` returned."""
        if self._accelerator.scaler is not None and state:
            self._accelerator.scaler.load_state_dict(state)

    @contextmanager
    def main_first(self) -> Iterator[None]:
        """Let the main process do something (fill a cache) before the others."""
        with self._accelerator.main_process_first() if self.world > 1 else nullcontext():
            yield


def _leave_process_group() -> None:
    """Destroy the process group while the interpreter is alive: later, its threads may abort the process."""
    import torch.distributed

    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


class _OwnState:
    """Context that gives an engine an Accelerate state of its own and restores the caller's afterwards.

    All `Accelerator` objects of a process share one state, so an engine would change the settings of the caller's, or
    fail if that has another precision. Under ``accelerate launch`` the group of processes stays shared.
    """

    _lock = RLock()

    def __init__(self) -> None:
        from accelerate.state import AcceleratorState, GradientState, PartialState

        several = int(os.environ.get("WORLD_SIZE", "1")) > 1
        kinds: tuple[Any, ...] = (AcceleratorState, GradientState, *(() if several else (PartialState,)))
        self._own = {kind: type(vars(kind)["_shared_state"])() for kind in kinds}
        self._callers: dict[Any, Any] = {}

    def __enter__(self) -> None:
        self._lock.acquire()
        self._callers = self._swap(self._own)

    def __exit__(self, *_: object) -> None:
        self._own = self._swap(self._callers)
        self._lock.release()

    @staticmethod
    def _swap(states: dict[Any, Any]) -> dict[Any, Any]:
        """Set the shared states of Accelerate's classes; returns the previous ones."""
        before = {kind: vars(kind)["_shared_state"] for kind in states}
        for kind, state in states.items():
            kind._shared_state = state
        return before


@contextmanager
def _device_variable(device: str | None) -> Iterator[None]:
    """Set or unset Accelerate's device variable for a while."""
    before = os.environ.pop(DEVICE_VARIABLE, None)
    if device is not None:
        os.environ[DEVICE_VARIABLE] = device
    try:
        yield
    finally:
        os.environ.pop(DEVICE_VARIABLE, None)
        if before is not None:
            os.environ[DEVICE_VARIABLE] = before


def check_engine(device: str, precision: str = "auto") -> None:
    """Refuse unknown names of devices and precisions; availability needs torch and is checked later.

    Raises:
        UserError: one of them is unknown.
    """
    if device.partition(":")[0] not in KINDS or device.startswith("auto:"):
        raise UserError(f"no device is called {device!r}", f"choose one of: {', '.join(KINDS)}")
    if precision not in get_args(Precision):
        raise UserError(f"no precision is called {precision!r}", suggest(precision, get_args(Precision)))


def _available(device: str) -> str:
    """Kind of an available device: cpu, cuda or mps."""
    import torch

    kind, colon, index = device.partition(":")
    counts = {
        "cpu": 1,
        "cuda": torch.cuda.device_count() if torch.cuda.is_available() else 0,
        "mps": int(torch.backends.mps.is_available()),
    }
    if device == "auto":
        return next((name for name in ("cuda", "mps") if counts[name]), "cpu")
    if not counts.get(kind) or (colon and not (index.isdecimal() and int(index) < counts[kind])):
        here = [f"{name}:{i}" if count > 1 else name for name, count in counts.items() for i in range(count)]
        raise UserError(f"device {device!r} is not available here", f"choose auto or: {', '.join(here)}")
    return kind
