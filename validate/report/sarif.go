package report

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/micropq/micropq/validate"
)

// sarif is the Static Analysis Results Interchange Format, version 2.1.0 (OASIS, with errata 01).
type sarif struct{}

const (
	// maxResults is what services show of a run; a file with more is cut by them, and not by severity.
	maxResults = 5000
	// sourceRoot is the base of paths. Services know it as the root of a repository.
	sourceRoot = "%SRCROOT%"
	// fingerprintName says how a fingerprint is computed; see validate.Finding.
	fingerprintName = "micropq/v1"
	projectURL      = "https://github.com/micropq/micropq"
)

type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool               sarifTool                `json:"tool"`
	Invocations        []sarifInvocation        `json:"invocations"`
	OriginalURIBaseIDs map[string]sarifArtifact `json:"originalUriBaseIds"`
	Results            []sarifResult            `json:"results"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name           string      `json:"name"`
	Version        string      `json:"version"`
	InformationURI string      `json:"informationUri"`
	Rules          []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID               string      `json:"id"`
	ShortDescription sarifText   `json:"shortDescription"`
	FullDescription  sarifText   `json:"fullDescription"`
	Help             sarifText   `json:"help"`
	Default          sarifConfig `json:"defaultConfiguration"`
}

type sarifConfig struct {
	Enabled bool   `json:"enabled"`
	Level   string `json:"level"`
}

type sarifText struct {
	Text     string `json:"text"`
	Markdown string `json:"markdown,omitempty"`
}

type sarifInvocation struct {
	ExecutionSuccessful bool                `json:"executionSuccessful"`
	Notifications       []sarifNotification `json:"toolExecutionNotifications,omitempty"`
}

type sarifNotification struct {
	Level   string    `json:"level"`
	Message sarifText `json:"message"`
}

type sarifArtifact struct {
	URI         string     `json:"uri,omitempty"`
	URIBaseID   string     `json:"uriBaseId,omitempty"`
	Description *sarifText `json:"description,omitempty"`
}

type sarifResult struct {
	RuleID              string            `json:"ruleId"`
	RuleIndex           int               `json:"ruleIndex"`
	Level               string            `json:"level"`
	Message             sarifText         `json:"message"`
	Locations           []sarifLocation   `json:"locations"`
	PartialFingerprints map[string]string `json:"partialFingerprints"`
	Properties          map[string]any    `json:"properties,omitempty"`
}

type sarifLocation struct {
	Physical sarifPhysical  `json:"physicalLocation"`
	Logical  []sarifLogical `json:"logicalLocations,omitempty"`
}

type sarifPhysical struct {
	Artifact sarifArtifact `json:"artifactLocation"`
	Region   *sarifRegion  `json:"region,omitempty"`
}

type sarifRegion struct {
	StartLine int `json:"startLine"`
}

// sarifLogical is a sample, or what lies in it.
type sarifLogical struct {
	Name string `json:"fullyQualifiedName"`
	Kind string `json:"kind"`
}

func (sarif) Write(w io.Writer, r *Report) error {
	index := map[string]int{}
	driver := sarifDriver{Name: "micropq", Version: r.Version, InformationURI: projectURL, Rules: []sarifRule{}}
	for i, rule := range r.Catalogue {
		index[rule.ID] = i
		driver.Rules = append(driver.Rules, sarifRuleOf(rule))
	}
	run := sarifRun{
		Tool:        sarifTool{driver},
		Invocations: []sarifInvocation{{len(r.Unreadable) == 0, sarifNotifications(r)}},
		OriginalURIBaseIDs: map[string]sarifArtifact{
			sourceRoot: {Description: &sarifText{Text: "the folder that micropq was started in"}},
		},
		Results: []sarifResult{},
	}
	for _, f := range r.Findings[:min(len(r.Findings), maxResults)] {
		i, ok := index[f.Rule]
		if !ok {
			i = -1 // as the specification has it for a rule that is not listed
		}
		run.Results = append(run.Results, sarifResultOf(r, f, i))
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	return e.Encode(sarifLog{"https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json", "2.1.0", []sarifRun{run}})
}

func sarifRuleOf(r validate.Rule) sarifRule {
	return sarifRule{
		ID:               r.ID,
		ShortDescription: sarifText{Text: r.Title},
		FullDescription:  sarifText{Text: r.Why},
		Help: sarifText{
			Text:     fmt.Sprintf("%s\n\nExample: %s\n\nHow to mend it: %s", r.Why, r.Example, r.Mend),
			Markdown: fmt.Sprintf("%s\n\n**Example:** %s\n\n**How to mend it:** %s\n", r.Why, r.Example, r.Mend),
		},
		Default: sarifConfig{!r.Off, sarifLevel(r.Severity)},
	}
}

func sarifLevel(s validate.Severity) string {
	return map[validate.Severity]string{validate.Error: "error", validate.Warning: "warning", validate.Info: "note"}[s]
}

// sarifNotifications tell of targets that could not be read, of what is not listed, and the notes.
func sarifNotifications(r *Report) (all []sarifNotification) {
	add := func(level, text string) {
		all = append(all, sarifNotification{level, sarifText{Text: plain(text)}})
	}
	for _, u := range r.Unreadable {
		add("error", u.Error())
	}
	total := int64(len(r.Findings)) + r.cut()
	if listed := min(len(r.Findings), maxResults); int64(listed) < total {
		add("warning", fmt.Sprintf("%d of %d findings are listed, the worst of them", listed, total))
	}
	for _, n := range r.Notes {
		add("note", n)
	}
	return all
}

func sarifResultOf(r *Report, f *validate.Finding, index int) sarifResult {
	result := sarifResult{
		RuleID:              f.Rule,
		RuleIndex:           index,
		Level:               sarifLevel(f.Severity),
		Message:             sarifText{Text: plain(f.Message)},
		PartialFingerprints: map[string]string{fingerprintName: f.Fingerprint},
		Properties:          sarifProperties(f),
	}
	at := sarifLocation{Physical: sarifPhysical{Artifact: sarifArtifactOf(r, f.Place)}}
	if f.Line > 0 {
		at.Physical.Region = &sarifRegion{f.Line}
	}
	if name := about(f.Place); name != "" {
		at.Logical = []sarifLogical{{name, "object"}}
	}
	result.Locations = []sarifLocation{at}
	return result
}

// sarifArtifactOf names a file: from the source root, or else by an absolute URI.
func sarifArtifactOf(r *Report, p validate.Place) sarifArtifact {
	name, local := r.path(p)
	switch {
	case local:
		return sarifArtifact{URI: (&url.URL{Path: name}).String(), URIBaseID: sourceRoot}
	case strings.Contains(name, "://"):
		return sarifArtifact{URI: name}
	}
	return sarifArtifact{URI: (&url.URL{Scheme: "file", Path: "/" + strings.TrimPrefix(name, "/")}).String()}
}

// about names what a finding is about: "S60/mask_am/137".
func about(p validate.Place) string {
	parts := []string{p.Sample, p.Array, p.Question}
	if p.Instance != nil {
		parts = append(parts, fmt.Sprint(*p.Instance))
	}
	return plain(strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "/"))
}

// sarifProperties hold what SARIF has no place for.
func sarifProperties(f *validate.Finding) map[string]any {
	m := map[string]any{}
	if f.Dataset != "" {
		m["dataset"] = f.Dataset
	}
	if f.Row != nil {
		m["row"] = *f.Row
	}
	if f.BBox != nil {
		m["bbox"] = f.BBox
	}
	if f.Value != nil {
		m["value"] = f.Value
	}
	if f.Limit != nil {
		m["limit"] = f.Limit
	}
	if len(m) == 0 {
		return nil
	}
	return m
}
