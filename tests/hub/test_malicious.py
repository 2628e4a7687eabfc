"""Files that try to run something, to exhaust the machine or to pass for another kind are refused; nothing runs."""

import contextlib
import copyreg
import io
import marshal
import pickle
import random
import re
import struct
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from adapter.eg3d.legacy_checkpoint import read_legacy_checkpoint
from adapter.errors import UserError

WATCHED = {
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "subprocess.Popen",
    "pickle.find_class",
    "exec",
    "compile",
    "import",
}
SECONDS, KILOBYTES = 2.0, 64 << 10
COUNTED, COUNTING_SECONDS = 1_000_000, 0.03
START = b"\x80\x04"

_watching = False
_events: list[str] = []


def _hook(event: str, args: tuple) -> None:
    if _watching and event in WATCHED:
        _events.append(f"{event} {args}")


sys.addaudithook(_hook)


def watched_read(path: Path, reason: str = "") -> list[str]:
    """Read a file that must be refused, with a message that matches; return what was imported or run meanwhile."""
    global _watching
    _events.clear()
    _watching = True
    try:
        with pytest.raises(UserError) as caught:
            read_legacy_checkpoint(path)
    finally:
        _watching = False
    message = str(caught.value)
    assert re.search(reason, message)
    assert message.startswith(path.name)
    assert message.endswith(".")
    assert "\n" not in message
    assert len(message) < 400
    return list(_events)


def seconds_of(read: Callable[[], list[str]]) -> float:
    """Seconds of processor time that a read takes at which nothing runs, where counting to a million takes 30 ms.

    Slower ones, and those that are busy with other tests, are slower at both.
    """
    start = time.process_time()
    assert read() == []
    middle = time.process_time()
    for _ in range(COUNTED):
        pass
    return (middle - start) / max((time.process_time() - middle) / COUNTING_SECONDS, 1.0)


def text(value: str) -> bytes:
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def blob(value: bytes) -> bytes:
    return b"B" + struct.pack("<I", len(value)) + value


def name(module: str, attribute: str) -> bytes:
    return text(module) + text(attribute) + b"\x93"


def whole(value: int) -> bytes:
    return b"\x8a\x10" + value.to_bytes(16, "little", signed=True)


def call(function: bytes, *arguments: bytes) -> bytes:
    return function + b"(" + b"".join(arguments) + b"tR"


def snapshot(network: bytes) -> bytes:
    """A file that holds only ``network`` as its G_ema."""
    return START + b"}" + text("G_ema") + network + b"s."


def storage(count: int = 4, declared: int | None = None, kind: bytes = b"ctorch\nFloatStorage\n") -> bytes:
    """A storage of ``count`` zeros in the nested format that torch writes."""
    return call(LOAD, blob(nested(count, count if declared is None else declared, kind)))


def nested(count: int, declared: int, kind: bytes) -> bytes:
    identity = b"(" + text("storage") + kind + text("0") + text("cpu") + whole(declared) + b"Nt"
    pickles = [pickle.dumps(0x1950A86A20F9469CFC6C, 2), pickle.dumps(1001, 2), pickle.dumps({"little_endian": True}, 2)]
    pickles += [b"\x80\x02" + identity + b"Q.", pickle.dumps(["0"], 2)]
    return b"".join(pickles) + struct.pack("<q", declared) + bytes(4 * count)


def tensor(data: bytes, offset: int, shape: tuple, stride: tuple) -> bytes:
    sizes, steps = (b"(" + b"".join(map(whole, numbers)) + b"t" for numbers in (shape, stride))
    return call(REBUILD, data, whole(offset), sizes, steps, b"\x89", b"}")


def network(fields: bytes) -> bytes:
    """A network whose attributes are the items that ``fields`` pushes."""
    meta = text("type") + text("class") + text("class_name") + text("G") + text("state") + b"}(" + fields + b"u"
    return call(PERSISTENT, b"}(" + meta + b"u")


LOAD = name("torch.storage", "_load_from_bytes")
REBUILD = name("torch._utils", "_rebuild_tensor_v2")
PERSISTENT = name("torch_utils.persistence", "_reconstruct_persistent_obj")
SYSTEM = name("os", "system")
STUB = name("training.triplane", "OSGDecoder") + b")\x81"


