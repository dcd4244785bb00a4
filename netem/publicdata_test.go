package netem

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// dataRow is one row of a file of public data, by column.
type dataRow map[string]string

// publicData reads a file of testdata. Lines that begin with # say where its
// numbers come from.
func publicData(t *testing.T, name string) (rows []dataRow) {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comment = '#'
	lines, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines[1:] {
		row := dataRow{}
		for i, column := range lines[0] {
			row[column] = line[i]
		}
		rows = append(rows, row)
	}
	return rows
}

func (r dataRow) number(t *testing.T, column string) float64 {
	t.Helper()
	x, err := strconv.ParseFloat(r[column], 64)
	if err != nil {
		t.Fatalf("column %s: %v", column, err)
	}
	return x
}
