package journal

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxLine bounds one line: an entry with the masks of two very large instances.
const maxLine = 256 << 20

const (
	sumKey  = `,"sum":"`
	sumSize = 2 * sha256.Size
	// sumTail is the length of what follows the summed bytes: the key, the sum, `"}`.
	sumTail = len(sumKey) + sumSize + 2
)

// header is the first line.
type header struct {
	Journal  string `json:"journal"` // headerName
	Version  int    `json:"version"` // of the layout
	Dataset  string `json:"dataset"` // name of the data set
	Manifest string `json:"manifest"`
}

const (
	headerName    = "micropq annotations"
	headerVersion = 1
)

func (h *header) check() error {
	if h.Journal != headerName {
		return fmt.Errorf("the first line is no header: want \"journal\":%q", headerName)
	}
	if h.Version != headerVersion {
		return fmt.Errorf("journal version %d: this micropq reads %d", h.Version, headerVersion)
	}
	return nil
}

// sealed is v as a line, and its sum.
func sealed(prev string, v any) (line []byte, sum string, err error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, "", err
	}
	body := bytes.TrimSuffix(b.Bytes(), []byte("}\n"))
	sum = sumOf(prev, body)
	line = append(body, sumKey...)
	line = append(line, sum...)
	if len(line) > maxLine-3 {
		return nil, "", fmt.Errorf("an entry of %d bytes: the journal takes %d", len(line), maxLine)
	}
	return append(line, "\"}\n"...), sum, nil
}

func sumOf(prev string, body []byte) string {
	h := sha256.New()
	io.WriteString(h, prev)
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}

// open decodes a line, without its newline, into v and returns its sum.
func open(prev string, line []byte, v any) (sum string, err error) {
	cut := len(line) - sumTail
	if cut < 1 || !bytes.HasPrefix(line[cut:], []byte(sumKey)) || !bytes.HasSuffix(line, []byte(`"}`)) {
		return "", errors.New("no sum at the end of the line")
	}
	body := line[:cut]
	sum = string(line[cut+len(sumKey) : len(line)-2])
	if sum != sumOf(prev, body) {
		return "", errors.New("the sum disagrees with the line or the line before it")
	}
	return sum, decodeStrict(append(body[:len(body):len(body)], '}'), v)
}

// errTorn is a last line that has no end.
var errTorn = errors.New("the line is cut off")

// lineReader reads lines of at most maxLine and knows where they lie.
type lineReader struct {
	r   *bufio.Reader
	at  int64 // of the next line
	buf []byte
}

func newLineReader(r io.Reader, at int64) *lineReader {
	return &lineReader{r: bufio.NewReaderSize(r, 64<<10), at: at}
}

// next is the next line without its newline, valid until the call after; io.EOF behind the
// last one and errTorn for one without a newline.
func (l *lineReader) next() ([]byte, error) {
	l.buf = l.buf[:0]
	for {
		part, err := l.r.ReadSlice('\n')
		l.buf = append(l.buf, part...)
		switch {
		case len(l.buf) > maxLine:
			return nil, fmt.Errorf("a line of more than %d bytes", maxLine)
		case err == nil:
			l.at += int64(len(l.buf))
			return l.buf[:len(l.buf)-1], nil
		case errors.Is(err, io.EOF) && len(l.buf) == 0:
			return nil, io.EOF
		case errors.Is(err, io.EOF):
			return nil, errTorn
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}
