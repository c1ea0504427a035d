"""Snapshots of arm64 KVM guests: read, compared, and planned for other hosts.

libvcpusnap does the work, which must be installed; the environment's VCPUSNAP_LIBRARY names another one.
"""

from __future__ import annotations

import ctypes
import json
import os
from ctypes import POINTER, byref, c_char, c_char_p, c_int, c_int32, c_int64, c_size_t, c_uint64, c_void_p
from dataclasses import dataclass
from typing import Any, Iterator, Optional, Union

__all__ = ["Difference", "Error", "Host", "Outcome", "Policy", "Report", "Snapshot", "VM", "compare", "describe",
           "register_id", "register_name", "version"]

#: Whose registers are meant, in the place of a vCPU's number.
VM = -1

#: What can have become of a register, in the order of vcpusnap_result.
OUTCOMES = ("restored", "already-equal", "kept-but-masked", "accepted-then-changed", "refused", "absent",
            "not-in-snapshot", "missing", "volatile", "skipped")

_STATUSES = ("ok", "argument", "system", "format", "not-found", "register", "mismatch", "canceled")
_LONGEST_VALUE = 256


class _Error(ctypes.Structure):
    _fields_ = [("status", c_int32), ("os_error", c_int32), ("register_id", c_uint64), ("message", c_char * 496)]


class _Outcome(ctypes.Structure):
    _fields_ = [("unit", c_int64), ("id", c_uint64), ("name", c_char_p), ("result", c_int32), ("os_error", c_int32),
                ("is_loss", c_int32), ("wanted", c_void_p), ("found", c_void_p), ("value_size", c_size_t),
                ("reason", c_char_p), ("pardon_rule", c_char_p), ("pardon_proof", c_char_p)]


class _Difference(ctypes.Structure):
    _fields_ = [("unit", c_int64), ("id", c_uint64), ("name", c_char_p), ("left", c_void_p), ("right", c_void_p),
                ("value_size", c_size_t), ("is_volatile", c_int32)]


_library = ctypes.CDLL(os.environ.get("VCPUSNAP_LIBRARY", "libvcpusnap.so.0"))


def _declare(name: str, result: Any, *arguments: Any) -> Any:
    function = getattr(_library, f"vcpusnap_{name}")
    function.restype, function.argtypes = result, arguments
    return function


def _fallible(name: str, *arguments: Any) -> Any:
    """A function whose last argument tells of a failure, which is raised."""
    function = _declare(name, c_int, *arguments, POINTER(_Error))

    def call(*given: Any) -> None:
        error = _Error()
        if function(*given, byref(error)) != 0:
            raise Error(error)

    return call


_object, _new = c_void_p, POINTER(c_void_p)
_version = _declare("version", c_char_p)
_read_file = _fallible("snapshot_read_file", c_char_p, _new)
_decode = _fallible("snapshot_decode", c_char_p, c_size_t, _new)
_encode = _fallible("snapshot_encode", _object, POINTER(c_void_p), POINTER(c_size_t))
_write_file = _fallible("snapshot_write_file", _object, c_char_p)
_vcpu_count = _declare("snapshot_vcpu_count", c_size_t, _object)
_vcpu_index = _declare("snapshot_vcpu_index", c_int64, _object, c_size_t)
_register_count = _declare("snapshot_register_count", c_size_t, _object, c_int64)
_register_id = _declare("snapshot_register_id", c_uint64, _object, c_int64, c_size_t)
_get = _fallible("snapshot_get", _object, c_int64, c_uint64, c_void_p, c_size_t, POINTER(c_size_t))
_set = _fallible("snapshot_set", _object, c_int64, c_uint64, c_void_p, c_size_t)
_get_provenance = _declare("snapshot_get_provenance", c_char_p, _object, c_char_p)
_set_provenance = _fallible("snapshot_set_provenance", _object, c_char_p, c_char_p)
_policy_create = _fallible("policy_create", c_char_p, _new)
_host_open = _fallible("host_open", c_char_p, _new)
_host_record = _fallible("host_record", _new)
_host_text = _declare("host_text", c_char_p, _object)
_plan = _fallible("plan", _object, _object, _object, _new)
_is_complete = _declare("report_is_complete", c_int, _object)
_loss_count = _declare("report_loss_count", c_size_t, _object)
_report_next = _declare("report_next", c_int, _object, POINTER(_Outcome))
_report_json = _declare("report_json", c_char_p, _object)
_compare = _fallible("compare", _object, _object, _new)
_is_same = _declare("difference_is_same", c_int, _object)
_difference_next = _declare("difference_next", c_int, _object, POINTER(_Difference))
_size = _declare("register_size", c_size_t, c_uint64)
_name = _declare("register_name", c_size_t, c_uint64, c_char_p, c_size_t)
_find = _fallible("register_find", c_char_p, POINTER(c_uint64))
_describe = _declare("register_describe", c_size_t, c_uint64, c_void_p, c_size_t, c_char_p, c_size_t)


