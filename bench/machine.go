package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
)

// printMachine says where and with what the numbers come about.
func printMachine(ctx context.Context, s *setup) error {
	fmt.Printf("scale %s, %d rounds, medians\n", s.scale.name, s.rounds)
	fmt.Printf("%s/%s, %d processors, %s, load %s\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), cpuModel(), load())
	versions := []string{runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			if strings.HasSuffix(d.Path, "klauspost/compress") || strings.HasSuffix(d.Path, "parquet-go/parquet-go") {
				versions = append(versions, d.Path+" "+d.Version)
			}
		}
	}
	const list = "import platform, importlib.metadata as m; print('Python', platform.python_version(), *(p + ' ' + m.version(p) for p in 'zarr numcodecs tensorstore numpy pyarrow zstandard'.split()), sep=', ')"
	out, err := exec.CommandContext(ctx, s.python, "-c", list).Output()
	if err != nil {
		return fmt.Errorf("%s lacks a package of testdata/requirements.txt: %w", s.python, err)
	}
	fmt.Printf("%s\n%s", strings.Join(versions, ", "), out)
	return nil
}

func cpuModel() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}

// load is the load average of the last minute.
func load() string {
	text, _ := os.ReadFile("/proc/loadavg")
	first, _, _ := strings.Cut(string(text), " ")
	return first
}
