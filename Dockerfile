# syntax=docker/dockerfile:1
#
# docker build --build-arg SOURCE_DATE_EPOCH="$(git log -1 --format=%ct)" -t levee .
#
# The build stage puts the root file system together with scripts/rootfs, as `make image` does without Docker; the image is that and nothing else.
# For a build that can be repeated, name BUILD_IMAGE by its digest, and export with rewrite-timestamp=true (docs/image.md).
ARG BUILD_IMAGE=swift:6.3-bookworm

FROM ${BUILD_IMAGE} AS build
WORKDIR /src
COPY scripts/install-dependencies scripts/
RUN scripts/install-dependencies && apt-get install -y -qq --no-install-recommends python3 >/dev/null
COPY Package.swift ./
COPY Sources Sources
COPY bench bench
COPY Tests Tests
RUN swift build -c release --static-swift-stdlib --product levee
COPY scripts scripts
# Only the assembly hangs on the time: the compiler's output stays in the cache.
ARG SOURCE_DATE_EPOCH=0
RUN SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH} scripts/rootfs --strip --debug-file /levee.debug --output /rootfs --sbom /levee.spdx.json .build/release/levee

# What is published beside the image: docker build --target artifacts --output type=local,dest=DIR .
FROM scratch AS artifacts
COPY --from=build /levee.debug /levee.spdx.json /rootfs/usr/bin/levee /

FROM scratch
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
ARG SOURCE=
LABEL org.opencontainers.image.title="levee" \
      org.opencontainers.image.description="Keeps Delta Lake tables in shape on Kubernetes: the operator and its workers" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.source="${SOURCE}"
COPY --from=build /rootfs/ /
ENV PATH=/usr/bin
WORKDIR /
USER 65532:65532
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/bin/levee"]
