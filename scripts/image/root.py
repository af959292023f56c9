"""A directory that becomes a container's root file system: written in one go, the same bytes, modes and times each time."""

import os
import pathlib
import shutil


class Root:
    def __init__(self, directory, epoch):
        self.directory = pathlib.Path(directory)
        self.epoch = epoch
        self.directory.mkdir(parents=True)

    def add_directory(self, path, mode=0o755):
        target = self.directory / path
        target.mkdir(parents=True, exist_ok=True)
        target.chmod(mode)

    def add(self, path, content, mode=0o644):
        """`content`: bytes, or the path of a file whose bytes it is."""
        target = self.directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            target.write_bytes(content)
        else:
            shutil.copyfile(content, target)
        target.chmod(mode)

    def link(self, path, to):
        target = self.directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_symlink() and os.readlink(target) == to:
            return
        target.symlink_to(to)

    def has(self, path):
        return os.path.lexists(self.directory / path)

    def paths(self):
        """Everything in it, parents first, in an order that does not hang on the file system's."""
        return sorted(self.directory.rglob("*"), key=lambda path: path.relative_to(self.directory).parts)

    def files(self):
        return [path for path in self.paths() if path.is_file() and not path.is_symlink()]

    def size(self):
        return sum(path.stat().st_size for path in self.files())

    def seal(self):
        """Modes that no umask has changed, and one time for all."""
        for path in reversed([self.directory, *self.paths()]):
            if path.is_dir() and not path.is_symlink() and path.name != "tmp":
                path.chmod(0o755)
            os.utime(path, (self.epoch, self.epoch), follow_symlinks=False)
