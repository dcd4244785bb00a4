package scenarios

import (
	"reflect"
	"testing"
	"time"
)

func TestSet(t *testing.T) {
	s := mustLoad(t, "smoke",
		"fleet.device=wifi-s3",
		"fleet.modem36-good.device=ml307-3.6",
		"fleet.tls.max_version=1.2",
		`fleet.wifi-none.tls={ sni = false, ciphers = ["TLS_RSA_WITH_AES_128_CBC_SHA"] }`,
		"fleet.count=2",
		"fleet.wifi-good.count = 7",
		"fleet.path.rtt_floor.min=30",
		"arrival.over=30s",
		"arrival.over=4s",
		"usage.turns=3",
		"name=1",
		"seed=9",
		"length=1m",
	)
	if s.Name != "1" || s.Seed != 9 || s.Length != time.Minute || s.Usage.Turns != 3 || s.Arrival.Over != 4*time.Second {
		t.Errorf("got %+v", s)
	}
	for _, f := range s.Fleets {
		device, count := "wifi-s3", 2
		switch f.Name {
		case "modem36-good":
			device = "ml307-3.6"
		case "wifi-good":
			count = 7
		case "wifi-none":
			if f.Device.TLS.SNI || len(f.Device.TLS.Ciphers) != 1 {
				t.Errorf("wifi-none: tls = %+v", f.Device.TLS)
			}
		}
		if f.DeviceName != device || f.Device.Name != device || f.Count != count {
			t.Errorf("fleet %s: device %s, count %d", f.Name, f.DeviceName, f.Count)
		}
		if f.Link.RTTFloor.Min != 30 {
			t.Errorf("fleet %s: floor %+v", f.Name, f.Link.RTTFloor)
		}
	}
}

func TestSetMakesWhatIsMissing(t *testing.T) {
	s := mustLoad(t, "clean", "arrival={ pattern = 'poisson', rate = 5 }", "target.ca=root.pem", "target.url=wss://voice.example/x?a=b")
	if want := (Arrival{Pattern: Poisson, Rate: 5}); s.Arrival != want {
		t.Errorf("arrival = %+v", s.Arrival)
	}
	if want := (Target{URL: "wss://voice.example/x?a=b", CA: "root.pem"}); s.Target != want {
		t.Errorf("target = %+v", s.Target)
	}
}

func TestBadSet(t *testing.T) {
	tests := []struct {
		sets []string
		want string
	}{
		{[]string{"fleet.count=x"}, `-set fleet.count=x: fleet.count: found "x" (string), want a whole number of at least 1`},
		{[]string{"fleet.count=0"}, `-set fleet.count=0: fleet.count: found 0 (whole number), want a whole number of at least 1`},
		{[]string{"fleet.cuont=3"}, `-set fleet.cuont=3: fleet.cuont: unknown key; did you mean "count"?`},
		{[]string{"fleet.wify.count=3"}, `-set fleet.wify.count=3: there is no fleet "wify" (there are "ml307" and "wifi")`},
		{[]string{"fleet.wifi.cuont=3"}, `-set fleet.wifi.cuont=3: fleet.cuont: unknown key; did you mean "count"?`},
		{[]string{"fleet.count.x=3"}, "-set fleet.count.x=3: fleet.count is not a table"},
		{[]string{"seed.x=3"}, "-set seed.x=3: seed: found a table, want a whole number of at least 0"},
		{[]string{"count"}, "-set count: want PATH=VALUE, such as fleet.count=100"},
		{[]string{"=1"}, "-set =1: want PATH=VALUE, such as fleet.count=100"},
		{[]string{"length=5"}, `-set length=5: length: found "5" (string), want a duration of at least 1ms, such as "10s"`},
		{[]string{"arrival.over=-1s"}, `-set arrival.over=-1s: arrival.over: found "-1s" (string), want a duration of at least 1ms, such as "10s"`},
		{[]string{"arrival.rate=5"}, "-set arrival.rate=5: arrival: a ramp has over or rate, not both"},
		{[]string{"fleet=3"}, "-set fleet=3: fleet: found 3 (whole number), want tables: [[fleet]]"},
		{[]string{"fleet=3", "fleet.count=3"}, "-set fleet=3: fleet: found 3 (whole number), want tables: [[fleet]]\n-set fleet.count=3: there is no [[fleet]]"},
		{[]string{"fleet.name=a"}, `-set fleet.name=a: fleet.name: "a" is taken`},
		{[]string{"fleet.modem.baud=9600"}, "-set fleet.modem.baud=9600: fleet.modem: wifi-s3 has no AT modem"},
		{[]string{"abort=[]"}, `-set abort=[]: abort: unknown key; there are name, note, seed, length, expect, undecided, arrival, usage, cell, target, profile, server, fleet`},
		{[]string{"seed=1\nlength='1s'"}, "-set seed=1\nlength='1s': seed: found \"1\\nlength='1s'\" (string), want a whole number of at least 0"},
		{[]string{"seed=a", "cell.size=0"}, "-set seed=a: seed: found \"a\" (string), want a whole number of at least 0\n-set cell.size=0: cell.size: found 0 (whole number), want a whole number of at least 1"},
	}
	for _, tt := range tests {
		_, err := Load("clean", tt.sets)
		if err == nil || err.Error() != tt.want {
			t.Errorf("%q:\n got %v\nwant %s", tt.sets, err, tt.want)
		}
	}
}

func TestLaterSetWins(t *testing.T) {
	a := mustLoad(t, "smoke", "fleet.count=3", "fleet.wifi-none.count=5")
	b := mustLoad(t, "smoke", "fleet.wifi-none.count=5", "fleet.count=3")
	if a.Fleets[4].Count != 5 || b.Fleets[4].Count != 3 {
		t.Errorf("counts %d and %d", a.Fleets[4].Count, b.Fleets[4].Count)
	}
	// A wrong value that a later set replaces is no complaint.
	c := mustLoad(t, "smoke", "seed=x", "seed=2")
	d := mustLoad(t, "smoke", "seed=2")
	if !reflect.DeepEqual(c, d) {
		t.Errorf("got %+v, want %+v", c, d)
	}
}
