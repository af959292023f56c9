"""A process below a root file system of its own, as a container runtime would start it: read-only, as a user who owns nothing, without privileges.

Namespaces and mounts of this machine do it, so that no container engine is needed.
"""

import os
import shutil
import subprocess

USER = 65532
MOUNT = """
set -e
root=$1; data=$2; shift 2
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount --rbind /proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --bind "$data" "$root/data"
exec setpriv --no-new-privs "$@"
"""


def namespace():
    """What starts a command that may mount; where the tests are not root's, root of a user namespace does."""
    return ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]


def missing():
    """Why this machine cannot start one; None where it can."""
    for tool in ("unshare", "setpriv", "chroot", "mount"):
        if not shutil.which(tool):
            return f"there is no {tool} on this machine"
    done = subprocess.run([*namespace(), "sh", "-c", "mount --bind /tmp /tmp && mount -o remount,bind,ro /tmp"], capture_output=True, text=True)
    return f"this machine allows no mounts in a namespace: {done.stderr.strip()}" if done.returncode else None


class Container:
    """`root` once more (its files are the same ones), with /data as the only place that can be written to."""

    def __init__(self, root, directory):
        self.root = directory / "root"
        self.data = directory / "data"
        self.data.mkdir(parents=True)
        subprocess.run(["cp", "-al", str(root), str(self.root)], check=True)
        (self.root / "data").mkdir()

    def command(self, *arguments, program="/usr/bin/levee"):
        user = [f"--userspec={USER}:{USER}", "--groups="] if os.geteuid() == 0 else []
        chroot = ["chroot", *user, str(self.root), program, *map(str, arguments)]
        return [*namespace(), "sh", "-c", MOUNT, "container", str(self.root), str(self.data), *chroot]

    def environment(self, **more):
        return {"PATH": os.environ["PATH"], "LEVEE_TERMINATION_MESSAGE": "/data/result", "TMPDIR": "/data", **more}

    def hand_over(self):
        """Gives what the test has put below /data to the container's user."""
        if os.geteuid() == 0:
            subprocess.run(["chown", "-R", f"{USER}:{USER}", str(self.data)], check=True)

    def run(self, *arguments, program="/usr/bin/levee", **environment):
        self.hand_over()
        command = self.command(*arguments, program=program)
        return subprocess.run(command, capture_output=True, text=True, timeout=60, env=self.environment(**environment))

    def start(self, *arguments, log):
        self.hand_over()
        return subprocess.Popen(self.command(*arguments), stderr=log, env=self.environment())