class Error(Exception):
    """Why something was not done: in words, and by kind, errno and register where it is about one."""

    def __init__(self, error: _Error) -> None:
        super().__init__(error.message.decode(errors="replace"))
        self.kind: str = _STATUSES[error.status]
        self.errno: Optional[int] = error.os_error or None
        self.register_id: Optional[int] = error.register_id or None


class _Handle:
    """An object of the library, which goes with this one."""

    _type = ""

    def __init__(self, create: Any, *arguments: Any) -> None:
        handle = c_void_p()
        create(*arguments, byref(handle))
        self._handle = handle
        self._destroy = _declare(f"{self._type}_destroy", None, _object)

    def __del__(self) -> None:
        if hasattr(self, "_destroy"):
            self._destroy(self._handle)


def _path(path: Union[str, os.PathLike[str]]) -> bytes:
    return os.fsencode(path)


def _text(value: Optional[bytes]) -> Optional[str]:
    return None if value is None else value.decode(errors="replace")


def _number(start: Optional[int], size: int) -> Optional[int]:
    return None if start is None else int.from_bytes(ctypes.string_at(start, size), "little")


def version() -> str:
    """The library's version."""
    return _version().decode()


def register_name(register: int) -> str:
    """The name of a register's id."""
    text = ctypes.create_string_buffer(_name(register, None, 0) + 1)
    _name(register, text, len(text))
    return text.value.decode()


def register_id(register: Union[int, str]) -> int:
    """The id of a register by its name, or by any other spelling that `vcpusnap register` takes."""
    if isinstance(register, int):
        return register
    found = c_uint64()
    _find(register.encode(), byref(found))
    return found.value


def describe(register: Union[int, str], value: int) -> str:
    """What a value means, a line for each field; empty where nothing is known of the register's fields."""
    number = register_id(register)
    content = value.to_bytes(_size(number), "little")
    text = ctypes.create_string_buffer(_describe(number, content, len(content), None, 0) + 1)
    _describe(number, content, len(content), text, len(text))
    return text.value.decode()


class Snapshot(_Handle):
    """The state of a VM and its vCPUs."""

    _type = "snapshot"

    def __init__(self, path: Union[str, os.PathLike[str]]) -> None:
        """Reads a file: a snapshot, or a QEMU stream."""
        super().__init__(_read_file, _path(path))

    @classmethod
    def decode(cls, content: bytes) -> Snapshot:
        """Reads a snapshot's file from memory."""
        snapshot = cls.__new__(cls)
        _Handle.__init__(snapshot, _decode, content, len(content))
        return snapshot

    def encode(self) -> bytes:
        """The bytes of a snapshot's file."""
        start, size = c_void_p(), c_size_t()
        _encode(self._handle, byref(start), byref(size))
        return ctypes.string_at(start, size.value)

    def write(self, path: Union[str, os.PathLike[str]]) -> None:
        """Writes the file, whole or not at all."""
        _write_file(self._handle, _path(path))

    @property
    def vcpus(self) -> list[int]:
        """The numbers of its vCPUs."""
        return [_vcpu_index(self._handle, place) for place in range(_vcpu_count(self._handle))]

    def ids(self, unit: int = 0) -> list[int]:
        """The registers of a vCPU, or of `VM`, ascending."""
        return [_register_id(self._handle, unit, place) for place in range(_register_count(self._handle, unit))]

    def get(self, register: Union[int, str], unit: int = 0) -> int:
        """The value of a register."""
        room, length = ctypes.create_string_buffer(_LONGEST_VALUE), c_size_t()
        _get(self._handle, unit, register_id(register), room, len(room), byref(length))
        return int.from_bytes(room.raw[:length.value], "little")

    def set(self, register: Union[int, str], value: int, unit: int = 0) -> None:
        """Replaces the value of a register, or adds it."""
        number = register_id(register)
        content = value.to_bytes(_size(number), "little")
        _set(self._handle, unit, number, content, len(content))

    def provenance(self, key: str) -> Optional[str]:
        """What it says of where it comes from: `kernel`, `tool`, `time`, ..."""
        return _text(_get_provenance(self._handle, key.encode()))

    def set_provenance(self, key: str, value: Optional[str]) -> None:
        """Says it, or takes it away."""
        _set_provenance(self._handle, key.encode(), None if value is None else value.encode())

    def to_dict(self) -> dict[int, dict[str, int]]:
        """All values, by unit and name."""
        units = ([VM] if self.ids(VM) else []) + self.vcpus
        return {unit: {register_name(number): self.get(number, unit) for number in self.ids(unit)} for unit in units}

    def plan(self, host: Host, policy: Optional[Policy] = None) -> Report:
        """Says what a restore on a host will do."""
        return Report(_plan, self._handle, host._handle, policy._handle if policy else None)


