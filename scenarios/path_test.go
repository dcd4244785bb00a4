package scenarios

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"xzfleet/netem"
)

// TestTablesCoverTheLink: every key of a link profile is one of [fleet.path]
// or of [fleet.radio], not of both.
func TestTablesCoverTheLink(t *testing.T) {
	path, radio := fieldsOf(reflect.TypeFor[pathTable]()), fieldsOf(reflect.TypeFor[radioTable]())
	delete(path, "schedule")
	both := slices.Sorted(maps.Keys(path))
	both = append(both, slices.Collect(maps.Keys(radio))...)
	slices.Sort(both)
	link := slices.Sorted(maps.Keys(fieldsOf(reflect.TypeFor[netem.Profile]())))
	if !slices.Equal(both, link) {
		t.Errorf("the tables have %q, a link has %q", both, link)
	}
	for _, name := range linkNamesOf(t) {
		var f fleetTable
		p := mustLink(t, name)
		f.Path, f.Radio = tablesOf(p)
		if got := f.over(netem.Profile{}); !reflect.DeepEqual(got, p) {
			t.Errorf("%s comes back as %+v", name, got)
		}
	}
}

// TestLinkRulesCoverTheLink: every number of a link has a range.
func TestLinkRulesCoverTheLink(t *testing.T) {
	var keys []string
	var walk func(at string, t reflect.Type)
	walk = func(at string, t reflect.Type) {
		if t.Kind() != reflect.Struct {
			keys = append(keys, at)
			return
		}
		for key, index := range fieldsOf(t) {
			walk(join(at, key), t.FieldByIndex(index).Type)
		}
	}
	walk("", reflect.TypeFor[netem.Profile]())
	slices.Sort(keys)
	if rules := slices.Sorted(maps.Keys(linkRules)); !slices.Equal(keys, rules) {
		t.Errorf("keys %q\nrules %q", keys, rules)
	}
}

const twoFleets = `
[profile.mine]
jitter_sd = 4
[[fleet]]
name = "a"
count = 1
device = "ml307-3.6"
link = "links/kitchen.toml"
[fleet.radio]
rrc = { promotion.median = 400 }
[fleet.path]
jitter_sd = 2
schedule = [{ at = "10s", link = "mine" }, { at = "1m30s", link = "links/kitchen.toml" }, { at = "2m", link = "nb-iot" }]
[[fleet]]
name = "b"
count = 1
device = "ml307-3.6"
link = "mine"
`

// TestScheduleAndFiles: link files lie beside the scenario, overrides are for
// the first link alone, and run.toml needs no other file.
func TestScheduleAndFiles(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "links"), os.DirFS("testdata/links")); err != nil {
		t.Fatal(err)
	}
	s, err := parse(filepath.Join(dir, "x.toml"), twoFleets, nil)
	if err != nil {
		t.Fatal(err)
	}
	kitchen, err := LinkFile("testdata/links/kitchen.toml")
	if err != nil {
		t.Fatal(err)
	}
	first := kitchen
	first.JitterSD, first.RRC.Promotion.Median = 2, 400
	mine := netem.Profile{JitterSD: 4}
	f := s.Fleets[0]
	if f.LinkName != "links/kitchen.toml" || !reflect.DeepEqual(f.Link, first) {
		t.Errorf("link %s: %+v", f.LinkName, f.Link)
	}
	if want := []netem.Class{{From: 10 * time.Second, Profile: mine}, {From: 90 * time.Second, Profile: kitchen}, {From: 2 * time.Minute, Profile: mustLink(t, "nb-iot")}}; !reflect.DeepEqual(f.Schedule, want) {
		t.Errorf("schedule %+v", f.Schedule)
	}
	if want := []string{"mine", "links/kitchen.toml", "nb-iot"}; !slices.Equal(f.ScheduleNames, want) {
		t.Errorf("schedule of %q", f.ScheduleNames)
	}
	if b := s.Fleets[1]; b.Schedule != nil || !reflect.DeepEqual(b.Link, mine) {
		t.Errorf("fleet b: %+v", b)
	}
	loadsBack(t, s)

	// From a -set, a path is relative to the working directory; one name that
	// is two files is refused.
	if _, err = parse(filepath.Join(dir, "x.toml"), twoFleets, []string{"fleet.b.link=testdata/links/kitchen.toml"}); err != nil {
		t.Error(err)
	}
	_, err = parse(filepath.Join(dir, "x.toml"), twoFleets, []string{"fleet.b.link=links/kitchen.toml"})
	if want := `-set fleet.b.link=links/kitchen.toml: fleet.link: "links/kitchen.toml" is links/kitchen.toml here and ` + filepath.Join(dir, "links/kitchen.toml") + " elsewhere, want one file for one name"; err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

func TestSetLinks(t *testing.T) {
	s, err := parse("x.toml", `
[profile.mine]
nat = { tcp_idle_s = 60, on_expiry = "rst" }
[[fleet]]
name = "a"
count = 1
device = "ml307-3.6"
link = "cat1-congested"
path = { cross_traffic_load.up = 0.3 }
`, []string{
		"profile.mine.nat.on_expiry=silent-drop",
		"profile.mine.ge={ p = 0.01, r = 0.5, loss_bad = 1, step_ms = 20 }",
		"fleet.radio.stall.per_min=9",
		"fleet.path.middlebox.clear_upgrade=reset",
		"fleet.path.middlebox.block_ports=[8443]",
		`fleet.path.schedule=[{ at = "5s", link = "mine" }]`,
	})
	if err != nil {
		t.Fatal(err)
	}
	want := mustLink(t, "cat1-congested")
	want.CrossLoad.Up, want.Stall.PerMin = .3, 9
	want.Middlebox = netem.Middlebox{ClearUpgrade: "reset", BlockPorts: []int{8443}}
	if f := s.Fleets[0]; !reflect.DeepEqual(f.Link, want) {
		t.Errorf("link = %+v", f.Link)
	}
	mine := s.Fleets[0].Schedule[0].Profile
	if mine.NAT != (netem.NAT{TCPIdleS: 60, OnExpiry: "silent-drop"}) || mine.GE.P != 0.01 {
		t.Errorf("mine = %+v", mine)
	}
	loadsBack(t, s)
}
