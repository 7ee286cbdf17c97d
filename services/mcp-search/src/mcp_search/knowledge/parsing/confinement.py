"""Takes from the process that reads a file what it does not need: memory, time, files, network, other programs."""

import ctypes
import platform
import resource
import struct
import sys

from mcp_search.knowledge.parsing.limits import Limits

_OPEN_FILES = 32
_ALLOW, _REFUSE_WITH_EPERM, _KILL = 0x7FFF0000, 0x00050001, 0x80000000
_LOAD, _JUMP_IF_EQUAL, _JUMP_IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_X32 = 0x40000000
"""Numbers from here on are a second way of making the same calls on x86_64."""
_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER_MODE = 38, 22, 2
_REFUSED = {
    # audit's name of the machine, and there: socket, socketpair, connect, bind, sendto, execve, execveat, ptrace,
    # process_vm_readv, process_vm_writev, kill, tkill, fork-like calls excepted (limits of processes see to them),
    # bpf, io_uring_setup, unshare, setns, mount
    "x86_64": (0xC000003E, (41, 53, 42, 49, 44, 59, 322, 101, 310, 311, 62, 200, 321, 425, 272, 308, 165)),
    "aarch64": (0xC00000B7, (198, 199, 203, 200, 206, 221, 281, 117, 270, 271, 129, 130, 280, 425, 97, 268, 40)),
}  # fmt: skip


def confine(limits: Limits) -> None:
    """Once, before the file is looked at; it cannot be taken back.

    Memory, processor time and sizes of files are bounded wherever there are resource limits. On Linux (x86_64, arm64)
    the kernel also refuses sockets, other programs and looking into other processes, without special rights; where it
    has no such filter, the bounds alone hold.
    """
    _bound(resource.RLIMIT_AS, limits.memory_bytes)
    _bound(resource.RLIMIT_CPU, limits.cpu_s, spare=2)
    _bound(resource.RLIMIT_FSIZE, 0)
    _bound(resource.RLIMIT_CORE, 0)
    _bound(resource.RLIMIT_NOFILE, _OPEN_FILES)
    _bound(resource.RLIMIT_NPROC, 0)
    if sys.platform == "linux" and platform.machine() in _REFUSED:
        _refuse_calls(*_REFUSED[platform.machine()])


def _bound(what: int, most: int, spare: int = 0) -> None:
    """With `spare` the kernel warns first (SIGXCPU, which ends the process by its own name) and kills later."""
    _, hard = resource.getrlimit(what)
    bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
    try:
        resource.setrlimit(what, (bound, bound + spare if bound == most else hard))
    except ValueError:
        return  # macOS does not bound address space below what is taken already.


def _refuse_calls(machine: int, numbers: tuple[int, ...]) -> None:
    """A filter of system calls (seccomp, kernel documentation userspace-api/seccomp_filter)."""
    count = len(numbers)
    program = [
        (_LOAD, 0, 0, 4),
        (_JUMP_IF_EQUAL, 1, 0, machine),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, 0),
        (_JUMP_IF_AT_LEAST, count + 1, 0, _X32),
        *((_JUMP_IF_EQUAL, count - place, 0, number) for place, number in enumerate(numbers)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE_WITH_EPERM),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in program))
    told = ctypes.create_string_buffer(struct.pack("HP", len(program), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    libc.prctl(_SET_SECCOMP, _FILTER_MODE, told, 0, 0)
