"""How much memory may still be taken: on a GPU, or by this process on this machine."""

import os
from collections.abc import Iterator
from pathlib import Path

_UNLIMITED = 1 << 60  # cgroup v1 writes the largest number of pages where there is no limit


def of_device(device: str) -> int | None:
    """Return the free bytes of a device as torch names it; None where nobody can tell."""
    kind = device.partition(":")[0]
    if kind == "cuda":
        import torch

        return int(torch.cuda.mem_get_info(device)[0])
    if kind == "mps":
        import torch

        taken = torch.mps.driver_allocated_memory()
        return max(0, int(torch.mps.recommended_max_memory() - taken))
    return of_machine()


def of_machine(root: Path = Path("/")) -> int | None:
    """Return the bytes that this process may still take: the machine's, or its container's.

    `root` is where /proc and /sys lie.
    """
    found = [*_of_containers(root)]
    available = _available(root / "proc/meminfo")
    if available is None:
        available = _physical()
    if available is not None:
        found.append(available)
    return max(0, min(found)) if found else None


def _available(meminfo: Path) -> int | None:
    for line in _lines(meminfo):
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            return int(value.split()[0]) * 1024
    return None


def _physical() -> int | None:
    """Return all of the memory, where the system doesn't say what of it is free."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _of_containers(root: Path) -> Iterator[int]:
    """Yield what is left under each limit of the control groups that this process is in."""
    for line in _lines(root / "proc/self/cgroup"):
        number, controllers, path = [*line.split(":", 2), "", ""][:3]
        if number == "0" and not controllers:  # cgroup v2
            names = ("memory.max", "memory.current", "inactive_file")
            top = root / "sys/fs/cgroup"
        elif "memory" in controllers.split(","):
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
            top = root / "sys/fs/cgroup/memory"
        else:
            continue
        # A group is held by the limits of those around it too. In a container the path may be
        # that of the host, which isn't there: then the topmost is our own.
        group = top / path.strip("/")
        for folder in (group, *group.parents):
            if (left := _left(folder, names)) is not None:
                yield left
            if folder == top:
                break


def _left(group: Path, names: tuple[str, str, str]) -> int | None:
    limit, usage = _number(group / names[0]), _number(group / names[1])
    if limit is None or usage is None or limit >= _UNLIMITED:
        return None
    cached = 0  # pages of files, which the kernel drops where memory is short
    for line in _lines(group / "memory.stat"):
        name, _, value = line.partition(" ")
        if name == names[2]:
            cached = int(value)
    return limit - usage + cached


def _number(path: Path) -> int | None:
    text = "".join(_lines(path)).strip()
    return int(text) if text.isdecimal() else None  # "max" is none


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
