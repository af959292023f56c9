"""The bill of materials of an image, as SPDX 2.3 in JSON: the packages with their versions, and every file with its checksums."""

import datetime
import hashlib
import json
import re

LEVEE = "SPDXRef-Package-levee"


def _identifier(prefix, text):
    return f"SPDXRef-{prefix}-{re.sub(r'[^A-Za-z0-9.-]', '-', text)}"


def _timestamp(epoch):
    return datetime.datetime.fromtimestamp(epoch, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _package(identifier, name, version, purl, **more):
    return {
        "SPDXID": identifier, "name": name, "versionInfo": version, "downloadLocation": "NOASSERTION", "filesAnalyzed": False,
        "licenseConcluded": "NOASSERTION", "licenseDeclared": "NOASSERTION", "copyrightText": "NOASSERTION",
        "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl}], **more,
    }


def _file(path, data, number):
    return {
        "SPDXID": f"SPDXRef-File-{number}", "fileName": f"./{path}",
        "checksums": [
            # SPDX 2.3 asks for SHA1; what is checked is the other.
            {"algorithm": "SHA1", "checksumValue": hashlib.sha1(data, usedforsecurity=False).hexdigest()},
            {"algorithm": "SHA256", "checksumValue": hashlib.sha256(data).hexdigest()},
        ],
        "licenseConcluded": "NOASSERTION", "licenseInfoInFiles": ["NOASSERTION"], "copyrightText": "NOASSERTION",
    }


def document(root, *, version, architecture, swift, packages, owners, libraries, distribution):
    """
    packages: by key, what the image holds of; owners: the key of the package that a file of the root is from (of the others, Levee's own);
    libraries: the keys of the packages whose libraries the program is linked with.
    """
    identifiers = {key: _identifier("Package-deb", package.name) for key, package in packages.items()}
    described = [
        _package(
            LEVEE, "levee", version, f"pkg:generic/levee@{version}?arch={architecture}", primaryPackagePurpose="APPLICATION",
            supplier="NOASSERTION"),
        _package(
            "SPDXRef-Package-swift-runtime", "swift-runtime", swift, f"pkg:generic/swift@{swift}", supplier="Organization: Swift",
            homepage="https://www.swift.org", licenseDeclared="Apache-2.0 WITH Swift-exception",
            comment="The standard library and the concurrency runtime, linked into /usr/bin/levee."),
    ]
    described[-1]["licenseConcluded"] = described[-1]["licenseDeclared"]
    relationships = [
        {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": LEVEE},
        {"spdxElementId": LEVEE, "relationshipType": "STATIC_LINK", "relatedSpdxElement": "SPDXRef-Package-swift-runtime"},
    ]
    for key, package in packages.items():
        more = {"supplier": f"Organization: {package.maintainer}", "sourceInfo": f"built from {package.source} {package.source_version}"}
        if package.homepage:
            more["homepage"] = package.homepage
        described.append(_package(identifiers[key], package.name, package.version, f"{package.purl}&distro={distribution}", **more))
        kind = "DYNAMIC_LINK" if key in libraries else "DEPENDS_ON"
        relationships.append({"spdxElementId": LEVEE, "relationshipType": kind, "relatedSpdxElement": identifiers[key]})
    files = []
    for path in root.files():
        name = str(path.relative_to(root.directory))
        file = _file(name, path.read_bytes(), len(files) + 1)
        files.append(file)
        owner = identifiers[owners[name]] if name in owners else LEVEE
        relationships.append({"spdxElementId": owner, "relationshipType": "CONTAINS", "relatedSpdxElement": file["SPDXID"]})
    _verify(described, files, relationships)
    content = {"packages": described, "files": files, "relationships": relationships}
    # The same content has the same name, and no other has it.
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": f"levee-{version}-{architecture}",
        "documentNamespace": f"https://levee.dev/sbom/levee-{version}-{architecture}-{digest}",
        "creationInfo": {"created": _timestamp(root.epoch), "creators": ["Tool: levee-rootfs"]}, **content,
    }


def _verify(described, files, relationships):
    """Gives each package that has files the code over their checksums that SPDX asks for (7.9)."""
    checksums = {file["SPDXID"]: file["checksums"][0]["checksumValue"] for file in files}
    contained = {}
    for each in relationships:
        if each["relationshipType"] == "CONTAINS":
            contained.setdefault(each["spdxElementId"], []).append(checksums[each["relatedSpdxElement"]])
    for package in described:
        if package["SPDXID"] in contained:
            code = hashlib.sha1("".join(sorted(contained[package["SPDXID"]])).encode(), usedforsecurity=False).hexdigest()
            package["filesAnalyzed"] = True
            package["packageVerificationCode"] = {"packageVerificationCodeValue": code}
