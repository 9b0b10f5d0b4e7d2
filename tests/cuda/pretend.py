"""While ``pretend()`` is on, cuda:0 is there for torch's functions, modules, generators and queries."""

import contextlib
import hashlib
import types
from typing import ClassVar

import torch
from torch.overrides import TorchFunctionMode

from tests.cuda.rules import CUDA, DeviceMismatchError, seen, where
from tests.cuda.tensors import OnCuda, _parse_to, _to
from wae.compute import devices
from wae.mmd import fused


class Generator(torch.Generator):
    """A generator on cuda:0: draws are the CPU's, the state is 16 bytes as CUDA's."""

    states: ClassVar[dict[bytes, torch.Tensor]] = {}

    @property
    def device(self):
        return CUDA

    def get_state(self):
        real = super().get_state()
        key = torch.frombuffer(bytearray(hashlib.md5(real.numpy().tobytes()).digest()), dtype=torch.uint8)
        Generator.states[key.numpy().tobytes()] = real
        return key

    def set_state(self, state):
        if not isinstance(state, torch.Tensor) or isinstance(state, OnCuda) or state.dtype != torch.uint8:
            raise TypeError("RNG state must be a torch.ByteTensor")
        if state.numel() != 16:
            raise RuntimeError("RNG state is wrong size")
        return super().set_state(Generator.states[state.numpy().tobytes()])


_REAL_GENERATOR = torch.Generator


class AnyGenerator(_REAL_GENERATOR):
    """What torch.Generator is meanwhile: a class still, as some modules say ``torch.Generator | None``."""

    def __new__(cls, device="cpu"):
        return Generator() if torch.device(device).type == "cuda" else _REAL_GENERATOR(device)


class Pretend(TorchFunctionMode):
    """While it is on, ``device="cuda"`` of any torch function gives a tensor on the device that is not there."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        name = getattr(func, "__name__", "")
        if name in ("numpy", "__array__") and args and isinstance(args[0], OnCuda):
            return args[0].numpy()
        if name == "to" and args and isinstance(args[0], torch.Tensor) and not isinstance(args[0], OnCuda):
            device, _, _ = _parse_to(args[1:], kwargs)
            if device is not None and device.type == "cuda":
                return _to(args[0], *args[1:], **kwargs)
        if name == "cuda" and args and isinstance(args[0], torch.Tensor):
            return _to(args[0], "cuda")
        device = kwargs.get("device")
        on_cuda = device is not None and torch.device(device).type == "cuda"
        generator = kwargs.get("generator")
        if generator is not None:
            tensors = [a for a in args if isinstance(a, torch.Tensor)]
            target = "cuda" if on_cuda or (tensors and isinstance(tensors[0], OnCuda)) else "cpu"
            if generator.device.type != target:
                raise DeviceMismatchError(
                    f"{name}: Expected a '{target}' device type for generator but found '{generator.device.type}' "
                    f"(at {where()})"
                )
        if on_cuda:
            if args and isinstance(args[0], OnCuda):
                kwargs.pop("device")
                return func(*args, **kwargs)
            wants = kwargs.pop("requires_grad", False)
            made = func(*args, **{k: v for k, v in kwargs.items() if k not in ("device", "pin_memory")})
            return made if isinstance(made, OnCuda) else OnCuda(made.detach(), wants)
        return func(*args, **kwargs)


class Autocast(torch.autocast):
    """torch.autocast whose "cuda" is the CPU's, as the values are."""

    def __init__(self, device_type, *args, **kwargs):
        super().__init__("cpu" if device_type == "cuda" else device_type, *args, **kwargs)


@contextlib.contextmanager
def pretend():
    """Make cuda:0 there, for the code within."""
    patches = [
        (torch, "Generator", AnyGenerator),
        (torch, "autocast", Autocast),
        (torch.cuda, "synchronize", lambda *a, **k: None),
        (torch.cuda, "reset_peak_memory_stats", lambda *a, **k: None),
        (torch.cuda, "memory_allocated", lambda *a, **k: 0),
        (torch.cuda, "max_memory_allocated", lambda *a, **k: 1000),
        (torch.cuda, "mem_get_info", lambda *a, **k: (10**11, 10**11)),
        (torch.cuda, "get_device_name", lambda *a, **k: "Pretend GPU"),
        (torch.cuda, "get_rng_state", lambda *a, **k: torch.zeros(16, dtype=torch.uint8)),
        (torch.cuda, "device_count", lambda *a, **k: 1),
        (torch.cuda, "get_device_properties", lambda *a, **k: types.SimpleNamespace(uuid="GPU-pretend")),
    ]
    kept = [(owner, name, getattr(owner, name)) for owner, name, _ in patches]
    for owner, name, value in patches:
        setattr(owner, name, value)
    before = torch._C._get_deterministic_algorithms()
    overwrite = torch.__future__.get_overwrite_module_params_on_conversion()
    torch.__future__.set_overwrite_module_params_on_conversion(True)  # or a Parameter would keep its class
    devices.deterministic()
    devices.set_tf32(False)
    fused.release()
    try:
        with Pretend():
            yield seen
    finally:
        for owner, name, value in kept:
            setattr(owner, name, value)
        torch._C._set_deterministic_algorithms(before)
        torch.__future__.set_overwrite_module_params_on_conversion(overwrite)
        fused.release()
