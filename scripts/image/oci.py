"""An image as an archive that skopeo, podman and docker load take: an OCI layout, with the index that older docker versions read beside it."""

import datetime
import gzip
import hashlib
import io
import json
import tarfile

from . import settings


def _layer(root):
    """The root file system as a tar of everything, owned by root."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in root.paths():
            entry = archive.gettarinfo(path, arcname=str(path.relative_to(root.directory)))
            # Hard links are how this machine keeps files, not how the image should.
            if entry.islnk():
                entry.type, entry.linkname, entry.size = tarfile.REGTYPE, "", path.stat().st_size
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = ""
            entry.mtime = root.epoch
            if entry.isreg():
                with open(path, "rb") as file:
                    archive.addfile(entry, file)
            else:
                archive.addfile(entry)
    return buffer.getvalue()


class Layout:
    """Blobs by their digests."""

    def __init__(self):
        self.blobs = {}

    def add(self, data, media_type):
        digest = hashlib.sha256(data).hexdigest()
        self.blobs[f"blobs/sha256/{digest}"] = data
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}

    def add_json(self, value, media_type):
        return self.add(json.dumps(value, sort_keys=True, separators=(",", ":")).encode(), media_type)


def write(path, root, *, architecture, version, revision):
    """Returns the size of what a node pulls."""
    layout = Layout()
    created = datetime.datetime.fromtimestamp(root.epoch, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    tar = _layer(root)
    layer = layout.add(gzip.compress(tar, compresslevel=6, mtime=0), "application/vnd.oci.image.layer.v1.tar+gzip")
    labels = {**settings.LABELS, "org.opencontainers.image.version": version, "org.opencontainers.image.created": created}
    if revision:
        labels["org.opencontainers.image.revision"] = revision
    configuration = layout.add_json(
        {
            "created": created, "architecture": architecture, "os": "linux",
            "config": {
                "User": settings.USER, "Env": [f"{name}={value}" for name, value in settings.ENVIRONMENT.items()], "Entrypoint": settings.ENTRYPOINT,
                "WorkingDir": settings.WORKING_DIRECTORY, "StopSignal": settings.STOP_SIGNAL, "Labels": labels,
            },
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(tar).hexdigest()}"]},
            "history": [{"created": created, "created_by": "scripts/rootfs"}],
        },
        "application/vnd.oci.image.config.v1+json")
    manifest_type = "application/vnd.oci.image.manifest.v1+json"
    manifest = layout.add_json({"schemaVersion": 2, "mediaType": manifest_type, "config": configuration, "layers": [layer]}, manifest_type)
    index = {
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [
            {**manifest, "platform": {"architecture": architecture, "os": "linux"}, "annotations": {"org.opencontainers.image.ref.name": version}}
        ],
    }
    blob = "blobs/sha256/{}".format
    docker = [{
        "Config": blob(configuration["digest"].partition(":")[2]), "RepoTags": [f"levee:{version}"], "Layers": [blob(layer["digest"].partition(":")[2])],
    }]
    entries = {
        "oci-layout": json.dumps({"imageLayoutVersion": "1.0.0"}).encode(), "index.json": json.dumps(index, sort_keys=True).encode(),
        "manifest.json": json.dumps(docker, sort_keys=True).encode(), **layout.blobs,
    }
    with tarfile.open(path, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, data in sorted(entries.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.mode = len(data), root.epoch, 0o644
            archive.addfile(entry, io.BytesIO(data))
    return layer["size"]
