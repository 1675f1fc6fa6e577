package card

import (
	"bytes"
	"encoding/json"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/micropq/micropq/internal/oracle"
	"github.com/micropq/micropq/schemas"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		writeFile(t, path, got)
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; if that is meant, run the test with -update. Now:\n%s", path, got)
	}
}

// goldenDataset is the fixture with sizes and digests that do not depend on how Parquet is
// written.
func goldenDataset(t *testing.T) Dataset {
	d := fixture(t, t.TempDir())
	for i := range d.Manifest.Shards {
		d.Manifest.Shards[i].Bytes = int64(1000 + i)
		d.Manifest.Shards[i].SHA256 = strings.Repeat("0123456789abcdef", 4)
	}
	return d
}

func cards(t *testing.T, d Dataset) (readme, croissant []byte) {
	t.Helper()
	readme, err := Readme(d)
	if err != nil {
		t.Fatal(err)
	}
	croissant, err = Croissant(d)
	if err != nil {
		t.Fatal(err)
	}
	return readme, croissant
}

func TestGolden(t *testing.T) {
	readme, croissant := cards(t, goldenDataset(t))
	golden(t, "README.md.golden", readme)
	golden(t, "croissant.json.golden", croissant)
}

func TestOrderOfShardsDoesNotMatter(t *testing.T) {
	d := goldenDataset(t)
	readme, croissant := cards(t, d)
	r := rand.New(rand.NewPCG(1, 2))
	for range 10 {
		s := d.Manifest.Shards
		r.Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] })
		again, croissantAgain := cards(t, d)
		if !bytes.Equal(readme, again) || !bytes.Equal(croissant, croissantAgain) {
			t.Fatal("the cards depend on the order of the shards")
		}
	}
}

// TestOtherReaders has Hugging Face datasets load every table and split, huggingface_hub
// parse the card, the example in the card run, and mlcroissant validate the metadata and
// read every record set.
func TestOtherReaders(t *testing.T) {
	python := oracle.Python(t)
	dir := t.TempDir()
	d := fixture(t, dir)
	readme, croissant := cards(t, d)
	writeFile(t, filepath.Join(dir, "README.md"), readme)
	writeFile(t, filepath.Join(dir, "croissant.json"), croissant)
	manifest, err := d.Manifest.Encode()
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, schemas.ManifestName), manifest)
	t.Setenv("HF_HUB_OFFLINE", "1")
	t.Setenv("HF_HOME", t.TempDir())
	for _, script := range []string{"read_card.py", "read_croissant.py"} {
		if out := oracle.Run(t, python, filepath.Join("testdata", script), dir); string(out) != "ok\n" {
			t.Errorf("%s says %q", script, out)
		}
	}
}

// Hostile text stays text: it cannot add keys to the header or break the JSON.
func TestAnyTextIsQuoted(t *testing.T) {
	python := oracle.Python(t)
	d := goldenDataset(t)
	d.Manifest.Source.Title = "a: b\n---\nlicense: mit # \"x\" 'y' \x7f\u0085\u2028 {z}"
	d.Manifest.Source.Licence = "LicenseRef-Own AND \"MIT\""
	d.Tags = []string{"- x", "no", "1.0", "{a}", "\ttab"}
	readme, croissant := cards(t, d)
	if !json.Valid(croissant) {
		t.Error("croissant.json is no JSON")
	}
	path := filepath.Join(t.TempDir(), "README.md")
	writeFile(t, path, readme)
	var got struct {
		Licence string   `json:"license"`
		Name    string   `json:"license_name"`
		Title   string   `json:"pretty_name"`
		Tags    []string `json:"tags"`
	}
	if err := json.Unmarshal(oracle.Run(t, python, "testdata/header.py", path), &got); err != nil {
		t.Fatal(err)
	}
	if got.Licence != "other" || got.Name != d.Manifest.Source.Licence {
		t.Errorf("license %q, license_name %q", got.Licence, got.Name)
	}
	if want := oneLine(d.Manifest.Source.Title); got.Title != want {
		t.Errorf("pretty_name %q, want %q", got.Title, want)
	}
	if strings.Join(got.Tags, "|") != strings.Join(d.Tags, "|") {
		t.Errorf("tags %q, want %q", got.Tags, d.Tags)
	}
}

func TestAShardOfNoTableIsAnError(t *testing.T) {
	d := goldenDataset(t)
	d.Tables = d.Tables[:3]
	for name, f := range map[string]func(Dataset) ([]byte, error){"Readme": Readme, "Croissant": Croissant} {
		if _, err := f(d); err == nil || !strings.Contains(err.Error(), "questions") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := f(Dataset{}); err == nil {
			t.Errorf("%s of nothing is no error", name)
		}
	}
}

func TestATableWithoutShardsIsLeftOut(t *testing.T) {
	d := goldenDataset(t)
	d.Manifest.Shards = d.Manifest.ShardsOf(schemas.ChunksTable, "")
	readme, croissant := cards(t, d)
	for _, name := range []string{"samples/", "questions/", "default: true"} {
		if bytes.Contains(readme, []byte(name)) || bytes.Contains(croissant, []byte(name)) {
			t.Errorf("%q is named, and there are chunks only", name)
		}
	}
	if !bytes.Contains(readme, []byte(`load_dataset(DATASET, "chunks", split="train")`)) {
		t.Error("the example does not load chunks")
	}
}

func TestHubLicence(t *testing.T) {
	for spdx, want := range map[string]string{
		"CC-BY-4.0": "cc-by-4.0", "CC-BY-SA-4.0": "cc-by-sa-4.0", "CC0-1.0": "cc0-1.0",
		"ODbL-1.0": "odbl", "": "unknown", "LicenseRef-Own": "other",
	} {
		if got := hubLicence(spdx); got != want {
			t.Errorf("hubLicence(%q) is %q, want %q", spdx, got, want)
		}
	}
	for spdx, want := range map[string]string{
		"CC-BY-4.0": "https://spdx.org/licenses/CC-BY-4.0", "LicenseRef-Own": "", "MIT OR Apache-2.0": "", "": "",
	} {
		if got := licenceURL(spdx); got != want {
			t.Errorf("licenceURL(%q) is %q, want %q", spdx, got, want)
		}
	}
}

func TestSizeCategory(t *testing.T) {
	for n, want := range map[int64]string{
		0: "n<1K", 999: "n<1K", 1000: "1K<n<10K", 9999: "1K<n<10K", 10_000: "10K<n<100K",
		999_999: "100K<n<1M", 1e9: "1B<n<10B", 999_999_999_999: "100B<n<1T", 1e12: "n>1T", 1 << 62: "n>1T",
	} {
		if got := sizeCategory(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
