// golang.org/x/mod/sumdb/{tlog,note} beside the product. Standard input: one JSON job.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type job struct {
	Act        string
	Folder     string
	Vkey       string
	Checkpoint string
	Old        string
	Inclusion  []inclusion
	Consistent []string
	Name       string
	Seed       []byte
	Size       int64
	OldSize    int64
	Indexes    []int64
}

type inclusion struct {
	Index int64
	Entry []byte
	Proof []string
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func must(holds bool, why string) {
	if !holds {
		check(fmt.Errorf("%s", why))
	}
}

// readCheckpoint opens a C2SP checkpoint: origin, size, root.
func readCheckpoint(text, vkey string) (tlog.Tree, *note.Note, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return tlog.Tree{}, nil, err
	}
	opened, err := note.Open([]byte(text), note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, nil, err
	}
	lines := strings.Split(opened.Text, "\n")
	must(len(lines) == 4 && lines[3] == "" && lines[0] == verifier.Name(), "no checkpoint of this log")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err)
	root, err := tlog.ParseHash(lines[2])
	check(err)
	return tlog.Tree{N: size, Hash: root}, opened, nil
}

// tiles reads tiles as the product wrote them: tile/<level>/<number>[.p/<width>].
type tiles struct {
	folder string
	read   int
}

func (t *tiles) Height() int { return 8 }

func (t *tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func (t *tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var out [][]byte
	for _, tile := range wanted {
		path := strings.TrimPrefix(tile.Path(), "tile/8/")
		data, err := os.ReadFile(filepath.Join(t.folder, "tile", path))
		if err != nil {
			return nil, err
		}
		t.read++
		out = append(out, data)
	}
	return out, nil
}

func hashes(texts []string) (out []tlog.Hash) {
	for _, text := range texts {
		hash, err := tlog.ParseHash(text)
		check(err)
		out = append(out, hash)
	}
	return out
}

func texts(hashes []tlog.Hash) []string {
	out := []string{}
	for _, hash := range hashes {
		out = append(out, base64.StdEncoding.EncodeToString(hash[:]))
	}
	return out
}

func flipped(proof []tlog.Hash) []tlog.Hash {
	wrong := append([]tlog.Hash{}, proof...)
	wrong[0][0] ^= 1
	return wrong
}

// read checks what the product wrote.
func read(j job) map[string]interface{} {
	tree, opened, err := readCheckpoint(j.Checkpoint, j.Vkey)
	check(err)
	old, _, err := readCheckpoint(j.Old, j.Vkey)
	check(err)
	_, _, err = readCheckpoint(strings.Replace(j.Checkpoint, "\n"+strconv.FormatInt(tree.N, 10)+"\n", "\n1\n", 1), j.Vkey)
	must(err != nil, "a changed checkpoint is accepted")
	files := &tiles{folder: j.Folder}
	reader := tlog.TileHashReader(tree, files)
	root, err := tlog.TreeHash(tree.N, reader)
	check(err)
	must(root == tree.Hash, "tiles give another root")
	for _, one := range j.Inclusion {
		leaf := tlog.RecordHash(one.Entry)
		proof := hashes(one.Proof)
		check(tlog.CheckRecord(proof, tree.N, tree.Hash, one.Index, leaf))
		must(tlog.CheckRecord(flipped(proof), tree.N, tree.Hash, one.Index, leaf) != nil, "a changed proof is accepted")
		own, err := tlog.ProveRecord(tree.N, one.Index, reader)
		check(err)
		must(fmt.Sprint(texts(own)) == fmt.Sprint(one.Proof), "the proof from the tiles is another")
	}
	check(tlog.CheckTree(hashes(j.Consistent), tree.N, tree.Hash, old.N, old.Hash))
	must(tlog.CheckTree(flipped(hashes(j.Consistent)), tree.N, tree.Hash, old.N, old.Hash) != nil, "a changed proof is accepted")
	return map[string]interface{}{
		"size": tree.N, "signer": opened.Sigs[0].Name, "key_id": fmt.Sprintf("%08x", opened.Sigs[0].Hash),
		"tiles": files.read, "inclusion": len(j.Inclusion), "consistent_from": old.N,
	}
}

// write makes a log of its own: entries are their numbers in decimal.
func write(j job) map[string]interface{} {
	skey, vkey, err := note.GenerateKey(bytes.NewReader(j.Seed), j.Name)
	check(err)
	signer, err := note.NewSigner(skey)
	check(err)
	var stored []tlog.Hash
	storage := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var out []tlog.Hash
		for _, index := range indexes {
			out = append(out, stored[index])
		}
		return out, nil
	})
	for i := int64(0); i < j.Size; i++ {
		more, err := tlog.StoredHashes(i, []byte(strconv.FormatInt(i, 10)), storage)
		check(err)
		stored = append(stored, more...)
	}
	sign := func(size int64) string {
		root, err := tlog.TreeHash(size, storage)
		check(err)
		text := fmt.Sprintf("%s\n%d\n%s\n", j.Name, size, root)
		signed, err := note.Sign(&note.Note{Text: text}, signer)
		check(err)
		return string(signed)
	}
	inclusion := map[string][]string{}
	for _, index := range j.Indexes {
		proof, err := tlog.ProveRecord(j.Size, index, storage)
		check(err)
		inclusion[strconv.FormatInt(index, 10)] = texts(proof)
	}
	consistent, err := tlog.ProveTree(j.Size, j.OldSize, storage)
	check(err)
	return map[string]interface{}{
		"vkey": vkey, "checkpoint": sign(j.Size), "old": sign(j.OldSize),
		"inclusion": inclusion, "consistent": texts(consistent),
	}
}

func main() {
	var j job
	check(json.NewDecoder(os.Stdin).Decode(&j))
	acts := map[string]func(job) map[string]interface{}{"read": read, "write": write}
	act, known := acts[j.Act]
	must(known, "unknown act")
	check(json.NewEncoder(os.Stdout).Encode(act(j)))
}
