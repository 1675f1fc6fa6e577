package main

import (
	"os"
	"runtime/debug"

	"github.com/micropq/micropq/loaders"
)

const (
	// programBytes is what the program takes by itself.
	programBytes = 32 << 20
	// shardBytes is what an open shard takes: its footer, and over HTTP more.
	shardBytes = 64 << 10
	// indexShare is the part of --memory that keeps the indexes of arrays not in use.
	indexShare = 16
)

// openBytes is what the program takes with these data sets open.
func openBytes(sets []*loaders.Dataset) int64 {
	n := int64(programBytes)
	for _, d := range sets {
		n += shardBytes * int64(len(d.Manifest().Shards))
	}
	return n
}

// limitMemory keeps the resident memory of the program, open data sets, the runtime and its
// garbage included, below --memory, and returns how much of it batches and what they are read with
// may take. A limit that the user gave the runtime stands.
func limitMemory(memory int64, sets []*loaders.Dataset) int64 {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(max(memory-programBytes, programBytes))
	}
	return max(memory-memory/4-memory/indexShare-openBytes(sets), 1)
}

// neededMemory is the --memory of which limitMemory leaves so much.
func neededMemory(left int64, sets []*loaders.Dataset) int64 {
	return (left + openBytes(sets)) / 11 * 16
}
