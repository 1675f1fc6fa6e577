#!/bin/sh
# Builds a wheel a platform into dist/, each with the program for it inside: `make wheel`.
# usage: wheels.sh PYTHON [GOOS/GOARCH ...]
set -eu
cd "$(dirname "$0")/.."
python=$1
shift

# manylinux2014 is the oldest tag that every pip knows; the program itself needs no C library.
tag() {
    case $1 in
    linux/amd64) echo manylinux2014_x86_64 ;;
    linux/arm64) echo manylinux2014_aarch64 ;;
    darwin/amd64) echo macosx_12_0_x86_64 ;;
    darwin/arm64) echo macosx_12_0_arm64 ;;
    windows/amd64) echo win_amd64 ;;
    windows/arm64) echo win_arm64 ;;
    *) echo "wheels.sh: no wheel for $1" >&2; exit 2 ;;
    esac
}

for platform in "$@"; do
    tag=$(tag "$platform")
    work=build/wheel/$tag
    rm -rf "$work"
    mkdir -p "$work"
    cp -R python/micropq python/pyproject.toml python/README.md "$work"
    ext=
    case $platform in windows/*) ext=.exe ;; esac
    GOOS=${platform%/*} GOARCH=${platform#*/} CGO_ENABLED=0 go build -trimpath -o "$work/micropq/bin/micropq$ext" ./cmd/micropq
    "$python" -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist \
        --config-settings="--build-option=--plat-name=$tag" "./$work"
done
ls dist/*.whl