class Policy(_Handle):
    """Which losses do not count: "exact", "safe", "force", or the text of a policy's file."""

    _type = "policy"

    def __init__(self, preset_or_text: str) -> None:
        super().__init__(_policy_create, preset_or_text.encode())


class Host(_Handle):
    """What is known of a host's KVM."""

    _type = "host"

    def __init__(self, path_or_name: Union[str, os.PathLike[str]]) -> None:
        """Reads a profile's file, or takes a built-in one by its name."""
        super().__init__(_host_open, _path(path_or_name))

    @classmethod
    def record(cls) -> Host:
        """Records this machine's."""
        host = cls.__new__(cls)
        _Handle.__init__(host, _host_record)
        return host

    @property
    def text(self) -> str:
        """The text of the profile's file."""
        return _host_text(self._handle).decode()


@dataclass(frozen=True)
class Outcome:
    """What becomes of a register."""

    unit: int
    id: int
    name: str
    outcome: str
    errno: Optional[int]
    is_loss: bool
    wanted: Optional[int]
    found: Optional[int]
    reason: Optional[str]
    pardon_rule: Optional[str]
    pardon_proof: Optional[str]


class Report(_Handle):
    """What becomes of every register."""

    _type = "report"

    @property
    def is_complete(self) -> bool:
        """Whether nothing is lost but what the policy pardons."""
        return _is_complete(self._handle) != 0

    @property
    def loss_count(self) -> int:
        """How many registers are lost that the policy does not pardon."""
        return _loss_count(self._handle)

    def outcomes(self) -> list[Outcome]:
        """The account of each register."""
        entry, result = _Outcome(), []
        while _report_next(self._handle, byref(entry)):
            result.append(Outcome(
                entry.unit, entry.id, entry.name.decode(), OUTCOMES[entry.result], entry.os_error or None,
                entry.is_loss != 0, _number(entry.wanted, entry.value_size), _number(entry.found, entry.value_size),
                _text(entry.reason), _text(entry.pardon_rule), _text(entry.pardon_proof)))
        return result

    def losses(self) -> list[Outcome]:
        """Those that count."""
        return [outcome for outcome in self.outcomes() if outcome.is_loss]

    def to_dict(self) -> dict[str, Any]:
        """The whole report, as Formats/json-output.md describes it."""
        return json.loads(_report_json(self._handle))


@dataclass(frozen=True)
class Difference:
    """A register that is not the same in two snapshots; None on the side that does not have it."""

    unit: int
    id: int
    name: str
    left: Optional[int]
    right: Optional[int]
    is_volatile: bool


class _Comparison(_Handle):
    _type = "difference"

    def __iter__(self) -> Iterator[Difference]:
        entry = _Difference()
        while _difference_next(self._handle, byref(entry)):
            yield Difference(
                entry.unit, entry.id, entry.name.decode(), _number(entry.left, entry.value_size),
                _number(entry.right, entry.value_size), entry.is_volatile != 0)


def compare(left: Snapshot, right: Snapshot) -> list[Difference]:
    """The registers in which two snapshots differ."""
    return list(_Comparison(_compare, left._handle, right._handle))