def bytecode(command: str) -> bytes:
    return marshal.dumps(compile(f"__import__('os').system({command!r})", "x", "eval"))


RUNNING = {
    "reduce_global": lambda c: START + b"cos\nsystem\n(" + text(c) + b"tR.",
    "reduce_stack_global": lambda c: START + call(name("posix", "system"), text(c)) + b".",
    "reduce_inside_network": lambda c: snapshot(network(text("_parameters") + call(SYSTEM, text(c)))),
    "reduce_in_source_text": lambda c: snapshot(call(PERSISTENT, call(name("builtins", "exec"), text(c)))),
    "inst": lambda c: START + b"(" + text(c) + b"ios\nsystem\n.",
    "inst_protocol_0": lambda c: b"(S" + repr(c).encode() + b"\nios\nsystem\n.",
    "obj": lambda c: START + b"(cos\nsystem\n" + text(c) + b"o.",
    "obj_of_stub": lambda c: START + b"(ctraining.triplane\nOSGDecoder\n" + text(c) + b"o.",
    "newobj_ex_of_stub": lambda c: START + name("training.triplane", "OSGDecoder") + b")}\x92.",
    "newobj": lambda c: START + name("subprocess", "Popen") + b"(](" + text("sh") + text("-c") + text(c) + b"et\x81.",
    "newobj_ex": lambda c: START + name("subprocess", "Popen") + b"(](" + text("sh") + text(c) + b"et}\x92.",
    "eval": lambda c: START + call(name("builtins", "eval"), text(f"__import__('os').system({c!r})")) + b".",
    "exec": lambda c: START + call(name("__builtin__", "exec"), text(f"import os; os.system({c!r})")) + b".",
    "getattr_chain": lambda c: (
        START
        + call(
            call(name("builtins", "getattr"), call(name("builtins", "__import__"), text("os")), text("system")), text(c)
        )
        + b"."
    ),
    "dotted_getattr": lambda c: START + call(name("torch.nn.modules.module", "torch.os.system"), text(c)) + b".",
    "dotted_stub": lambda c: START + call(name("training.triplane", "OSGDecoder.__init__"), text(c)) + b".",
    "attrgetter": lambda c: (
        START + call(call(name("operator", "attrgetter"), text("system")), name("training", "os")) + text(c) + b"."
    ),
    "methodcaller": lambda c: START + call(name("operator", "methodcaller"), text("system"), text(c)) + b".",
    "partial": lambda c: START + call(call(name("functools", "partial"), SYSTEM, text(c))) + b".",
    "map": lambda c: START + call(name("builtins", "list"), call(name("builtins", "map"), SYSTEM, text(c))) + b".",
    "bytecode": lambda c: (
        START
        + call(call(name("types", "FunctionType"), call(name("marshal", "loads"), blob(bytecode(c))), b"}"))
        + b"."
    ),
    "pickle_in_pickle": lambda c: START + call(name("pickle", "loads"), blob(RUNNING["reduce_global"](c))) + b".",
    "torch_load": lambda c: START + call(name("torch", "load"), text(c)) + b".",
    "torch_hub": lambda c: START + call(name("torch.hub", "load"), text(c)) + b".",
    "numpy_load": lambda c: START + call(name("numpy", "load"), text(c)) + b".",
    "runpy": lambda c: START + call(name("runpy", "run_path"), text(c)) + b".",
    "pickle_in_storage": lambda c: snapshot(tensor(call(LOAD, blob(RUNNING["reduce_global"](c))), 0, (1,), (1,))),
    "name_in_storage": lambda c: snapshot(tensor(storage(kind=b"cos\nsystem\n"), 0, (1,), (1,))),
    "call_in_storage": lambda c: snapshot(tensor(storage(kind=b"cos\nsystem\n(" + text(c) + b"tR"), 0, (1,), (1,))),
    "build_class": lambda c: snapshot(STUB + b"}(" + text("__class__") + name("training", "os") + b"ub"),
    "build_setstate": lambda c: snapshot(STUB + b"}(" + text("__setstate__") + text(c) + b"ub" + text(c) + b"b"),
    "build_slots": lambda c: snapshot(STUB + b"N}(" + text("__dict__") + text(c) + b"u\x86b"),
    "build_a_name": lambda c: snapshot(name("training.triplane", "OSGDecoder") + b"}(" + text("a") + text(c) + b"ub"),
    "build_a_dictionary": lambda c: snapshot(b"}}(" + text("keys") + text(c) + b"ub"),
    "build_a_function": lambda c: snapshot(LOAD + b"}(" + text("__globals__") + b"}ub"),
    "dunder_in_network": lambda c: snapshot(network(text("__reduce__") + text(c))),
    "memo_swap": lambda c: START + PERSISTENT + b"q\x05" + SYSTEM + b"q\x05h\x05(" + text(c) + b"tR.",
    "memo_of_name": lambda c: (
        START + text("os") + b"q\x01" + text("system") + b"q\x02h\x01h\x02\x93(" + text(c) + b"tR."
    ),
    "memo_missing": lambda c: START + b"h\x07(" + text(c) + b"tR.",
    "memo_far": lambda c: START + b"Nr\xff\xff\xff\xffj\xfe\xff\xff\xff.",
    "persistent_id": lambda c: START + b"P" + c.encode() + b"\n.",
    "binary_persistent_id": lambda c: START + text(c) + b"Q.",
    "extension_1": lambda c: START + b"\x82\xf0(" + text(c) + b"tR.",
    "extension_2": lambda c: START + b"\x83\xf0\x00(" + text(c) + b"tR.",
    "extension_4": lambda c: START + b"\x84\xf0\x00\x00\x00(" + text(c) + b"tR.",
    "buffers": lambda c: START + b"\x97\x98.",
    "call_of_class": lambda c: snapshot(call(name("training.triplane", "OSGDecoder"), text(c))),
    "call_of_text": lambda c: snapshot(call(text("os.system"), text(c))),
    "call_with_a_list": lambda c: START + name("collections", "OrderedDict") + b"](" + text(c) + b"eR.",
    "dictionary_of_arguments": lambda c: snapshot(call(name("collections", "OrderedDict"), text(c))),
    "newobj_of_function": lambda c: snapshot(LOAD + b")\x81"),
    "storage_of_text": lambda c: snapshot(tensor(call(LOAD, text(c)), 0, (1,), (1,))),
    "tensor_of_text": lambda c: snapshot(tensor(text(c), 0, (1,), (1,))),
    "odd_number_type": lambda c: snapshot(call(name("numpy", "dtype"), text("O"), b"\x89", b"\x88")),
    "parameter_of_text": lambda c: snapshot(call(name("torch._utils", "_rebuild_parameter"), text(c), b"\x89", b"}")),
}

