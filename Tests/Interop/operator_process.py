"""`levee operator` as a process that can be killed, and the resources that tests give it."""

import os
import signal
import subprocess


class OperatorProcess:
    """Looks after one namespace, so that many of them share a control plane."""

    def __init__(self, binary, cluster, namespace, log):
        self.command = [binary, "operator", "--kubeconfig", str(cluster.kubeconfig), "--namespace", namespace, "--allow-host-filesystem"]
        self.command += ["--worker-image", "levee", "--metrics-address", "0", "--health-address", "0", "--log-format", "text"]
        self.log = log
        self.process = None

    def start(self, *options, **env):
        with open(self.log, "a") as log:
            self.process = subprocess.Popen([*self.command, *options], stderr=log, env={**os.environ, **env})
        return self

    def kill(self, how=signal.SIGKILL):
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(30)

    def restart(self):
        self.kill()
        return self.start()


STOPPED_AT_WORK = {"env": [{"name": "LEVEE_FAULT_POINT", "value": "optimize.planned"}, {"name": "LEVEE_FAULT_SIGNAL", "value": "STOP"}]}
"""A jobTemplate whose workers stop themselves when they know what to do and have done nothing."""


def stopped_worker(text, besides=None):
    """The process of a worker that has stopped and whose task has a certain text in it; None where there is none yet."""
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit() or int(entry.name) == besides:
            continue
        try:
            with open(f"/proc/{entry.name}/cmdline", "rb") as file:
                command = file.read()
            if b"\0worker\0--task\0" in command and text.encode() in command:
                with open(f"/proc/{entry.name}/stat") as file:
                    if file.read().rpartition(")")[2].split()[0] == "T":
                        return int(entry.name)
        except (FileNotFoundError, ProcessLookupError):
            continue
    return None


def levee_object(kind, name, labels=None, **spec):
    metadata = {"name": name, **({"labels": labels} if labels else {})}
    return {"apiVersion": "levee.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}


def profile(root, name="lake", **spec):
    return levee_object("StorageProfile", name, root=f"file://{root}", filesystem={}, **spec)


def delta_table(name, location, labels=None, **spec):
    spec = {"observe": {"interval": "1s"}, **spec}
    return levee_object("DeltaTable", name, labels or {"layer": "bronze"}, location=f"file://{location}", storageRef={"name": "lake"}, **spec)


def policy(name="bronze", **spec):
    spec = {"cooldown": "1h", **spec}
    return levee_object("MaintenancePolicy", name, tableSelector={"matchLabels": {"layer": "bronze"}}, **spec)


def operation(name, table="orders", **spec):
    return levee_object("TableOperation", name, tableRef={"name": table}, **(spec or {"optimize": {}}))
