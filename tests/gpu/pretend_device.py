"""A pretend accelerator in pure Python: torch's PrivateUse1 backend; its tensors hold a CPU's data, or shapes alone.

It refuses what CUDA refuses: operands on two devices, a CPU's random numbers for a tensor of the device, numpy of one.
It notes every time the host waits for the device, with the project's own line. Autograd runs for real, in the engine's
device thread as with CUDA. Hollow, tensors have shapes and no data, so that full-sized networks take a second a step.

It does not show what CUDA's kernels do not support, their rounding, or their streams. A process can have one such
backend and keeps it: import this in processes of their own.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend
from torch.utils.flop_counter import flop_registry

from tests.gpu.activity import Activity, project_line

NAME = "pretend"
_setup_privateuseone_for_python_backend(NAME)
DEVICE = torch.device(NAME, 0)
ACTIVITY = Activity()
ITEM = 0.5
"""What a hollow tensor's number is when it is read."""

_hollow = False
_shapes: dict[tuple, tuple] = {}
_SYNCHRONIZING = {
    f"aten::{name}"
    for name in (
        *(
            "equal",
            "nonzero",
            "masked_select",
            "is_nonzero",
            "_unique2",
            "unique_consecutive",
            "unique_dim",
            "bincount",
        ),
        *("linalg_eigh", "_linalg_svd", "_local_scalar_dense"),
    )
}
_INDEXING = {f"aten::{name}" for name in ("index", "index_put", "index_put_", "_unsafe_index", "_index_put_impl_")}
_READ_BACK = {"aten::_local_scalar_dense", "aten::equal", "aten::is_nonzero"}
_VIEWS = {
    f"aten::{name}"
    for name in (
        *("view", "detach", "transpose", "permute", "expand", "slice", "select", "unsqueeze", "squeeze", "as_strided"),
        *("alias", "t", "split", "unbind", "diagonal", "unfold", "_unsafe_view", "_reshape_alias", "split_with_sizes"),
        *("lift_fresh", "empty", "empty_strided", "empty_like", "new_empty", "new_empty_strided", "narrow", "movedim"),
        *("view_as_real", "view_as_complex", "set_data", "_local_scalar_dense", "resize_", "set_"),
    )
}


class CrossDeviceError(RuntimeError):
    """What CUDA would refuse."""


def use_hollow_tensors() -> None:
    """From now on in this process, tensors of the device have shapes and no data."""
    global _hollow
    _hollow = True