LAUGHS = b"](](NNNNNNNNNNeq\x00"
for level in range(40):
    LAUGHS += b"](" + (b"h" + bytes([level])) * 10 + b"eq" + bytes([level + 1])
LAUGHS += b"e"

EXHAUSTING = {
    "huge_bytes8": (START + b"\x8e" + struct.pack("<Q", 1 << 60) + b"x.", "declares more data"),
    "huge_bytes4": (START + b"B" + struct.pack("<I", (1 << 32) - 1) + b"x.", "declares more data"),
    "huge_text8": (START + b"\x8d" + struct.pack("<Q", 1 << 60) + b"x.", "declares more data"),
    "huge_text4": (START + b"X" + struct.pack("<I", (1 << 32) - 1) + b"x.", "declares more data"),
    "huge_bytearray": (START + b"\x96" + struct.pack("<Q", 1 << 60) + b"x.", "declares more data"),
    "huge_long": (START + b"\x8b" + struct.pack("<i", (1 << 31) - 1) + b"x.", "declares more data"),
    "negative_long": (START + b"\x8b" + struct.pack("<i", -1) + b"x.", "damaged"),
    "endless_decimal": (b"I" + b"9" * 5_000_000 + b"\n.", "not a pickle"),
    "endless_name": (START + b"c" + b"a" * 5_000_000, "overlong name"),
    "endless_stacked_name": (START + text("a" * 5_000_000) + text("b") + b"\x93" * 2 + b".", "damaged"),
    "much_text": (START + text("ab" * (9 << 20)) + b".", "far more text"),
    "huge_tensor": (snapshot(tensor(storage(), 0, (1 << 40,), (1,))), "larger than its data"),
    "huge_tensor_by_zero_stride": (snapshot(tensor(storage(), 0, (1 << 20, 1 << 20), (0, 0))), "larger than its data"),
    "many_dimensions": (snapshot(tensor(storage(), 0, (1,) * 9, (1,) * 9)), "a tensor that is not one"),
    "view_outside": (snapshot(tensor(storage(), 0, (2, 2), (3, 1))), "outside its data"),
    "offset_outside": (snapshot(tensor(storage(), 5, (1,), (1,))), "outside its data"),
    "negative_offset": (snapshot(tensor(storage(), -1, (1,), (1,))), "a tensor that is not one"),
    "negative_stride": (snapshot(tensor(storage(), 3, (2,), (-1,))), "a tensor that is not one"),
    "negative_size": (snapshot(tensor(storage(), 0, (-1, -4), (1, 1))), "a tensor that is not one"),
    "huge_storage": (snapshot(tensor(storage(4, declared=1 << 40), 0, (4,), (1,))), "another size"),
    "negative_storage": (snapshot(tensor(storage(0, declared=-4), 0, (0,), (1,))), "unknown format"),
    "endless_instructions": (START + b"N" * 3_000_000 + b".", "far more work"),
    "endless_marks": (START + b"(" * 3_000_000 + b".", "far more work"),
    "endless_nesting": (START + b"]" + b"\x85" * 3_000_000 + b".", "far more work"),
    "endless_memo": (START + b"N" + b"\x94" * 3_000_000 + b".", "far more work"),
    "endless_storage_headers": (
        START + blob(nested(4, 4, b"ctorch\nFloatStorage\n")) + b"q\x00" + (LOAD + b"h\x00\x85R") * 20_000 + b".",
        "far more work",
    ),
    "equal_keys": (
        START + b"}(" + b"".join(whole(number * ((1 << 61) - 1)) + b"N" for number in range(9999)) + b"u.",
        "dictionary keys",
    ),
    "tuples_of_one_hash": (
        START
        + b"}("
        + b"".join(
            b"(" + b"".join(b"J" + struct.pack("<i", -1 - (number >> bit & 1)) for bit in range(13)) + b"tN"
            for number in range(1 << 13)
        )
        + b"u.",
        "dictionary keys",
    ),
    "numbers_of_one_hash": (
        START + b"}(" + b"".join(b"G" + struct.pack(">d", 2.0 ** (61 * n)) + b"N" for n in range(16)) + b"u.",
        "dictionary keys",
    ),
    "key_by_key": (START + b"}" + b"K\x01\x85Ns" * 40_000 + b".", "dictionary keys"),
    "remembered_key": (START + b"G" + bytes(8) + b"q\x000}h\x00Ns.", "no official file needs|dictionary keys"),
    "far_memo": (START + b"Nr\xf0\xff\xff\xff.", "no pickler would choose"),
    "far_memo_short": (START + b"Nq\xff.", "no pickler would choose"),
    "huge_frame": (START + b"\x95" + struct.pack("<Q", 1 << 60) + b"N.", "declares more data"),
    "deep_tuples": (START + b"N" + b"\x85" * 150_000 + b".", "holds no network"),
    "deep_lists": (START + b"](" * 60_000 + b"e" * 60_000 + b".", "damaged|holds no network"),
    "one_state_many_times": (
        START
        + b"}("
        + b"".join(text(f"a{n}") + b"N" for n in range(4000))
        + b"uq\x00"
        + STUB
        + b"q\x01"
        + b"h\x01h\x00b" * 30_000
        + b".",
        "holds no network",
    ),
    "state_of_a_function": (snapshot(LOAD + b"}" + text("a") + b"Nsb"), "state to something that has none"),
    "state_of_a_dictionary_class": (
        START + name("collections", "OrderedDict") + b"N}" + text("__init__") + b"Ns\x86b.",
        "damaged",
    ),
    "state_of_a_dictionary": (
        snapshot(name("collections", "OrderedDict") + b")\x81N}" + text("keys") + b"Ns\x86b"),
        "state to something that has none",
    ),
    "state_of_a_record_class": (START + name("training.triplane", "OSGDecoder") + b"N}\x86b.", "damaged"),
    "state_of_a_dtype": (
        snapshot(tensor(storage(kind=b"ctorch\nFloatStorage\nN}" + text("x") + b"Ns\x86b"), 0, (4,), (1,))),
        "no official file needs|damaged",
    ),
    "state_of_a_tensor": (
        snapshot(tensor(storage(), 0, (4,), (1,)) + b"(" + storage(0) + whole(0) + b"(" + whole(1 << 40) + b"t)tb"),
        "state to something that has none",
    ),
    "items_of_a_tensor": (
        START + tensor(storage(20_000), 0, (1, 20_000), (1, 1)) + b"q\x00" + b"K\x00h\x00s" * 40_000 + b".",
        "damaged",
    ),
    "sum_of_tensors": (
        START
        + tensor(storage(20_000), 0, (20_000, 1), (1, 1))
        + b"("
        + tensor(storage(20_000), 0, (1, 20_000), (1, 1))
        + b"\x90.",
        "items of a set",
    ),
    "sum_with_a_number": (START + tensor(storage(), 0, (4,), (1,)) + b"(K\x01\x90.", "damaged"),
    "set_of_one_hash": (
        START + b"\x8f(" + b"".join(whole(number * ((1 << 61) - 1)) for number in range(60_000)) + b"\x90.",
        "items of a set",
    ),
    "set_of_a_deep_tuple": (START + b"\x8f(N" + b"\x85" * 150_000 + b"\x90.", "items of a set"),
    "deep_records": (START + STUB + STUB * 32_000 + b"b" * 32_000 + b".", "holds no network"),
    "many_number_keys": (
        START + b"}(" + b"".join(b"J" + struct.pack("<i", n << 14) + b"N" for n in range(90_000)) + b"u.",
        "holds no network",
    ),
    "items_of_a_record": (snapshot(STUB + text("a") + b"Ns"), "damaged"),
    "laughs_in_settings": (
        snapshot(
            network(
                text("_parameters")
                + b"}"
                + text("w")
                + tensor(storage(), 0, (4,), (1,))
                + b"s"
                + text("_init_kwargs")
                + b"}"
                + text("a")
                + LAUGHS
                + b"s"
            )
        ),
        "settings without end",
    ),
    "network_in_itself": (
        snapshot(STUB + b"\x94}(" + text("_modules") + b"}(" + text("a") + b"h\x00" + text("b") + b"h\x00uub"),
        "networks without end",
    ),
    "settings_in_themselves": (
        snapshot(
            network(
                text("_parameters")
                + b"}"
                + text("w")
                + tensor(storage(), 0, (4,), (1,))
                + b"s"
                + text("rendering_kwargs")
                + b"}\x94"
                + text("a")
                + b"h\x00s"
            )
        ),
        "settings without end",
    ),
}


