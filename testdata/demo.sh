#!/bin/sh
# Converts the generated samples, looks at them, reads them back and streams batches: `make demo`.
set -eu
cd "$(dirname "$0")/.."

out=build/demo
rm -rf "$out"
mkdir -p "$out"

say() { printf '\n== %s\n' "$*"; }
run() {
    echo "\$ $*"
    "$@"
}

say "Volumes: FISBe, zarr to Parquet"
run bin/micropq convert fisbe testdata/fisbe "$out/fisbe"
run bin/micropq inspect "$out/fisbe"
sample=$(ls testdata/fisbe/completely/train | head -n 1)
sample=${sample%.zarr}
run bin/micropq read "$out/fisbe" --sample "$sample" --array raw --region 0:3,4:8,:,: -o "$out/region.npy"
run bin/micropq preview "$out/fisbe" -o "$out/preview"

say "Batches for training: half of the crops centred on a neuron"
echo "\$ bin/micropq stream $out/fisbe --array raw --array gt_instances --size 16,16,16 --batch 4 --count 8 --seed 1 --foreground 0.5 > $out/crops.arrows"
bin/micropq stream "$out/fisbe" --array raw --array gt_instances --size 16,16,16 --batch 4 --count 8 --seed 1 --foreground 0.5 > "$out/crops.arrows"

say "Tissue sections: NCL-SM, TIFF to Parquet, a row a myofibre"
run bin/micropq convert nclsm testdata/nclsm "$out/nclsm" --progress none
run bin/micropq annotate measure "$out/nclsm" --csv "$out/fibres.csv"
run bin/micropq annotate agree --coverage second --sample IF_S60 --array gt_instances --array-b second_annotation "$out/nclsm" "$out/nclsm"

say "Questions about images: mu-Bench"
run bin/micropq convert ubench testdata/ubench "$out/ubench"

say "What is wrong with them, as CI would ask"
run bin/micropq validate --fail-level none --ignore LB --show 2 "$out/fisbe" "$out/nclsm"
run bin/micropq rules explain AG001

python=${MICROPQ_PYTHON:-.venv/bin/python}
if [ -x "$python" ]; then
    say "The same with pyarrow alone"
    "$python" - "$out" <<'PY'
import sys, pyarrow as pa, pyarrow.parquet as pq
out = sys.argv[1]
for batch in pa.ipc.open_stream(out + "/crops.arrows"):
    raw, labels = batch["raw"].to_numpy_ndarray(), batch["gt_instances"].to_numpy_ndarray()
    print("batch: raw", raw.shape, raw.dtype, "labels", labels.shape, labels.dtype, "centred on", batch["instance"].to_pylist())
fibres = pq.read_table(out + "/nclsm/instances", columns=["class", "area"]).group_by("class").aggregate([("area", "count"), ("area", "mean")])
print(fibres.to_pandas().to_string(index=False))
PY
else
    printf '\n(make venv, then make demo again, shows the same with pyarrow)\n'
fi
say "What it made lies in $out"
find "$out" -type f | sort
