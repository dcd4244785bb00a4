package device

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// BenchmarkPairs compares an emulated device with the same client on plain
// sockets, in interleaved pairs against the bundled server in a process of its
// own, each on CPUs of its own.
func BenchmarkPairs(b *testing.B) {
	const seed = 1
	binary := buildPairServer(b)
	var bed *pairBed
	where := apart(b, func() { bed = startPairServer(b, binary) })
	r := rand.New(rand.NewPCG(seed, 0))
	var rows []pairRow
	for _, m := range pairMeasures(cpuTime) {
		b.Run(m.name, func(b *testing.B) {
			var res pairResult
			for b.Loop() {
				var err error
				if res, err = comparePairs(bed, m, r); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(res.emulated, m.unit)
			b.ReportMetric(res.ratio, "ratio")
			b.ReportMetric(res.low, "ratio-low")
			b.ReportMetric(res.high, "ratio-high")
			rows = append(rows, pairRow{m, res})
			if res.word == "missed" {
				b.Errorf("the ratio is above %.2f", m.target)
			}
		})
	}
	fmt.Printf("\n%s, order by seed %d\n", where, seed)
	printPairs(os.Stdout, rows)
}

// cpuTime is what this process has used, user and system.
func cpuTime() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// apart puts this process on one half of its CPUs and what start starts on
// the other, until the benchmark ends, and says so.
func apart(b *testing.B, start func()) string {
	var all unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil || all.Count() < 2 {
		start()
		return "client and server share one CPU"
	}
	var mine, theirs unix.CPUSet
	var my, their []int
	for cpu := range 8 * len(all) * int(unix.SizeofPtr) {
		switch {
		case !all.IsSet(cpu):
		case mine.Count() < all.Count()/2:
			mine.Set(cpu)
			my = append(my, cpu)
		default:
			theirs.Set(cpu)
			their = append(their, cpu)
		}
	}
	// A child has the CPUs of the thread that starts it.
	runtime.LockOSThread()
	if err := unix.SchedSetaffinity(0, &theirs); err != nil {
		b.Fatal(err)
	}
	start()
	pinThreads(b, &mine)
	runtime.UnlockOSThread()
	procs := runtime.GOMAXPROCS(mine.Count())
	b.Cleanup(func() {
		pinThreads(b, &all)
		runtime.GOMAXPROCS(procs)
	})
	return fmt.Sprintf("client on CPUs %v, server on CPUs %v (sched_setaffinity)", my, their)
}

// pinThreads pins every thread of this process; those to come have the CPUs
// of the one that makes them.
func pinThreads(b *testing.B, set *unix.CPUSet) {
	for range 2 { // a thread may appear while they are listed
		tasks, err := os.ReadDir("/proc/self/task")
		if err != nil {
			b.Fatal(err)
		}
		for _, t := range tasks {
			tid, _ := strconv.Atoi(t.Name())
			if err := unix.SchedSetaffinity(tid, set); err != nil && err != unix.ESRCH {
				b.Fatal(err)
			}
		}
	}
}