def _zip() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("data.pkl", START + b"cos\nsystem\n.")
    return target.getvalue()


def _tar() -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("\x02"), io.BytesIO(b""))
    return target.getvalue()


def _saved(zipped: bool) -> bytes:
    target = io.BytesIO()
    torch.save({"G_ema": torch.zeros(3)}, target, _use_new_zipfile_serialization=zipped)
    return target.getvalue()


DISGUISED = {
    "empty": (b"", "is empty"),
    "zip": (_zip(), "is a zip archive"),
    "tar": (_tar(), "is a tar archive"),
    "tar_that_starts_as_a_pickle": (START + _tar()[2:], "is a tar archive"),
    "gzip": (b"\x1f\x8b\x08" + bytes(40), "is a gzip archive"),
    "torch_save": (_saved(True), "is a zip archive"),
    "old_torch_save": (_saved(False), "goes on after its end"),
    "pickle_and_zip": (snapshot(b"N") + _zip(), "goes on after its end"),
    "text": (b"The file could not be found.\n", "is not a pickle"),
    "page": (b"<!DOCTYPE html><html>404</html>", "is a web page"),
    "pointer": (b"version https://git-lfs and so on\n", "is a Git LFS pointer"),
    "noise": (random.Random(0).randbytes(5000), "is not a pickle"),
    "noise_that_starts_as_a_pickle": (START + random.Random(0).randbytes(5000), "no official file needs|damaged"),
    "list": (START + b"].", "holds no network named G_ema"),
    "no_network": (snapshot(b"N"), "holds no network named G_ema"),
    "network_without_tensors": (snapshot(STUB), "holds no network in the layout"),
    "protocol_0": (b"(lp0\n.", "is not a pickle"),
    "protocol_9": (b"\x80\x09N.", "is not a pickle"),
}


