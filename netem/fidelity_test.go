package netem

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"text/tabwriter"
)

// FIDELITY is set by `make fidelity` to a number: the tests of the laws then
// draw from seeds of their own, and one table says how they came out.
const fidelity = "FIDELITY"

var verdicts struct {
	sync.Mutex
	seed uint64 // 0: the fixed seeds
	rows [][4]string
}

func TestMain(m *testing.M) {
	text, set := os.LookupEnv(fidelity)
	if set {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s=%q is no number\n", fidelity, text)
			os.Exit(2)
		}
		verdicts.seed = n
	}
	code := m.Run()
	if set {
		printVerdicts()
	}
	os.Exit(code)
}

func printVerdicts() {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "law (seed %d)\texpected\tgot\tverdict\n", verdicts.seed)
	for _, r := range verdicts.rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r[0], r[1], r[2], r[3])
	}
	_ = w.Flush()
}

// checked is one line of the table; the test fails where it is not met.
func checked(t *testing.T, law, expected, got string, ok bool) {
	t.Helper()
	verdict := "ok"
	if !ok {
		verdict = "FAILED"
		t.Errorf("%s: %s, expected %s", law, got, expected)
	} else {
		t.Logf("%s: %s, expected %s", law, got, expected)
	}
	verdicts.Lock()
	defer verdicts.Unlock()
	verdicts.rows = append(verdicts.rows, [4]string{law, expected, got, verdict})
}

// seed is the n-th root key of a test of a law.
func seed(n uint64) Key { return Seed(n + verdicts.seed<<20) }
