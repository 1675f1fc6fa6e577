package schemas

import (
	"fmt"
	"regexp"
	"strconv"
)

// splitPattern is what Hugging Face datasets accepts as the name of a split.
var splitPattern = regexp.MustCompile(`^\w+(\.\w+)*$`)

// CheckSplit checks the name of a split: words of letters, digits and underscores with
// single dots between them.
func CheckSplit(name string) error {
	if !splitPattern.MatchString(name) {
		return fmt.Errorf("split %q: want letters, digits and underscores, with single dots between them", name)
	}
	return nil
}

// ShardPath is the path of shard i of n of a table and split, relative to the data set and
// slash-separated: "chunks/train-00000-of-00012.parquet".
func ShardPath(table, split string, i, n int) string {
	return fmt.Sprintf("%s/%s-%05d-of-%05d.parquet", table, split, i, n)
}

var shardPattern = regexp.MustCompile(`^(samples|chunks|instances|questions)/(\w+(?:\.\w+)*)-([0-9]{5,9})-of-([0-9]{5,9})\.parquet$`)

// ParseShardPath is the inverse of [ShardPath].
func ParseShardPath(path string) (table, split string, i, n int, err error) {
	m := shardPattern.FindStringSubmatch(path)
	if m == nil {
		return "", "", 0, 0, fmt.Errorf("shard path %q: want a name such as %s", path, ShardPath(ChunksTable, "train", 0, 12))
	}
	i, _ = strconv.Atoi(m[3])
	n, _ = strconv.Atoi(m[4])
	if path != ShardPath(m[1], m[2], i, n) || i >= n {
		return "", "", 0, 0, fmt.Errorf("shard path %q: %s is not one of %s shards counted from 00000", path, m[3], m[4])
	}
	return m[1], m[2], i, n, nil
}
