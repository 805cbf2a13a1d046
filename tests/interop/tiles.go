// Lets golang.org/x/mod/sumdb, the first implementation of tiled logs, judge an export: tiles EXPORT.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// directory serves tiles from an export. sumdb names tiles with their height, tlog-tiles does not.
type directory string

func (d directory) Height() int { return 8 }

func (d directory) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		data, err := os.ReadFile(filepath.Join(string(d), strings.Replace(tile.Path(), "tile/8/", "tile/", 1)))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func (d directory) SaveTiles([]tlog.Tile, [][]byte) {}

func main() {
	size, err := verify(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "refused by sumdb:", err)
		os.Exit(1)
	}
	fmt.Printf("accepted: checkpoint, tiles and %d entries, by golang.org/x/mod/sumdb (Go)\n", size)
}

func verify(root string) (int64, error) {
	vkey, err := logKey(root)
	if err != nil {
		return 0, err
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return 0, err
	}
	signed, err := os.ReadFile(filepath.Join(root, "checkpoint"))
	if err != nil {
		return 0, err
	}
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return 0, err
	}
	lines := strings.Split(opened.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return 0, err
	}
	head, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil {
		return 0, err
	}
	var tree tlog.Tree
	tree.N = size
	copy(tree.Hash[:], head)
	return size, entries(root, tree)
}

func logKey(root string) (string, error) {
	policy, err := os.ReadFile(filepath.Join(root, "policy"))
	if err != nil {
		return "", err
	}
	for _, line := range strings.Split(string(policy), "\n") {
		if items := strings.Fields(line); len(items) > 1 && items[0] == "log" {
			return items[1], nil
		}
	}
	return "", fmt.Errorf("the trust file has no log")
}

// entries holds every entry against the leaf that the tiles prove to be under the checkpoint's root.
func entries(root string, tree tlog.Tree) error {
	reader := tlog.TileHashReader(tree, directory(root))
	for first := int64(0); first < tree.N; first += 256 {
		width := tree.N - first
		if width > 256 {
			width = 256
		}
		// A level-0 tile and an entry bundle of the same place have the same path but for its first part.
		tile := tlog.Tile{H: 8, L: 0, N: first / 256, W: int(width)}
		path := strings.Replace(tile.Path(), "tile/8/0/", "tile/entries/", 1)
		data, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			return err
		}
		var indexes []int64
		for n := first; n < first+width; n++ {
			indexes = append(indexes, tlog.StoredHashIndex(0, n))
		}
		leaves, err := reader.ReadHashes(indexes)
		if err != nil {
			return err
		}
		for i, leaf := range leaves {
			if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
				return fmt.Errorf("%s is cut off", path)
			}
			length := 2 + int(binary.BigEndian.Uint16(data))
			if tlog.RecordHash(data[2:length]) != leaf {
				return fmt.Errorf("entry %d is not the one in the tree", first+int64(i))
			}
			data = data[length:]
		}
		if len(data) > 0 {
			return fmt.Errorf("%s has more entries than its name says", path)
		}
	}
	return nil
}
