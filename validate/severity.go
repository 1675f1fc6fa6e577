package validate

import (
	"fmt"
	"slices"
)

// Severity says how bad a finding is.
type Severity int8

// The severities, in ascending order.
const (
	Info Severity = iota + 1
	Warning
	Error
)

var severityNames = []string{Info: "info", Warning: "warning", Error: "error"}

// ParseSeverity is the severity of a name: error, warning or info.
func ParseSeverity(name string) (Severity, error) {
	if i := slices.Index(severityNames, name); i > 0 {
		return Severity(i), nil
	}
	return 0, fmt.Errorf("severity %q: want error, warning or info", name)
}

func (s Severity) String() string {
	if s < Info || s > Error {
		return fmt.Sprintf("Severity(%d)", int8(s))
	}
	return severityNames[s]
}

// MarshalText is the name of the severity.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText is the inverse of MarshalText.
func (s *Severity) UnmarshalText(b []byte) (err error) {
	*s, err = ParseSeverity(string(b))
	return err
}
