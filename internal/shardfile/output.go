package shardfile

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"os"
)

// output is the file of a shard while it is written: it counts and hashes its bytes.
type output struct {
	path string
	file *os.File // nil once closed
	hash hash.Hash
	size int64
}

func create(path string) (*output, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return nil, err
	}
	return &output{path: path, file: f, hash: sha256.New()}, nil
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.file.Write(p)
	o.hash.Write(p[:n])
	o.size += int64(n)
	return n, err
}

func (o *output) closed() bool { return o.file == nil }

func (o *output) sum() string { return hex.EncodeToString(o.hash.Sum(nil)) }

// finish makes the bytes durable and closes the file.
func (o *output) finish() error {
	if err := o.file.Sync(); err != nil {
		return err // abort closes it
	}
	err := o.file.Close()
	o.file = nil
	if err != nil {
		return errors.Join(err, os.Remove(o.path))
	}
	return nil
}

func (o *output) abort() error {
	if o.closed() {
		return nil
	}
	err := errors.Join(o.file.Close(), os.Remove(o.path))
	o.file = nil
	return err
}
