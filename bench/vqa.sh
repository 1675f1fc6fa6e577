#!/bin/sh
# Converts the same generated items with micropq, datasets and pyarrow, alternately, and scans
# the result: bench/vqa.sh [GIGABYTES] [ROUNDS]. Medians and peaks are for the reader to take.
set -eu
cd "$(dirname "$0")/.."

gigabytes=${1:-2}
rounds=${2:-3}
python=${MICROPQ_PYTHON:-.venv/bin/python}
out=${TMPDIR:-/tmp}/micropq-bench-vqa
mkdir -p "$out"
[ -d "$out/items" ] || "$python" bench/vqa.py make "$out/items" "$gigabytes"

timed() {
    name=$1
    shift
    rm -rf "$out/made"
    sync
    # Until the bytes are on the disk: micropq says done no sooner, the others do.
    start=$(date +%s.%N)
    /usr/bin/time -f "user %U s, system %S s, peak %M KiB" "$@" >/dev/null 2>"$out/log" || { cat "$out/log"; exit 1; }
    find "$out/made" -type f -exec sync {} +
    echo "$name: $(date +%s.%N | awk -v start="$start" '{ printf "%.2f", $1 - start }') s, $(tail -n 1 "$out/log")"
}

for _ in $(seq "$rounds"); do
    timed "micropq --no-decode" bin/micropq convert ubench --no-decode --progress none "$out/items" "$out/made"
    timed "datasets to_parquet" "$python" bench/vqa.py datasets "$out/items" "$out/made"
    timed "pyarrow" "$python" bench/vqa.py pyarrow "$out/items" "$out/made"
done
for _ in $(seq "$rounds"); do
    timed "pyarrow and Pillow, decoding" "$python" bench/vqa.py pyarrow "$out/items" "$out/made" decode
    timed "micropq, decoding" bin/micropq convert ubench --progress none "$out/items" "$out/made"
done
for _ in $(seq "$rounds"); do
    MICROPQ_BENCH_DATASET=$out/made go test -run '^$' -bench BenchmarkQuestions -benchtime 20x ./convert/vqa | grep ^Benchmark
    "$python" bench/vqa.py scan-duckdb "$out/made" 2>/dev/null
    "$python" bench/vqa.py scan-datasets "$out/made" 2>/dev/null
done
rm -rf "$out/made"
