# The image of a release: the program and its licences, no shell, not root.
# goreleaser (dockers_v2) lays the binaries out by platform.
FROM gcr.io/distroless/static-debian13:nonroot
ARG TARGETPLATFORM
COPY LICENSE NOTICE dist/THIRD_PARTY_LICENSES.txt /licenses/
COPY $TARGETPLATFORM/kubectl-mesh /kubectl-mesh
USER 65532:65532
ENTRYPOINT ["/kubectl-mesh"]
