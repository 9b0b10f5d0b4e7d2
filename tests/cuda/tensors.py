"""A CUDA device that is not there: tensors with real values, computed on the CPU, that behave as if on ``cuda:0``.

Why not torch's FakeTensorMode alone: its CUDA tensors have no backward pass on a machine without CUDA
("hasPrimaryContext expects a valid device index") and no values, so nothing that branches on a value can run. Here a
tensor "on CUDA" is a subclass that carries a CPU tensor; every operator is checked before it runs:

- a CPU tensor with dimensions beside one on CUDA is an error (FakeTensorMode's own rules decide, with its messages);
- numpy(), np.asarray() and the array protocol of a tensor on CUDA are an error;
- a generator must be of the device that is drawn on, and its state has a CUDA generator's 16 bytes;
- what raises on CUDA under torch.set_deterministic_debug_mode("error") raises here (RAISES);
- a value read from the device (item, cpu, nonzero, ...) counts as a synchronisation, by the line that asked for it, and
  so does a copy to it from pageable memory (to, new_tensor of a list), for which CUDA waits too.
"""

import contextlib
from typing import Any

import torch
from torch.utils import _pytree as pytree

from tests.cuda.rules import CUDA, RAISES, RAISES_IF, SCALARS_FROM_CPU, SYNCS, DeviceMismatchError, seen, where


class OnCuda(torch.Tensor):
    """A tensor on cuda:0. ``inner``: its values, an ordinary CPU tensor."""

    @staticmethod
    def __new__(cls, inner, requires_grad=False):
        made = torch.Tensor._make_wrapper_subclass(
            cls, inner.size(), strides=inner.stride(), storage_offset=inner.storage_offset(), dtype=inner.dtype,
            layout=inner.layout, device="cpu", requires_grad=requires_grad,
        )  # fmt: skip
        made.inner = inner
        return made

    __torch_function__ = torch._C._disabled_torch_function_impl

    @property
    def device(self):
        return CUDA

    is_cuda = property(lambda self: True)
    is_cpu = property(lambda self: False)

    def get_device(self):
        return 0

    def __repr__(self):
        return f"OnCuda({self.inner})"

    def numpy(self, *args, **kwargs):
        raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() to copy the tensor first.")

    def __array__(self, *args, **kwargs):
        return self.numpy()

    def cpu(self, *args, **kwargs):
        seen.syncs["cpu " + where()] += 1
        return _to_cpu(self)

    def cuda(self, *args, **kwargs):
        return self

    def to(self, *args, **kwargs):
        return _to(self, *args, **kwargs)

    def new_tensor(self, data, *, dtype=None, device=None, requires_grad=False):
        made = torch.tensor(data, dtype=dtype or self.dtype)
        if device is not None and torch.device(device).type == "cpu":
            return made
        seen.syncs["new_tensor " + where()] += 1
        return OnCuda(made, requires_grad)

    def data_ptr(self):
        return self.inner.data_ptr()

    def is_set_to(self, other):
        return isinstance(other, OnCuda) and self.inner.is_set_to(other.inner)

    def __reduce_ex__(self, protocol):
        return self.inner.detach().clone().__reduce_ex__(protocol)  # saved, and read again with map_location="cpu"

    def __deepcopy__(self, memo):
        return OnCuda(self.inner.clone(), self.requires_grad)

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return run(func, args, kwargs or {})


