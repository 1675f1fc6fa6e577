package fisbe

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/micropq/micropq/internal/oracle"
	"github.com/micropq/micropq/testdata/gen/fisbegen"
	"github.com/micropq/micropq/validate"
	"github.com/micropq/micropq/validate/rules"
)

// run validates a location with every rule that is on.
func run(t *testing.T, location string) (*validate.Result, error) {
	t.Helper()
	o := validate.Options{Jobs: 2}
	for _, r := range rules.All() {
		o.Rules = append(o.Rules, r.Default())
	}
	return validate.Run(t.Context(), []validate.Target{New(location)}, o)
}

// said lists findings: rule, sample and message.
func said(r *validate.Result) (out []string) {
	for _, f := range r.Findings {
		out = append(out, fmt.Sprintf("%s %s: %s", f.Rule, f.Sample, f.Message))
	}
	return out
}

// TestCrop finds in a published crop that its folder does not say how it was labelled, and nothing else.
func TestCrop(t *testing.T) {
	result, err := run(t, oracle.Sample(t, "fisbe/JRC_SS05008-20160318_24_B2_crop.zip"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"CL006 JRC_SS05008-20160318_24_B2_crop: nothing says whether the volume is labelled completely or partly"}
	if got := said(result); !slices.Equal(got, want) || result.Seen["instances"] != 3 {
		t.Errorf("%d instances, %q, want %q", result.Seen["instances"], got, want)
	}
}

// generate writes a release with a sample for train and one for val.
func generate(t *testing.T, o fisbegen.Options) string {
	t.Helper()
	dir := t.TempDir()
	o.Samples, o.Shape = 2, []int{3, 24, 48, 48}
	if _, err := fisbegen.Generate(t.Context(), dir, o); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestRelease(t *testing.T) {
	for name, o := range map[string]fisbegen.Options{
		"binary": {Neurons: 3}, "ids": {Neurons: 3, IDs: true, LabelType: "<u2", Compressor: "none"}, "absent": {Neurons: 3, Absent: true, Zip: true},
	} {
		dir := generate(t, o)
		locations := []string{dir}
		zips, err := filepath.Glob(filepath.Join(dir, "*.zip"))
		if err != nil || o.Zip && len(zips) == 0 {
			t.Fatalf("%s: %d archives, %v", name, len(zips), err)
		}
		for _, location := range append(locations, zips...) {
			result, err := run(t, location)
			if err != nil {
				t.Fatal(err)
			}
			if len(result.Findings) != 0 || result.Seen["samples"] == 0 || result.Seen["instances"] != 3*result.Seen["samples"] {
				t.Errorf("%s, %s: %v, %q", name, filepath.Base(location), result.Seen, said(result))
			}
		}
	}
}

// TestDefects finds what is planted in one sample, and looks at the other all the same.
func TestDefects(t *testing.T) {
	for defect, want := range map[string]struct{ finding, err string }{
		"bitflip-chunk":      {err: "checksum"},
		"grid-mismatch":      {finding: "PX001"},
		"huge-shape":         {err: "the shape in its metadata is wrong"},
		"inflate-past-shape": {err: "decodes to more than its shape"},
		"negative-label":     {finding: "LB001"},
		"truncated-chunk":    {err: "truncated"},
		"unsupported-codec":  {err: "not supported"},
	} {
		t.Run(defect, func(t *testing.T) {
			t.Parallel()
			o := fisbegen.Options{Defect: defect, Neurons: 2}
			if defect == "negative-label" {
				o.LabelType = "<i2"
			}
			result, err := run(t, generate(t, o))
			if want.err != "" {
				var unreadable *validate.TargetError
				if !errors.As(err, &unreadable) || !strings.Contains(err.Error(), want.err) {
					t.Errorf("error %v, want %q", err, want.err)
				}
			} else if err != nil || !slices.ContainsFunc(said(result), func(s string) bool { return strings.HasPrefix(s, want.finding) }) {
				t.Errorf("%v, %q, want %s", err, said(result), want.finding)
			}
			if result.Seen["samples"] != 2 || result.Seen["layers"] == 0 {
				t.Errorf("seen %v", result.Seen)
			}
		})
	}
	if names := fisbegen.DefectNames(); len(names) != 7 {
		t.Errorf("defects %v: not all are looked for", names)
	}
}

func TestEmptyChannels(t *testing.T) {
	result, err := run(t, generate(t, fisbegen.Options{Neurons: 2, Empty: 1}))
	if err != nil || len(result.Findings) != 2 || !strings.Contains(said(result)[0], "holds no instance") {
		t.Errorf("%v, %q, want an empty channel in each sample", err, said(result))
	}
}

// TestNoSample tells what is no release.
func TestNoSample(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "readme"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := run(t, dir); err == nil || !strings.Contains(err.Error(), "no FISBe sample") {
		t.Errorf("error %v", err)
	}
	release := generate(t, fisbegen.Options{Neurons: 1})
	gone, err := filepath.Glob(filepath.Join(release, "completely", "*", "*.zarr", "volumes", "gt_instances"))
	if err != nil || len(gone) == 0 {
		t.Fatal(err)
	}
	if err := os.RemoveAll(gone[0]); err != nil {
		t.Fatal(err)
	}
	result, err := run(t, release)
	if err != nil || len(result.Findings) != 1 || result.Findings[0].Rule != "DS004" || !strings.Contains(result.Findings[0].Message, "gt_instances") {
		t.Errorf("without ground truth: %v, %q", err, said(result))
	}
}
