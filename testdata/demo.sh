#!/bin/sh
# Converts the smallest generated sample and looks at the result: `make demo`.
set -eu
cd "$(dirname "$0")/.."

out=build/demo
rm -rf "$out"
mkdir -p "$out"

run() {
    echo "\$ $*"
    "$@"
    echo
}

run bin/micropq convert fisbe testdata/fisbe "$out/dataset"
run bin/micropq inspect "$out/dataset"

sample=$(ls testdata/fisbe/completely/train | head -n 1)
sample=${sample%.zarr}
run bin/micropq read --sample "$sample" --array raw --region 0:3,4:8,:,: -o "$out/region.npy" "$out/dataset"
run bin/micropq preview -o "$out/preview" "$out/dataset"

run bin/micropq convert ubench testdata/ubench "$out/questions"
run bin/micropq inspect "$out/questions"
run bin/micropq items --type stain --limit 1 "$out/questions"
run bin/micropq preview -o "$out/questions-preview" "$out/questions"

run bin/micropq schema show --format markdown chunks

python=${MICROPQ_PYTHON:-.venv/bin/python}
if [ -x "$python" ]; then
    echo "The same chunks with pyarrow alone:"
    "$python" - "$out/dataset" <<'PY'
import sys, pyarrow.parquet as pq
chunks = pq.read_table(sys.argv[1] + "/chunks", columns=["sample_id", "array", "z", "y", "x", "foreground"])
print(chunks.slice(0, 8).to_pandas().to_string(index=False))
PY
fi
echo "What it made lies in $out:"
find "$out" -type f | sort
