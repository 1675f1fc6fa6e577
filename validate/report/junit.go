package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/micropq/micropq/validate"
)

// junit is the XML of JUnit as Jenkins and GitLab read it: a suite a target, a case a rule. A case fails where
// the rule makes the run fail; what it found below that level is its output. A target that cannot be read
// is an error of its own.
type junit struct{}

// maxCaseLines bounds what a case says.
const maxCaseLines = 100

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name      string        `xml:"name,attr"`
	ClassName string        `xml:"classname,attr"`
	Failure   *junitProblem `xml:"failure"`
	Error     *junitProblem `xml:"error"`
	Skipped   *junitSkipped `xml:"skipped"`
	Output    string        `xml:"system-out,omitempty"`
}

type junitSkipped struct {
	Message string `xml:"message,attr"`
}

type junitProblem struct {
	Type    string `xml:"type,attr"`
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

func (junit) Write(w io.Writer, r *Report) error {
	type key struct{ target, rule string }
	found := map[key][]*validate.Finding{}
	for _, f := range r.Findings {
		k := key{f.Target, f.Rule}
		found[k] = append(found[k], f)
	}
	unreadable := map[string]*validate.TargetError{}
	for _, u := range r.Unreadable {
		unreadable[u.Target] = u
	}
	all := junitSuites{Name: "micropq validate"}
	for _, target := range r.files() {
		s := junitSuite{Name: plain(target)}
		if u := unreadable[target]; u != nil {
			s.Errors++
			s.Cases = append(s.Cases, junitCase{Name: "can be read", ClassName: s.Name, Error: &junitProblem{Type: "unreadable", Message: plain(u.Error())}})
		}
		for _, rule := range r.Rules {
			c := junitCase{Name: rule.ID + " " + rule.Title, ClassName: s.Name}
			if fs := found[key{target, rule.ID}]; len(fs) > 0 && r.Fail != 0 && fs[0].Severity >= r.Fail {
				s.Failures++
				c.Failure = &junitProblem{Type: fs[0].Severity.String(), Message: caseMessage(fs), Text: caseText(fs)}
			} else if len(fs) > 0 {
				c.Output = caseText(fs)
			} else if s.Errors > 0 { // not found so far is not the same as clean
				s.Skipped++
				c.Skipped = &junitSkipped{"the target could not be read to its end"}
			}
			s.Cases = append(s.Cases, c)
		}
		s.Tests = len(s.Cases)
		all.Tests, all.Failures, all.Errors = all.Tests+s.Tests, all.Failures+s.Failures, all.Errors+s.Errors
		all.Suites = append(all.Suites, s)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", " ")
	if err := e.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// files are the targets, and files that belong to one and have findings of their own.
func (r *Report) files() []string {
	names := slices.Clone(r.Targets)
	for _, f := range r.Findings {
		if !slices.Contains(names, f.Target) {
			names = append(names, f.Target)
		}
	}
	return names
}

func caseMessage(fs []*validate.Finding) string {
	if len(fs) == 1 {
		return plain(fs[0].Message)
	}
	return fmt.Sprintf("%s (and %d more)", plain(fs[0].Message), len(fs)-1)
}

func caseText(fs []*validate.Finding) string {
	var b strings.Builder
	for i, f := range fs {
		if i == maxCaseLines {
			fmt.Fprintf(&b, "... and %d more\n", len(fs)-i)
			break
		}
		fmt.Fprintf(&b, "%s: %s", f.Severity, plain(f.Message))
		for _, at := range []string{plain(f.Sample), plain(where(f.Place))} {
			if at != "" {
				fmt.Fprintf(&b, " [%s]", at)
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}
