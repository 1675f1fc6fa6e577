package schemas

import (
	"errors"
	"testing"
)

func TestCheckVersion(t *testing.T) {
	for _, version := range []string{FormatVersion(), "1.0", "1.1", "1.999"} {
		if err := CheckVersion(version); err != nil {
			t.Errorf("%s: %v", version, err)
		}
	}
	for version, newer := range map[string]bool{
		"2.0": true, "10.3": true, "999999999.0": true,
		"": false, "1": false, "1.": false, "0.9": false, "1.0.0": false, "01.0": false, "1.00": false, "v1.0": false,
		"-1.0": false, "1.0\n": false, "99999999999999999999.0": false, "1.99999999999999999999": false,
	} {
		err := CheckVersion(version)
		var v *VersionError
		if !errors.As(err, &v) || v.Version != version || v.Newer != newer {
			t.Errorf("%q: error %v, want a VersionError with Newer %v", version, err, newer)
		}
	}
}

func TestShardPath(t *testing.T) {
	if got, want := ShardPath(ChunksTable, "train", 3, 12), "chunks/train-00003-of-00012.parquet"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for _, n := range []int{1, 12, 99999, 123456} {
		path := ShardPath(SamplesTable, "val.a_1", n-1, n)
		table, split, i, m, err := ParseShardPath(path)
		if table != SamplesTable || split != "val.a_1" || i != n-1 || m != n || err != nil {
			t.Errorf("%s is parsed as %s %s %d %d, %v", path, table, split, i, m, err)
		}
	}
}

func TestCheckSplit(t *testing.T) {
	for split, ok := range map[string]bool{
		"train": true, "train.part_2": true, "_": true, "unassigned": true,
		"": false, "a-b": false, "a b": false, ".a": false, "a..b": false, "a.": false, "a/b": false, "a\n": false,
	} {
		if err := CheckSplit(split); (err == nil) != ok {
			t.Errorf("split %q: error %v", split, err)
		}
	}
}
