package convert

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/parquet-go/parquet-go"

	"github.com/micropq/micropq/internal/shardfile"
	"github.com/micropq/micropq/schemas"
)

// Source is what a converter supplies: a plan, and sessions that carry out its tasks.
type Source interface {
	// Plan reads headers and listings only.
	Plan(ctx context.Context) (*Plan, error)
	// Session prepares to run tasks of one chain in the order given. The tasks may be
	// any subset of the chain, in plan order.
	Session(ctx context.Context, tasks []Task, res Resources) (Session, error)
}

// Reporter is a Source that has something to say once every task is done.
type Reporter interface {
	// Report reads the facts of tasks into pointers, as Resources.Facts does.
	Report(facts func(t Task, into any) error) (*Report, error)
}

// Report is what became of the rows of a source.
type Report struct {
	Rejected []Rejection      // what could not be converted and was left out
	Repairs  map[string]int64 // values put right, by the column that holds them
	Notes    []string         // for the user
}

// Rejection is a row of the source, or several, that the data set lacks: a line of
// rejected.jsonl.
type Rejection struct {
	File   string `json:"file"`             // in the source
	Row    int64  `json:"row"`              // in the file, from 0; the first of Rows
	Rows   int64  `json:"rows,omitempty"`   // absent for one
	Offset *int64 `json:"offset,omitempty"` // in the file, where it is known
	Sample string `json:"sample,omitempty"`
	Where  string `json:"where,omitempty"` // column or field
	Error  string `json:"error"`
}

// Session runs the tasks it was made for, one after the other.
type Session interface {
	// Run writes the rows of task t in order and returns the task's facts, which must be
	// encodable by encoding/gob, or nil. It does not finish the shard.
	Run(ctx context.Context, t Task, w *Shard) (facts any, err error)
	Close() error
}

// Shard takes the rows of one shard in order.
type Shard struct {
	table *schemas.Table
	w     *shardfile.Writer
	row   parquet.Row
}

// Write adds a row: a value of the table's row type, or a pointer to one, and the values of
// the columns added at run time. The row is copied.
func (s *Shard) Write(row any, added ...any) (err error) {
	if s.row, err = s.table.Row(s.row[:0], row, added...); err != nil {
		return err
	}
	return s.w.Write(s.row)
}

// Resources is what a session may use.
type Resources struct {
	// Memory bounds the bytes the session holds.
	Memory int64
	// Workers is the number of goroutines worth starting; CPU is what they take turns on.
	Workers int
	CPU     *CPU
	// Progress is told of source bytes dealt with.
	Progress func(bytes int64)
	// Facts reads the facts of an earlier stage's task into a pointer.
	Facts func(t Task, into any) error
}

// Plan says which shards a data set will have and what it says of itself.
type Plan struct {
	Name        string
	Source      schemas.Source
	Options     map[string]any // JSON values that determine the bytes; neither jobs nor memory do
	Description string
	Tags        []string
	Tables      []*schemas.Table
	Tasks       []Task
	// RowGroupBytes is the size of its values at which a row group ends; default 32 MiB. A
	// shard that is written buffers as much.
	RowGroupBytes int64
	// Notes tell the user what was noticed: ignored arrays, samples left out.
	Notes []string
}

// Task writes shard Index of Count of a table and split.
type Task struct {
	Table string `json:"table"`
	Split string `json:"split"`
	Index int    `json:"index"`
	Count int    `json:"count"`
	Stage int    `json:"stage"`
	// Chain names the chain the task belongs to; tasks of a chain are consecutive in the plan.
	Chain string `json:"chain"`
	// Work is the number of source bytes, decoded, that the task deals with.
	Work int64 `json:"work"`
	// Detail says what goes into the shard. It belongs to the plan's fingerprint and is
	// what a dry run shows.
	Detail json.RawMessage `json:"detail"`
}

// Path is the shard's path within the data set.
func (t Task) Path() string { return schemas.ShardPath(t.Table, t.Split, t.Index, t.Count) }

// id names the task's receipt and facts.
func (t Task) id() string { return strings.ReplaceAll(t.Path(), "/", "_") }

// Work is the sum over all tasks.
func (p *Plan) Work() int64 {
	var n int64
	for _, t := range p.Tasks {
		n += t.Work
	}
	return n
}

// Fingerprint identifies the plan: equal fingerprints give equal data sets.
func (p *Plan) Fingerprint() (string, error) {
	b, err := json.Marshal(struct {
		Version string
		Name    string
		Source  schemas.Source
		Options map[string]any
		Tasks   []Task
	}{schemas.FormatVersion(), p.Name, p.Source, p.Options, p.Tasks})
	if err != nil {
		return "", fmt.Errorf("fingerprint of the plan: %w", err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

func (p *Plan) table(name string) (*schemas.Table, error) {
	for _, t := range p.Tables {
		if t.Name == name {
			return t, nil
		}
	}
	return nil, fmt.Errorf("the plan has tasks of table %q but not the table", name)
}

// chains groups the tasks of a stage that are not done, in plan order.
func (p *Plan) chains(stage int, done func(Task) bool) [][]Task {
	var out [][]Task
	last := ""
	for _, t := range p.Tasks {
		if t.Stage != stage || done(t) {
			continue
		}
		if len(out) == 0 || t.Chain != last {
			out = append(out, nil)
		}
		last = t.Chain
		out[len(out)-1] = append(out[len(out)-1], t)
	}
	return out
}

func (p *Plan) stages() int {
	n := 0
	for _, t := range p.Tasks {
		n = max(n, t.Stage+1)
	}
	return n
}

// CPU is a counter of processors that goroutines of several sessions share: a goroutine
// takes one for as long as it computes. It must not wait for another goroutine that has
// none yet while it holds one.
type CPU struct{ slots chan struct{} }

// NewCPU makes n processors.
func NewCPU(n int) *CPU { return &CPU{slots: make(chan struct{}, n)} }

// Acquire takes a processor or returns the context's error.
func (c *CPU) Acquire(ctx context.Context) error {
	select {
	case c.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Release gives it back.
func (c *CPU) Release() { <-c.slots }
