#!/bin/sh
# Measures micropq beside what people use today, alternately, in one run.
#
# usage: bench/run.sh [convert] [crops] [codec]    all three by default
#
# BENCH_SCALE=small   a quick look; full, the default, is what docs/benchmarks.md quotes
# BENCH_ROUNDS=3      rounds, of which the median counts
# MICROPQ_PYTHON      interpreter with testdata/requirements.txt
#
# Everything lies below build/bench, at most 8 GB; sources are kept for the next run.
set -eu
cd "$(dirname "$0")/.."
export CGO_ENABLED=0
go build -trimpath -ldflags '-s -w' -o bin/micropq ./cmd/micropq
go build -o build/bench/bench ./bench
exec build/bench/bench -scale "${BENCH_SCALE:-full}" -rounds "${BENCH_ROUNDS:-3}" \
	-python "${MICROPQ_PYTHON:-.venv/bin/python}" "$@"
