"""The Debian packages that files come from: their versions, their licences, and whether the files are still what the packages delivered."""

import dataclasses
import hashlib
import pathlib
import re
import subprocess

FIELDS = ["binary:Package", "Package", "Version", "Architecture", "source:Package", "source:Version", "Maintainer", "Homepage"]


@dataclasses.dataclass(frozen=True)
class Package:
    key: str
    name: str
    version: str
    architecture: str
    source: str
    source_version: str
    maintainer: str
    homepage: str

    @property
    def purl(self):
        return f"pkg:deb/debian/{self.name.replace('+', '%2B')}@{self.version.replace('+', '%2B').replace(':', '%3A')}?arch={self.architecture}"


def _query(*arguments, check=True):
    try:
        done = subprocess.run(["dpkg-query", *arguments], capture_output=True, text=True)
    except FileNotFoundError:
        raise SystemExit("error: there is no dpkg-query: the image is put together from the packages of a Debian machine") from None
    if check and done.returncode:
        raise SystemExit(f"error: dpkg-query {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def _spellings(path):
    """Debian has merged /lib into /usr/lib, and its packages name files by either."""
    text = str(path)
    return [text, text.removeprefix("/usr")] if text.startswith("/usr/lib") else [text]


def owners(paths):
    """The package that each of these files is from."""
    asked = {spelling: path for path in paths for spelling in _spellings(path)}
    found = {}
    for line in _query("--search", *sorted(asked), check=False).splitlines():
        match = re.fullmatch(r"(\S+): (.+)", line)
        if match and match[2] in asked:
            found[asked[match[2]]] = match[1]
    missing = sorted(str(path) for path in paths if path not in found)
    if missing:
        raise SystemExit(
            f"error: no Debian package has {', '.join(missing)}, so that nothing tells its version and licence; "
            "build with --static-swift-stdlib, against the packages of scripts/install-dependencies"
        )
    return found


def packages(keys):
    """By the key that `owners` gives."""
    keys = sorted(set(keys))
    template = "\t".join(f"${{{field}}}" for field in FIELDS) + "\n"
    found = [Package(*line.split("\t")) for line in _query("--show", "--showformat", template, *keys).splitlines()]
    return {key: package for key in keys for package in found if key in (package.key, package.name)}


def files(key):
    """The files of a package, without its directories."""
    return [path for path in map(pathlib.Path, _query("--listfiles", key).splitlines()) if path.is_symlink() or path.is_file()]


def controls(packages):
    """Each package's stanza of the status file, by its name: what vulnerability scanners read."""
    stanzas = _query("--status", *packages).rstrip("\n").split("\n\n")
    return {re.search(r"^Package: (.+)$", stanza, re.MULTILINE)[1]: stanza + "\n" for stanza in stanzas}


def copyright(package):
    path = pathlib.Path("/usr/share/doc", package.name, "copyright")
    if not path.is_file():
        raise SystemExit(f"error: {path} is not there: the image must carry the licence of {package.name}; install it again")
    return path.read_bytes()


def check(key, paths):
    """Refuses files that are not what the package delivered."""
    sums = pathlib.Path(f"/var/lib/dpkg/info/{key}.md5sums")
    if not sums.is_file():
        sums = pathlib.Path(f"/var/lib/dpkg/info/{key.partition(':')[0]}.md5sums")
    if not sums.is_file():
        raise SystemExit(f"error: dpkg has no checksums of {key}; install it again")
    expected = {f"/{path}": digest for digest, path in (line.split("  ", 1) for line in sums.read_text().splitlines())}
    for path in paths:
        digest = next((expected[spelling] for spelling in _spellings(path) if spelling in expected), None)
        if digest != hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest():
            raise SystemExit(f"error: {path} is not what the package {key} delivered; install it again")