class _ToCpu(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.inner.clone()

    @staticmethod
    def backward(ctx, grad):
        return OnCuda(grad)


class _ToCuda(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return OnCuda(x.detach().clone())

    @staticmethod
    def backward(ctx, grad):
        return grad.inner if isinstance(grad, OnCuda) else grad


def _to_cpu(x):
    if torch.is_grad_enabled() and x.requires_grad:
        return _ToCpu.apply(x)
    return x.inner.detach().clone()


def _parse_to(args, kwargs):
    kwargs = dict(kwargs)
    device, rest = kwargs.pop("device", None), []
    for arg in args:
        if isinstance(arg, (str, torch.device)):
            device = torch.device(arg)
        elif isinstance(arg, torch.Tensor):
            device = arg.device
            kwargs["dtype"] = arg.dtype
        else:
            rest.append(arg)
    return None if device is None else torch.device(device), rest, kwargs


def _to(x, *args, **kwargs):
    device, rest, kwargs = _parse_to(args, kwargs)
    if rest or {k: v for k, v in kwargs.items() if v is not None and k != "non_blocking"}:
        kwargs = {k: v for k, v in kwargs.items() if k != "non_blocking"}
        x = torch.Tensor.to(x, *[r for r in rest if not isinstance(r, bool)], **kwargs)
    if device is None or device.type == x.device.type:
        return x
    if device.type == "cpu":
        seen.syncs["to(cpu) " + where()] += 1
        return _to_cpu(x)
    if not kwargs.get("non_blocking"):
        seen.syncs["to(cuda) " + where()] += 1
    if torch.is_grad_enabled() and x.requires_grad and not x.is_leaf:
        return _ToCuda.apply(x)
    return OnCuda(x.detach().clone(), x.requires_grad)


_fake = None
_rules = {}


def _check_devices(func, args, kwargs):
    """FakeTensorMode's verdict on the devices of a call; kept by operator, devices and dimensions."""
    flat = [x for x in pytree.tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor)]
    kinds = tuple((isinstance(x, OnCuda), x.dim() > 0, x.dtype) for x in flat)
    if all(on_cuda for on_cuda, _, _ in kinds):
        return
    name = func._schema.name.partition("::")[2]
    if name in ("copy_", "_to_copy", "set_", "is_same_size"):
        return
    if any(dims and not on_cuda for on_cuda, dims, _ in kinds):
        if name in ("index", "index_put_", "index_put", "_unsafe_index") and isinstance(args[0], OnCuda):
            return  # indices may be on the CPU
        cpu = [tuple(x.shape) for x in flat if not isinstance(x, OnCuda) and x.dim() > 0]
        raise DeviceMismatchError(
            f"{func}: Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu! "
            f"(CPU tensors of shape {cpu} at {where()})"
        )
    if torch.Tag.pointwise not in func.tags and name not in SCALARS_FROM_CPU:
        raise DeviceMismatchError(f"{func}: a 0-dimensional CPU tensor beside tensors on cuda:0 (at {where()})")
    key = (func, kinds)
    if key not in _rules:
        _rules[key] = _fake_verdict(func, args, kwargs)
    if _rules[key] is not None:
        raise DeviceMismatchError(f"{func}: {_rules[key]} (at {where()})")
    seen.mixed[f"{func} {where()}"] += 1


def _fake_verdict(func, args, kwargs):
    """None, or FakeTensorMode's complaint about a 0-dimensional CPU tensor beside tensors on CUDA."""
    from torch._subclasses.fake_tensor import FakeTensor, FakeTensorDeviceMismatchError, FakeTensorMode

    mode = FakeTensorMode()

    def fake(x):
        if not isinstance(x, torch.Tensor):
            return x
        plain = torch.empty_strided(x.size(), x.stride(), dtype=x.dtype, device="meta")
        return FakeTensor(mode, plain, CUDA if isinstance(x, OnCuda) else torch.device("cpu"))

    try:
        with _off(), mode:
            func(*pytree.tree_map(fake, args), **pytree.tree_map(fake, kwargs))
    except FakeTensorDeviceMismatchError as error:
        return str(error)
    except Exception:
        return None
    return None


@contextlib.contextmanager
def _off():
    with torch._C.DisableTorchFunction():
        yield


def _check_layouts(args):
    """The CUDA kernel of a fused Adam walks parameter, gradient and moments side by side; the CPU's does not ask."""
    for other in args[1:4]:
        for parameter, tensor in zip(args[0], other, strict=True):
            dims = [d for d in range(parameter.dim()) if parameter.size(d) != 1]
            if parameter.shape != tensor.shape or any(parameter.stride(d) != tensor.stride(d) for d in dims):
                raise RuntimeError(
                    "params, grads, exp_avgs, and exp_avg_sqs must have same dtype, device, and layout "
                    f"({tuple(parameter.shape)}: strides {parameter.stride()} and {tensor.stride()}, at {where()})"
                )


def run(func, args, kwargs):
    name = func._schema.name.partition("::")[2]
    seen.ops[str(func)] += 1
    if torch.are_deterministic_algorithms_enabled() and (
        name in RAISES or (name in RAISES_IF and RAISES_IF[name](args, kwargs))
    ):
        raise RuntimeError(f"{name} does not have a deterministic implementation on CUDA (at {where()})")
    if name in SYNCS:
        seen.syncs[f"{name} {where()}"] += 1
    _check_devices(func, args, kwargs)
    if name.startswith("_fused_adam"):
        _check_layouts(args)

    def plain(x: Any) -> Any:
        return x.inner if isinstance(x, OnCuda) else x

    if name == "_to_copy" and kwargs.get("device") is not None:
        kwargs = {k: v for k, v in kwargs.items() if k != "device"}
    inner_args, inner_kwargs = pytree.tree_map(plain, args), pytree.tree_map(plain, kwargs)
    result = func(*inner_args, **inner_kwargs)
    if name in ("copy_",) and not isinstance(args[0], OnCuda):
        return args[0]
    wrapped = pytree.tree_map(lambda x: OnCuda(x) if isinstance(x, torch.Tensor) else x, result)
    return _aliased(func, args, kwargs, wrapped)


def _aliased(func, args, kwargs, wrapped):
    """In-place and out= operators give back the tensors that they were given."""
    schema = func._schema
    outs = [a.name for a in schema.arguments if a.alias_info is not None and a.alias_info.is_write]
    if not outs or not schema.returns:
        return wrapped
    given = {a.name: v for a, v in zip(schema.arguments, args, strict=False)} | kwargs
    if all(r.alias_info is not None and r.alias_info.is_write for r in schema.returns):
        found = [given[n] for n in outs]
        for tensor in pytree.tree_leaves(found):
            if isinstance(tensor, OnCuda) and tensor.shape != tensor.inner.shape:
                raise RuntimeError(f"{func} resized its output: not supported here")
        return found[0] if len(found) == 1 and len(schema.returns) == 1 else tuple(found)
    return wrapped
