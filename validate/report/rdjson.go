package report

import (
	"encoding/json"
	"io"

	"github.com/micropq/micropq/validate"
)

// rdjson is the diagnostic format of reviewdog, as one JSON object.
type rdjson struct{}

type rdjsonResult struct {
	Source      rdjsonSource       `json:"source"`
	Diagnostics []rdjsonDiagnostic `json:"diagnostics"`
}

type rdjsonSource struct {
	Name string `json:"name"`
	URL  string `json:"url"`
}

type rdjsonDiagnostic struct {
	Message  string         `json:"message"`
	Location rdjsonLocation `json:"location"`
	Severity string         `json:"severity"`
	Code     rdjsonCode     `json:"code"`
}

type rdjsonLocation struct {
	Path  string       `json:"path"`
	Range *rdjsonRange `json:"range,omitempty"`
}

type rdjsonRange struct {
	Start rdjsonPosition `json:"start"`
}

type rdjsonPosition struct {
	Line int `json:"line"`
}

type rdjsonCode struct {
	Value string `json:"value"`
}

func (rdjson) Write(w io.Writer, r *Report) error {
	out := rdjsonResult{rdjsonSource{"micropq", projectURL}, []rdjsonDiagnostic{}}
	for _, f := range r.Findings {
		name, _ := r.path(f.Place)
		d := rdjsonDiagnostic{
			Message:  plain(message(f)),
			Location: rdjsonLocation{Path: name},
			Severity: map[validate.Severity]string{validate.Error: "ERROR", validate.Warning: "WARNING", validate.Info: "INFO"}[f.Severity],
			Code:     rdjsonCode{f.Rule},
		}
		if f.Line > 0 {
			d.Location.Range = &rdjsonRange{rdjsonPosition{f.Line}}
		}
		out.Diagnostics = append(out.Diagnostics, d)
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	return e.Encode(out)
}
