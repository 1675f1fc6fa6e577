package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/micropq/micropq/validate"
)

// github is the workflow commands by which a step of GitHub Actions annotates files. A step shows so many of
// each level and drops the others, so the worst are written and the rest is counted.
type github struct{}

// maxAnnotations is what GitHub shows of each level in a step.
const maxAnnotations = 10

func (github) Write(out io.Writer, r *Report) error {
	w := bufio.NewWriter(out)
	for _, u := range r.Unreadable {
		command(w, "error", append(r.file(validate.Place{Target: u.Target}), [2]string{"title", "unreadable"}), u.Error())
	}
	written := map[validate.Severity]int{}
	for _, f := range r.Findings {
		if written[f.Severity]++; written[f.Severity] > maxAnnotations {
			continue
		}
		properties := append(r.file(f.Place), [2]string{"title", f.Rule + " " + r.rule(f.Rule).Title})
		command(w, map[validate.Severity]string{validate.Error: "error", validate.Warning: "warning", validate.Info: "notice"}[f.Severity],
			properties, message(f))
	}
	for _, s := range []validate.Severity{validate.Error, validate.Warning, validate.Info} {
		if n := written[s] - maxAnnotations; n > 0 {
			fmt.Fprintf(w, "%d more findings of severity %s are not annotated\n", n, s)
		}
	}
	for _, n := range r.Notes {
		fmt.Fprintf(w, "note: %s\n", plain(n))
	}
	fmt.Fprintln(w, r.Summary())
	return w.Flush()
}

// file is the properties that name a file of the repository; nothing else can be annotated.
func (r *Report) file(p validate.Place) (properties [][2]string) {
	name, local := r.path(p)
	if !local {
		return nil
	}
	properties = [][2]string{{"file", name}}
	if p.Line > 0 {
		properties = append(properties, [2]string{"line", fmt.Sprint(p.Line)})
	}
	return properties
}

// message is what is wrong and in which sample.
func message(f *validate.Finding) string {
	if f.Sample == "" || strings.Contains(f.Message, f.Sample) {
		return f.Message
	}
	return f.Sample + ": " + f.Message
}

// command writes a workflow command; the escapes are those that the runner undoes.
func command(w io.Writer, name string, properties [][2]string, text string) {
	data := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	var list []string
	for _, p := range properties {
		list = append(list, p[0]+"="+property.Replace(plain(p[1])))
	}
	fmt.Fprintf(w, "::%s %s::%s\n", name, strings.Join(list, ","), data.Replace(plain(text)))
}
