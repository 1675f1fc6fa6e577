package report

import (
	"encoding/json"
	"io"

	"github.com/micropq/micropq/validate"
)

// lines is JSON Lines: a finding a line, and nothing else.
type lines struct{}

func (lines) Write(w io.Writer, r *Report) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	for _, f := range r.Findings {
		if err := e.Encode(f); err != nil {
			return err
		}
	}
	return nil
}

// document is one JSON object with everything in it.
type document struct{}

func (document) Write(w io.Writer, r *Report) error {
	counts := r.counts()
	doc := struct {
		Version    string              `json:"version"`
		Targets    []string            `json:"targets"`
		Counts     documentCounts      `json:"counts"`
		Seen       map[string]int64    `json:"seen"`
		Cut        map[string]int64    `json:"cut,omitempty"`
		Unreadable []unreadable        `json:"unreadable,omitempty"`
		Notes      []string            `json:"notes,omitempty"`
		Rules      []ranRule           `json:"rules"`
		Findings   []*validate.Finding `json:"findings"`
	}{
		Version: r.Version, Targets: r.Targets, Seen: r.Seen, Cut: r.Cut, Notes: r.Notes,
		Counts:   documentCounts{counts[validate.Error], counts[validate.Warning], counts[validate.Info], r.Known, r.Excepted},
		Findings: append([]*validate.Finding{}, r.Findings...),
	}
	for _, u := range r.Unreadable {
		doc.Unreadable = append(doc.Unreadable, unreadable{u.Target, u.Err.Error()})
	}
	for _, t := range r.Rules {
		doc.Rules = append(doc.Rules, ranRule{t.ID, t.Severity, t.Values})
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(doc)
}

type documentCounts struct {
	Error    int   `json:"error"`
	Warning  int   `json:"warning"`
	Info     int   `json:"info"`
	Known    int64 `json:"known"`
	Excepted int64 `json:"excepted"`
}

type unreadable struct {
	Target string `json:"target"`
	Error  string `json:"error"`
}

type ranRule struct {
	ID       string             `json:"id"`
	Severity validate.Severity  `json:"severity"`
	Limits   map[string]float64 `json:"limits,omitempty"`
}
