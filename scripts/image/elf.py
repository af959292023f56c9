"""What the dynamic loader reads of a program or library: which others it needs, and where it looks for them."""

import dataclasses
import os
import pathlib
import struct

MACHINES = {62: ("amd64", "x86_64-linux-gnu"), 183: ("arm64", "aarch64-linux-gnu")}
PT_LOAD, PT_DYNAMIC, PT_INTERP = 1, 2, 3
DT_NEEDED, DT_STRTAB, DT_SONAME, DT_RPATH, DT_RUNPATH = 1, 5, 14, 15, 29


class NotELF(Exception):
    pass


@dataclasses.dataclass(frozen=True)
class Elf:
    path: pathlib.Path
    machine: int
    interpreter: str | None
    needed: tuple[str, ...]
    soname: str | None
    runpath: tuple[str, ...]

    @property
    def architecture(self):
        """As Debian and OCI call it."""
        return MACHINES[self.machine][0]


def read(path):
    """Throws NotELF for what is no 64-bit ELF file of a machine that images are made for."""
    data = pathlib.Path(path).read_bytes()
    if data[:6] != b"\x7fELF\x02\x01":
        raise NotELF(f"{path} is no 64-bit little-endian ELF file")
    try:
        return _parse(pathlib.Path(path), data)
    except struct.error as error:
        raise NotELF(f"{path} is cut short: {error}") from None


def _parse(path, data):
    machine = struct.unpack_from("<H", data, 18)[0]
    if machine not in MACHINES:
        raise NotELF(f"{path} is for machine {machine}; images are made for {', '.join(name for name, _ in MACHINES.values())}")
    offset, size, count = struct.unpack_from("<Q", data, 32)[0], *struct.unpack_from("<HH", data, 54)
    segments = [struct.unpack_from("<IIQQQQQQ", data, offset + size * index) for index in range(count)]
    loads = [(address, start, length) for kind, _, start, address, _, length, _, _ in segments if kind == PT_LOAD]

    def text(start):
        return data[start : data.index(b"\0", start)].decode()

    def file_offset(address):
        for first, start, length in loads:
            if first <= address < first + length:
                return address - first + start
        raise NotELF(f"{path}: no segment holds address {address:#x}")

    interpreter = next((text(start) for kind, _, start, *_ in segments if kind == PT_INTERP), None)
    entries = []
    for kind, _, start, _, _, length, _, _ in segments:
        if kind == PT_DYNAMIC:
            entries = [struct.unpack_from("<qQ", data, start + at) for at in range(0, length, 16)]
    strings = next((file_offset(value) for tag, value in entries if tag == DT_STRTAB), None)

    def names(*tags):
        return tuple(text(strings + value) for tag, value in entries if tag in tags)

    runpath = names(DT_RUNPATH) or names(DT_RPATH)
    return Elf(
        path, machine, interpreter, names(DT_NEEDED), next(iter(names(DT_SONAME)), None),
        tuple(part for each in runpath for part in each.split(":") if part),
    )


def closure(program):
    """All that `program` needs to start: the loader and every library, by the name that it is looked for by.

    Only the directories that the loader knows without a cache count, since the image has none.
    """
    found = {}
    waiting = [program]
    while waiting:
        elf = waiting.pop()
        for name in elf.needed:
            if name not in found:
                found[name] = _find(name, elf)
                waiting.append(read(found[name]))
    return found


def _find(name, wanting):
    triplet = MACHINES[wanting.machine][1]
    own = [each.replace("${ORIGIN}", "$ORIGIN").replace("$ORIGIN", str(wanting.path.resolve().parent)) for each in wanting.runpath]
    for directory in [*own, f"/lib/{triplet}", f"/usr/lib/{triplet}", "/lib", "/usr/lib"]:
        candidate = pathlib.Path(directory, name)
        try:
            if candidate.is_file() and read(candidate).machine == wanting.machine:
                return candidate
        except NotELF:
            continue
    raise SystemExit(f"error: {wanting.path} needs {name}, which is not on this machine; install its package")


def is_elf(path):
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


def real(path):
    """The file itself, below /usr where Debian has merged /lib into it."""
    return pathlib.Path(os.path.realpath(path))
