package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// cost of a process and its children.
type cost struct {
	wall, cpu float64 // seconds
	peak      float64 // bytes of resident memory, all processes together
	size      float64 // bytes written
}

// measure runs a command to its end.
func measure(ctx context.Context, args ...string) (c cost, err error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stderr = os.Stderr
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return c, err
	}
	peak := make(chan float64)
	ended := make(chan struct{})
	go func() {
		most := 0.0
		for tick := time.Tick(20 * time.Millisecond); ; {
			select {
			case <-tick:
				most = max(most, residentTree(cmd.Process.Pid))
			case <-ended:
				peak <- most
				return
			}
		}
	}()
	err = cmd.Wait()
	c.wall = seconds(start)
	close(ended)
	c.peak = <-peak
	if err != nil {
		return c, fmt.Errorf("%s: %w", strings.Join(args, " "), err)
	}
	c.cpu = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	return c, nil
}

// residentTree is the resident memory of a process and what it started, in bytes; 0 where
// there is no /proc.
func residentTree(root int) (sum float64) {
	parents, resident := map[int]int{}, map[int]float64{}
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			continue // it has ended
		}
		// pid (name) state ppid ...; resident pages are field 24 (proc(5)).
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(f)))
		parents[pid], _ = strconv.Atoi(fields[1])
		pages, _ := strconv.ParseFloat(fields[21], 64)
		resident[pid] = pages * float64(os.Getpagesize())
	}
	for pid := range parents {
		for p := pid; p > 1; p = parents[p] {
			if p == root {
				sum += resident[pid]
				break
			}
		}
	}
	return sum
}

// peer is a Python program that answers a JSON object a line with one.
type peer struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func startPeer(ctx context.Context, s *setup, script string, args ...string) (*peer, error) {
	p := &peer{cmd: exec.CommandContext(ctx, s.python, append([]string{script}, args...)...)}
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	p.out = bufio.NewScanner(out)
	return p, p.cmd.Start()
}

// ask sends a question and waits for the answer.
func (p *peer) ask(question, answer any) error {
	if err := json.NewEncoder(p.in).Encode(question); err != nil {
		return err
	}
	if !p.out.Scan() {
		return errors.Join(errors.New("the peer gave no answer"), p.out.Err(), p.cmd.Wait())
	}
	return json.Unmarshal(p.out.Bytes(), answer)
}

func (p *peer) close() error { return errors.Join(p.in.Close(), p.cmd.Wait()) }
