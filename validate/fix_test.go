package validate_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/micropq/micropq/annotate/edit"
	"github.com/micropq/micropq/annotate/journal"
	"github.com/micropq/micropq/validate"
)

func TestPatch(t *testing.T) {
	fix := func(op journal.Op, instance int64, reasons ...string) *validate.Finding {
		return &validate.Finding{Fix: &validate.Fix{Edits: []edit.Request{{Op: op, Sample: "S", Array: "gt", Instance: instance, Reasons: reasons}}}}
	}
	small := fix(journal.Reject, 1, "small")
	requests := validate.Patch([]*validate.Finding{
		small, fix(journal.Delete, 2), {}, fix(journal.Reject, 1, "twice"), fix(journal.Reject, 2, "small"), {Fix: &validate.Fix{Safe: true}},
	})
	var lines []string
	for _, r := range requests {
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(b))
	}
	want := `{"op":"reject","sample":"S","array":"gt","instance":1,"reasons":["small","twice"]}
{"op":"delete","sample":"S","array":"gt","instance":2}`
	if got := strings.Join(lines, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if len(small.Fix.Edits[0].Reasons) != 1 {
		t.Error("the finding was changed")
	}
}

// fixable is a target that mends, or fails to.
type fixable struct {
	toy
	err error
}

func (f *fixable) Fix(_ context.Context, findings []*validate.Finding) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	return len(findings), nil
}

func TestMend(t *testing.T) {
	broken := errors.New("read-only")
	a, b := &fixable{toy: toy{name: "a"}, err: broken}, &fixable{toy: toy{name: "b"}}
	finding := func(target string, fix *validate.Fix) *validate.Finding {
		return &validate.Finding{Place: validate.Place{Target: target}, Fix: fix}
	}
	safe := &validate.Fix{Safe: true}
	findings := []*validate.Finding{finding("a", safe), finding("b", safe), finding("b", &validate.Fix{}), finding("b", nil), finding("c", safe), finding("second of b", safe)}
	done, err := validate.Mend(t.Context(), []validate.Target{a, b, &toy{name: "c"}}, findings)
	if !errors.Is(err, broken) || err.Error() != "a is not mended: read-only" {
		t.Errorf("got %v", err)
	}
	if len(done) != 1 || done[0].Target != "b" || done[0].Fixed != 2 || done[0].Findings[0] != findings[1] || done[0].Findings[1] != findings[5] {
		t.Errorf("got %+v", done)
	}
}
