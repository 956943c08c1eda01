# Three targets, cut by who trusts whom: haltlogd (operator), haltwitness (witness), haltlog (everyone else).
#   docker build --target haltwitness -t haltwitness .
FROM golang:1.26.8-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -o /out/ ./cmd/...

FROM gcr.io/distroless/static-debian12:nonroot AS haltwitness
COPY --from=build /out/haltwitness /haltwitness
ENTRYPOINT ["/haltwitness"]

# The guard needs privileges of its own (a cgroup, namespaces): it is run from the host, not from this image.
FROM gcr.io/distroless/static-debian12:nonroot AS haltlog
COPY --from=build /out/haltlog /haltlog
ENTRYPOINT ["/haltlog"]

FROM gcr.io/distroless/static-debian12:nonroot AS haltlogd
COPY --from=build /out/haltlogd /haltlogd
ENTRYPOINT ["/haltlogd"]