@pytest.fixture
def extension_code():
    copyreg.add_extension("os", "system", 0xF0)
    yield
    copyreg.remove_extension("os", "system", 0xF0)


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    return tmp_path / "ran"


def test_the_trap_works(tmp_path, trap):
    pickle.loads(RUNNING["reduce_global"](f"touch {trap}"))
    assert trap.exists()


@pytest.mark.usefixtures("extension_code")
@pytest.mark.parametrize("kind", RUNNING)
def test_nothing_runs(tmp_path, trap, kind):
    path = tmp_path / "evil.pkl"
    path.write_bytes(RUNNING[kind](f"touch {trap}"))
    assert seconds_of(lambda: watched_read(path, r"it (?!is truncated)")) < SECONDS
    assert not trap.exists()


def kilobytes(entry: str) -> int:
    """A size from the process's status, or 0 where the system does not tell."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) for line in lines if line.startswith(entry)), 0)


@pytest.mark.parametrize("kind", EXHAUSTING)
def test_nothing_is_exhausted(tmp_path, kind):
    path = tmp_path / "evil.pkl"
    raw, reason = EXHAUSTING[kind]
    path.write_bytes(raw)
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # starts the peak afresh
    memory = kilobytes("VmRSS")
    assert seconds_of(lambda: watched_read(path, reason)) < SECONDS
    assert kilobytes("VmHWM") - memory < KILOBYTES


def test_a_refused_file_changes_nothing_for_the_next(tmp_path, small_file):
    for kind in ("state_of_a_dictionary_class", "state_of_a_record_class", "state_of_a_dictionary"):
        evil, good = tmp_path / "evil.pkl", tmp_path / "good.pkl"
        evil.write_bytes(EXHAUSTING[kind][0])
        watched_read(evil)
        good.write_bytes(small_file)
        assert list(read_legacy_checkpoint(good).tensors) == ["decoder.net.0.weight", "decoder.net.0.bias"]


@pytest.mark.parametrize("kind", DISGUISED)
def test_other_files_are_called_by_their_name(tmp_path, kind):
    raw, reason = DISGUISED[kind]
    path = tmp_path / "other.pkl"
    path.write_bytes(raw)
    assert watched_read(path, reason) == []


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        read_legacy_checkpoint(tmp_path / "nowhere.pkl")
    with pytest.raises(UserError, match="is not a file"):
        read_legacy_checkpoint(tmp_path)


def test_safetensors_under_another_name(tmp_path):
    save_file({"a": torch.zeros(3)}, tmp_path / "a.pkl")
    assert watched_read(tmp_path / "a.pkl") == []


@pytest.fixture(scope="module")
def small_file(tmp_path_factory, write_official) -> bytes:
    tiny = nn.ModuleDict({"decoder": nn.ModuleDict({"net": nn.Sequential(nn.Linear(2, 3))})})
    return write_official(tmp_path_factory.mktemp("small") / "small.pkl", tiny).read_bytes()


def test_file_cut_anywhere_is_refused(tmp_path, small_file):
    path = tmp_path / "cut.pkl"
    for end in [*range(1, len(small_file), 97), len(small_file) - 1]:
        path.write_bytes(small_file[:end])
        assert watched_read(path) == []


def test_changed_bytes_are_read_or_refused_but_never_run(tmp_path, small_file):
    path = tmp_path / "changed.pkl"
    path.write_bytes(small_file)
    assert list(read_legacy_checkpoint(path).tensors) == ["decoder.net.0.weight", "decoder.net.0.bias"]
    chance = random.Random(0)
    refused = 0
    for _ in range(400):
        changed = bytearray(small_file)
        for _ in range(chance.choice((1, 1, 4))):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        path.write_bytes(changed)
        try:
            dict(read_legacy_checkpoint(path).tensors)
        except UserError:
            refused += 1
    assert refused > 100
