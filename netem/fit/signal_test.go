package fit

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

// signalLog is a log of readings a second apart, each with a time as stamp
// writes it.
func signalLog(rssi []int, stamp func(time.Duration) string) string {
	var b strings.Builder
	for i, n := range rssi {
		at := time.Duration(i) * time.Second
		fmt.Fprintf(&b, "%s AT+CSQ\r\n%s +CSQ: %d,99\r\n%s OK\r\n", stamp(at), stamp(at), n, stamp(at))
	}
	return b.String()
}

func repeat(n int, values ...int) (all []int) {
	for _, v := range values {
		for range n {
			all = append(all, v)
		}
	}
	return all
}

// The limits of the classes: 19 is -75 dBm and 14 is -85 dBm.
func TestSignalRecovered(t *testing.T) {
	rssi := repeat(60, 31, 20, 19, 15, 14, 2, 25)
	want := []Class{
		{0, "cat1-good"},
		{120 * time.Second, "cat1-typical"},
		{240 * time.Second, "cat1-cell-edge"},
		{360 * time.Second, "cat1-good"},
	}
	for name, stamp := range map[string]func(time.Duration) string{
		"RFC 3339": func(d time.Duration) string { return began.Add(d).Format(time.RFC3339Nano) },
		"zone":     func(d time.Duration) string { return began.Add(d).Format("2006-01-02 15:04:05.000+08:00") },
		"slashes":  func(d time.Duration) string { return began.Add(d).Format("[2006/01/02 15:04:05,000]") },
		"epoch":    func(d time.Duration) string { return fmt.Sprintf("[%d.250000]", began.Add(d).Unix()) },
		"epoch ms": func(d time.Duration) string { return fmt.Sprint(began.Add(d).UnixMilli()) },
		"day": func(d time.Duration) string {
			return began.Add(14*time.Hour - 3*time.Minute + d).Format("15:04:05.000")
		},
		"ESP-IDF": func(d time.Duration) string { return fmt.Sprintf("\x1b[0;32mI (%d) modem:", 1234+d.Milliseconds()) },
	} {
		m := read(t, "csq.log", signalLog(rssi, stamp))
		f := Profile(m)
		if m.Kind != Signal || m.N != len(rssi) || m.Span != time.Duration(len(rssi)-1)*time.Second || m.Over != 2*len(rssi) {
			t.Errorf("%s: %v, %d readings in %v, %d over", name, m.Kind, m.N, m.Span, m.Over)
		}
		if !reflect.DeepEqual(f.Schedule, want) {
			t.Errorf("%s: %v", name, f.Schedule)
		}
		if got := m.Date.Format(time.DateOnly); name != "day" && name != "ESP-IDF" && got != "2026-11-20" {
			t.Errorf("%s: %s", name, got)
		}
	}
	f := Profile(read(t, "csq.log", signalLog(rssi, func(d time.Duration) string { return began.Add(d).Format(time.RFC3339) })))
	near(t, "good", f.value(t, "time in cat1-good").Value, 100*3./7, 0.001)
	near(t, "typical", f.value(t, "time in cat1-typical").Value, 100*2./7, 0.001)
	near(t, "edge", f.value(t, "time in cat1-cell-edge").Value, 100*2./7, 0.001)
	var b strings.Builder
	if err := f.WriteSchedule(&b); err != nil || !strings.Contains(b.String(), `  { at = "2m0s", link = "cat1-typical" },`) {
		t.Errorf("%v\n%s", err, &b)
	}
}

// A modem that says nothing about the RSSI gives the RSRP: 46 is -95 dBm, 33
// is -108 dBm.
func TestSignalOfCESQ(t *testing.T) {
	f := Profile(read(t, "cesq.log", `2026-11-20 10:00:00 AT+CESQ=?
2026-11-20 10:00:00 +CESQ: (0-63,99),(0-7,99),(0-96,255),(0-49,255),(0-34,255),(0-97,255)
2026-11-20 10:00:01 AT+CESQ
+CESQ: 99,99,255,255,20,46
2026-11-20 10:00:02 +CESQ: 99,99,255,255,20,255
2026-11-20 10:00:03 +CESQ: 99,99,255,255,20,45
2026-11-20 10:00:05 +CESQ: 99,99,255,255,20,33
2026-11-20 10:00:07 +CESQ: 99,99,255,255,20,32
`))
	want := []Class{{0, "cat1-good"}, {2 * time.Second, "cat1-typical"}, {6 * time.Second, "cat1-cell-edge"}}
	if !reflect.DeepEqual(f.Schedule, want) {
		t.Errorf("%v", f.Schedule)
	}
	if w := strings.Join(f.Warnings, "\n"); !strings.Contains(w, "1 readings said that the quality is not known") || !strings.Contains(w, "are assumed") {
		t.Errorf("warnings:\n%s", w)
	}
}
