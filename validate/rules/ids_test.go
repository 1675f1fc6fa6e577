package rules_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/micropq/micropq/validate"
	"github.com/micropq/micropq/validate/rules"
)

// ids are the released rules: id, severity (error, warning, info), kinds of data (volumes, tissue images,
// questions), F for those with a safe fix. Ids are stable: a line may be
// added, and neither changed nor removed.
const ids = `
DS001 E VTQ
DS002 E VTQ
DS003 E VTQ
DS004 E VT
DS005 W VTQ
DS006 W VTQ
DS007 W VTQ
PX001 E VT
PX002 E VT
PX003 E VT
PX004 W VT
PX005 W VT
PX006 E VT
PX007 E VT
PX008 W T
LB001 E VT
LB002 I VT F
LB003 W VT
LB004 W VT
LB005 W T
LB006 I T
LB007 E T
LB008 E VTQ
LB009 E VTQ F
LB010 E VTQ
LB011 E VT
LB012 W VT
LB013 W VT
OV001 E VT
OV002 W VT
OV003 E V
CL001 E VTQ
CL002 E T
CL003 E T
CL004 W T
CL005 E VTQ
CL006 E V
AG001 E VT
AG002 W VT
SP001 E VTQ
SP002 W VTQ
SP003 E VTQ
QA001 E Q
QA002 E Q
QA003 W Q
QA004 E Q
`

func TestIdsAreThoseReleased(t *testing.T) {
	want := strings.Split(strings.TrimSpace(ids), "\n")
	if len(want) != 46 {
		t.Fatalf("%d ids are listed", len(want))
	}
	got := map[string]string{}
	for _, r := range rules.All() {
		got[r.ID] = idLine(r)
	}
	for _, line := range want {
		id := line[:5]
		if got[id] != line {
			t.Errorf("%s is %q, want %q", id, got[id], line)
		}
		delete(got, id)
	}
	for id, line := range got {
		t.Errorf("%s is not among those released: %q", id, line)
	}
}

// idLine is a rule as ids has it.
func idLine(r validate.Rule) string {
	line := fmt.Sprintf("%s %s ", r.ID, strings.ToUpper(r.Severity.String()[:1]))
	for i, kind := range []validate.Kind{validate.Volume, validate.Tissue, validate.Question} {
		if r.For&kind != 0 {
			line += string("VTQ"[i])
		}
	}
	if r.SafeFix {
		line += " F"
	}
	return line
}

// The rules stand in the order of the list.
func TestOrder(t *testing.T) {
	at := -1
	for _, r := range rules.All() {
		i := strings.Index(ids, "\n"+r.ID+" ")
		if i <= at {
			t.Errorf("%s stands after a later one", r.ID)
		}
		at = i
	}
}
