package list

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/micropq/micropq/internal/oracle"
	"github.com/micropq/micropq/validate"
	"github.com/micropq/micropq/validate/rules"
)

func found(t *testing.T, location string) (messages []string, seen int64) {
	t.Helper()
	rule, _ := rules.Named("SP003")
	r, err := validate.Run(t.Context(), []validate.Target{New(location)}, validate.Options{Rules: []validate.Tuned{rule.Default()}})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Findings {
		messages = append(messages, fmt.Sprintf("%s: %s", f.Severity, f.Message))
	}
	return messages, r.Seen["samples"]
}

func TestList(t *testing.T) {
	file := filepath.Join(t.TempDir(), "list.txt")
	text := "(1) samples for FlyLight completely:\ntrain:\nA-20180905_65_A6\nA-20180905_65_A7\nB-20180905_65_B1\nval:\nC-20180905_65_A6\n" +
		"(2) partly:\ntest:\nA-20190101_66_A1\nD-20190101_67_A1\n"
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	got, _ := found(t, file)
	want := []string{"error: group A is in 2 splits: train (2 samples), test (1)", "warning: batch 20180905_65 is in 2 splits: train (3 samples), val (1)"}
	if !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}

// TestOfficialList: splits were made by line, and slides cross them.
func TestOfficialList(t *testing.T) {
	got, seen := found(t, oracle.Sample(t, "fisbe/sample_list_per_split.txt"))
	for _, m := range got {
		if !strings.HasPrefix(m, "warning: batch ") {
			t.Errorf("found %s", m)
		}
	}
	if len(got) != 10 || seen != 101 {
		t.Errorf("%d batches cross splits of %d samples, want 10 of 101", len(got), seen)
	}
}
