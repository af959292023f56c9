"""How a container of the image starts. The Dockerfile says the same in its words; Tests/Interop/test_image.py holds the two together."""

USER = "65532:65532"
ENTRYPOINT = ["/usr/bin/levee"]
ENVIRONMENT = {"PATH": "/usr/bin"}
WORKING_DIRECTORY = "/"
STOP_SIGNAL = "SIGTERM"
LABELS = {
    "org.opencontainers.image.title": "levee",
    "org.opencontainers.image.description": "Keeps Delta Lake tables in shape on Kubernetes: the operator and its workers",
}

PASSWD = "root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/:/sbin/nologin\n"
GROUP = "root:x:0:\nnonroot:x:65532:\n"
NSSWITCH = "passwd: files\ngroup: files\nhosts: files dns\n"