class PretendTensor(torch.Tensor):
    """A tensor on the pretend device; ``held`` is what it really is."""

    held: Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, held: Tensor) -> "PretendTensor":
        tensor = torch.Tensor._make_wrapper_subclass(
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            layout=held.layout,
            device=DEVICE,
            requires_grad=False,
        )
        tensor.held = held
        return tensor

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        return _dispatch(func, args, kwargs or {})

    def __repr__(self) -> str:
        return f"PretendTensor({self.held!r})"

    def numpy(self, *args: Any, **options: Any) -> Any:
        raise TypeError(f"can't convert {self.device} device type tensor to numpy. Use Tensor.cpu() first.")

    def __array__(self, *args: Any, **options: Any) -> Any:
        return self.numpy()

    def tolist(self) -> Any:
        return self.cpu().tolist()

    def __getitem__(self, index: Any) -> Any:
        return _getitem(self, _on_device(index))

    def __setitem__(self, index: Any, value: Any) -> None:
        _setitem(self, _on_device(index), value)

    def new_tensor(self, data: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
        return _tensor_of(data, dtype=dtype or self.dtype, device=device or DEVICE, requires_grad=requires_grad)


class _Call:
    """An operation with all values of its arguments in one list."""

    def __init__(self, func: Any, args: tuple, kwargs: dict) -> None:
        self.func, self.args, self.kwargs, self.name = func, args, kwargs, func._schema.name
        self.values = _leaves((args, kwargs))
        tensors = [value for value in self.values if isinstance(value, Tensor)]
        self.own = [tensor for tensor in tensors if isinstance(tensor, PretendTensor)]
        self.foreign = [tensor for tensor in tensors if not isinstance(tensor, PretendTensor)]
        devices = [value.type for value in self.values if isinstance(value, torch.device)]
        self.to_device, self.to_host = NAME in devices, "cpu" in devices

    @property
    def copies_out(self) -> bool:
        """Whether data goes from the device to the host."""
        if self.name == "aten::copy_":
            return not isinstance(self.args[0], PretendTensor)
        return self.name == "aten::_to_copy" and bool(self.own) and self.to_host

    @property
    def copies_in(self) -> bool:
        """Whether data goes from the host to the device."""
        if self.name == "aten::copy_":
            return isinstance(self.args[0], PretendTensor) and bool(self.foreign)
        return self.name == "aten::_to_copy" and not self.own and self.to_device

    @property
    def waits(self) -> bool:
        """Whether the host waits for a copy: always for what it reads, and unless told otherwise for what it sends."""
        asynchronous = self.kwargs.get("non_blocking", False) or (
            self.name == "aten::copy_" and self.args[2:] == (True,)
        )
        return self.copies_out or (self.copies_in and not asynchronous)


def _leaves(value: Any) -> list[Any]:
    """All arguments in nested lists, tuples and dictionaries; torch's own pytree takes half of the checks' time."""
    leaves: list[Any] = []
    _collect(value, leaves)
    return leaves


def _collect(value: Any, leaves: list[Any]) -> None:
    if isinstance(value, list | tuple | dict):
        for one in value.values() if isinstance(value, dict) else value:
            _collect(one, leaves)
    else:
        leaves.append(value)


def _mapped(function: Callable[[Any], Any], value: Any) -> Any:
    """The same nest with each leaf replaced; of torch's named tuples, plain ones."""
    if isinstance(value, list):
        return [_mapped(function, one) for one in value]
    if isinstance(value, tuple):
        return tuple([_mapped(function, one) for one in value])
    if isinstance(value, dict):
        return {key: _mapped(function, one) for key, one in value.items()}
    return function(value)


def _dispatch(func: Any, args: tuple, kwargs: dict) -> Any:
    call = _Call(func, args, kwargs)
    _note_waiting(call)
    _refuse_foreign(call)
    wrappers: dict[int, PretendTensor] = {}
    own_args, own_kwargs = _mapped(lambda value: _plain(value, call, wrappers), (args, kwargs))
    own_kwargs.pop("pin_memory", None)
    result = _hollow_result(call, own_args, own_kwargs) if _hollow else func(*own_args, **own_kwargs)
    if call.name == "aten::copy_" and call.copies_out:
        return args[0]
    if call.copies_out or call.name in _READ_BACK or not (call.own or call.to_device):
        return result
    if call.name not in _VIEWS:
        tensors = [value for value in _leaves((own_args, own_kwargs, result)) if isinstance(value, Tensor)]
        ACTIVITY.operation(call.name, sum(map(_moved, tensors)), _flops(func, own_args, own_kwargs, result))
    return _mapped(lambda value: _wrapped(value, wrappers, func), result)


def _note_waiting(call: _Call) -> None:
    """Note if the host waits for the device in this operation."""
    if call.waits:
        source = call.args[1] if call.name == "aten::copy_" else call.args[0]
        direction = "device to host" if call.copies_out else "host to device"
        ACTIVITY.synchronization(f"{direction} {source.numel() * source.element_size()} B")
    elif call.name in _SYNCHRONIZING or (
        call.name == "aten::repeat_interleave" and call.func._overloadname == "Tensor"
    ):
        ACTIVITY.synchronization(call.name)
    elif call.name in _INDEXING:
        indices = [index for index in call.args[1] if index is not None]
        if any(isinstance(index, PretendTensor) and index.dtype in (torch.bool, torch.uint8) for index in indices):
            ACTIVITY.synchronization("index by a mask")
        if call.own and any(not isinstance(index, PretendTensor) for index in indices):
            ACTIVITY.synchronization("host to device, an index")


def _refuse_foreign(call: _Call) -> None:
    """Raise what CUDA would raise."""
    random = next((value for value in call.values if isinstance(value, torch.Generator)), None)
    if random is not None and (call.own or call.to_device):
        raise CrossDeviceError(f"Expected a '{NAME}' generator but found one of the cpu at {project_line()}")
    if not call.own or call.name == "aten::copy_":
        return
    foreign = call.foreign
    if call.name in _INDEXING and isinstance(call.args[0], PretendTensor):
        foreign = [tensor for tensor in foreign if not any(tensor is index for index in call.args[1])]
    # Numbers of the host are constants to a kernel.
    shapes = [list(tensor.shape) for tensor in foreign if tensor.dim()]
    if shapes:
        raise CrossDeviceError(f"{call.func} got tensors of {NAME} and of the cpu {shapes} at {project_line()}")


def _plain(value: Any, call: _Call, wrappers: dict[int, PretendTensor]) -> Any:
    """An argument for the kernel that really runs."""
    if isinstance(value, PretendTensor):
        wrappers[id(value.held)] = value
        return value.held
    if isinstance(value, torch.device) and value.type == NAME:
        return torch.device("meta" if _hollow else "cpu")
    hollow = _hollow and (call.own or call.to_device)
    if hollow and isinstance(value, Tensor) and value.device.type == "cpu" and value.dim():
        return value if call.name == "aten::copy_" and value is call.args[0] else value.to("meta")
    return value


def _hollow_result(call: _Call, args: tuple, kwargs: dict) -> Any:
    """The result's shape; numbers that are read back are made up."""
    if call.name == "aten::_local_scalar_dense" and call.own:
        kind = args[0].dtype
        return True if kind == torch.bool else ITEM if kind.is_floating_point else 1
    if call.name == "aten::equal" and call.own:
        return False
    if call.name == "aten::copy_" and call.own and call.copies_out:
        return call.args[0].zero_()
    if call.copies_out:
        return torch.zeros(args[0].shape, dtype=kwargs.get("dtype") or args[0].dtype)
    return _shaped(call.func, args, kwargs)


def _shaped(func: Any, args: tuple, kwargs: dict) -> Any:
    """The result on the meta device; where it is new, its shape is found once for each kind of arguments."""
    returns = func._schema.returns
    if func._schema.is_mutable or len(returns) != 1 or str(returns[0].type) != "Tensor" or returns[0].alias_info:
        return func(*args, **kwargs)
    values = _leaves((args, kwargs))
    lengths = tuple(len(one) if isinstance(one, list | tuple) else -1 for one in args)
    key = (func, lengths, tuple(kwargs), *map(_kind, values))
    if key not in _shapes:
        result = func(*args, **kwargs)
        if result.device.type != "meta" or any(result is value for value in values):
            return result
        _shapes[key] = tuple(result.shape), result.stride(), result.dtype
    shape, stride, dtype = _shapes[key]
    return torch.empty_strided(shape, stride, dtype=dtype, device="meta")


def _kind(value: Any) -> Any:
    if isinstance(value, Tensor):
        return tuple(value.shape), value.stride(), value.dtype, value.device.type
    return type(value), value


def _wrapped(value: Any, wrappers: dict[int, PretendTensor], func: Any) -> Any:
    if not isinstance(value, Tensor):
        return value
    if id(value) in wrappers:
        if wrappers[id(value)].size() != value.size():
            raise RuntimeError(f"{func} changed a shape in place, which the pretend device cannot show")
        return wrappers[id(value)]
    tensor = PretendTensor(value)
    ACTIVITY.allocation(tensor, value)
    return tensor


def _moved(tensor: Tensor) -> int:
    """Bytes that are read or written; what is broadcast is read once."""
    count = tensor.numel()
    for size, stride in zip(tensor.shape, tensor.stride(), strict=True):
        count //= size if stride == 0 and size else 1
    return count * tensor.element_size()


def _flops(func: Any, args: tuple, kwargs: dict, result: Any) -> int:
    formula = flop_registry.get(func._overloadpacket)
    return 0 if formula is None else formula(*args, **kwargs, out_val=result)


_library = torch.library.Library("_", "IMPL")
_library.fallback(lambda op, *args, **kwargs: _dispatch(op, args, kwargs), "PrivateUse1")

# Entries of torch that a backend in Python cannot serve from C++; what they do is the same, counted the same.
_tensor, _arange, _as_tensor = torch.tensor, torch.arange, torch.as_tensor
_getitem, _setitem = torch.Tensor.__getitem__, torch.Tensor.__setitem__


def _is_ours(device: Any) -> bool:
    return device is not None and not isinstance(device, int) and torch.device(device).type == NAME


def _on_device(index: Any) -> Any:
    """Lists in an index become tensors on the device, as torch makes them: a copy that the host waits for."""
    if isinstance(index, list):
        return _tensor(index).to(DEVICE)
    if isinstance(index, tuple):
        return tuple(_tensor(one).to(DEVICE) if isinstance(one, list | tuple) else one for one in index)
    return index


def _tensor_of(
    data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, **options: Any
) -> Tensor:
    if _is_ours(device):
        return _tensor(data, dtype=dtype).to(DEVICE).requires_grad_(requires_grad)
    return _tensor(data, dtype=dtype, device=device, requires_grad=requires_grad, **options)


def _arange_of(*args: Any, device: Any = None, **options: Any) -> Tensor:
    made = _arange(*args, device=None if _is_ours(device) else device, **options)
    if not _is_ours(device):
        return made
    ACTIVITY.operation("aten::arange")
    return PretendTensor(made.to("meta") if _hollow else made)


def _as_tensor_of(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    if isinstance(data, Tensor):
        return data.to(device=device or data.device, dtype=dtype or data.dtype)
    return (
        _tensor_of(data, dtype=dtype, device=device)
        if _is_ours(device)
        else _as_tensor(data, dtype=dtype, device=device)
    )


_replaced: dict[str, Callable] = {"tensor": _tensor_of, "arange": _arange_of, "as_tensor": _as_tensor_of}
for _name, _function in _replaced.items():
    setattr(torch, _name, _function)
