package labels

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/micropq/micropq/internal/store"
)

func clinicalOf(t *testing.T, text string, c Clinical) (*clinicalTable, error) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "c.csv"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	c.Path = "c.csv"
	return readClinical(t.Context(), s, &c, []string{"split", "area"})
}

func TestClinical(t *testing.T) {
	text := "\ufeffTechnique,Section ,Diagnosis,Myofibre Count,Split\nIMC,C03,Healthy,306,a\nIF,C03,,12,\n"
	c := Clinical{Section: "section", Technique: "Technique", Diagnosis: "Diagnosis"}
	table, err := clinicalOf(t, text, c)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, col := range table.columns {
		names = append(names, col.Name)
	}
	if got := strings.Join(names, " "); got != "myofibre_count clinical_split" {
		t.Errorf("columns %s", got)
	}
	row := table.of(&section{technique: "imc", name: "C03"})
	if deref(row.diagnosis) != "Healthy" || row.values[0] != "306" || row.values[1] != "a" {
		t.Errorf("IMC C03: %v %v", deref(row.diagnosis), row.values)
	}
	row = table.of(&section{technique: "IF", name: "C03"})
	if row.diagnosis != nil || row.values[0] != "12" || row.values[1] != nil {
		t.Errorf("IF C03: %v %v", row.diagnosis, row.values)
	}
	other := &section{technique: "IF", name: "S60"}
	if row := table.of(other); len(row.values) != 2 || row.values[0] != nil || table.has(other) {
		t.Errorf("a section without a row: %v", row)
	}
}

func TestClinicalRefuses(t *testing.T) {
	c := Clinical{Section: "Section", Diagnosis: "Diagnosis"}
	for _, tt := range []struct{ name, text, want string }{
		{"no such column", "Section,Biopsy\nS1,ACL\n", `no column "Diagnosis" among Section, Biopsy`},
		{"a section twice", "Section,Diagnosis\nS1,a\nS1,b\n", `two rows for section "S1"`},
		{"a row too short", "Section,Diagnosis\nS1\n", "wrong number of fields"},
		{"empty", "", "EOF"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := clinicalOf(t, tt.text, c)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "c.csv") {
				t.Errorf("got %v, want it to say c.csv and %q", err, tt.want)
			}
		})
	}
}
