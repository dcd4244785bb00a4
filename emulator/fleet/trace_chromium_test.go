package fleet_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// viewerPage loads each trace in turn and posts what the viewer made of it.
// The viewer is chrome://tracing's (Catapult), as Go's distribution has it
// for `go tool trace`: Debian's Chromium is built without its own
// (debian/patches/disable/catapult.patch), which leaves chrome://tracing
// empty. How it is put into a page is
// https://chromium.googlesource.com/catapult/+/9508452e18f130c98499cb4c4f1e1efaedee8962/tracing/docs/embedding-trace-viewer.md.
const viewerPage = `<!doctype html><html><head><meta charset="utf-8">
<script>window.faults=[];
addEventListener("error",e=>faults.push(String(e.message||e.target&&e.target.outerHTML)),true);
addEventListener("unhandledrejection",e=>faults.push(String(e.reason)));
</script>
<script src="/static/webcomponents.min.js"></script>
<link rel="import" href="/static/trace_viewer_full.html">
<style>html,body,#viewer{margin:0;width:100%;height:100%;overflow:hidden}</style>
<script>
const tell=seen=>fetch("/seen",{method:"POST",body:JSON.stringify(seen)});
const see=async(viewer,text)=>{
  const model=new tr.Model(),opts=new tr.importer.ImportOptions();
  opts.shiftWorldToZero=false;
  await new tr.importer.Import(model,opts).importTracesWithProgressDialog([text]);
  viewer.model=model;
  await new Promise(done=>requestAnimationFrame(()=>setTimeout(done,0)));
  const [process]=Object.values(model.processes);
  return {
    Process:process.name,Labels:process.labels,Processes:Object.keys(model.processes).length,
    Threads:Object.values(process.threads).sort((a,b)=>a.sortIndex-b.sortIndex).map(t=>({Name:t.name,Slices:t.sliceGroup.slices.map(s=>
      ({Name:s.title,Start:s.start,End:s.end,Top:s.isTopLevel,Args:s.args,Colour:s.colorId}))})),
    Warnings:model.importWarnings.map(w=>w.type+": "+w.message),
    Headings:tr.ui.b.findDeepElementsMatching(viewer,"tr-ui-b-heading").map(h=>h.heading),
  };
};
document.addEventListener("WebComponentsReady",async()=>{
  try{
    const viewer=document.createElement("tr-ui-timeline-view"),container=document.createElement("track-view-container");
    container.id="track_view_container";
    viewer.id="viewer";
    viewer.track_view_container=container;
    Polymer.dom(viewer).appendChild(container);
    viewer.globalMode=true;
    Polymer.dom(document.body).appendChild(viewer);
    const seen={};
    for(const name of await(await fetch("/traces")).json())seen[name]=await see(viewer,await(await fetch("/traces/"+name)).text());
    tell({Seen:seen,Faults:faults});
  }catch(e){tell({Faults:faults.concat(String(e.stack||e))});}
});
</script></head><body></body></html>`

// seenTrace is what the viewer's model holds of a trace.
type seenTrace struct {
	Process   string
	Labels    []string
	Processes int
	Threads   []struct {
		Name   string
		Slices []seenSlice
	}
	Warnings []string
	Headings []string // of the rows that are drawn
}

type seenSlice struct {
	Name       string
	Start, End float64 // ms
	Top        bool    // not nested in another
	Args       map[string]any
	Colour     int
}

type seenPage struct {
	Seen   map[string]seenTrace
	Faults []string
}

// viewerServer serves the viewer and the traces, and takes what the page says.
func viewerServer(t *testing.T, traces map[string][]byte, said chan<- seenPage) *httptest.Server {
	t.Helper()
	root, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	static := filepath.Join(strings.TrimSpace(string(root)), "src/internal/trace/traceviewer/static")
	mux := http.NewServeMux()
	mux.Handle("/static/", http.StripPrefix("/static/", http.FileServer(http.Dir(static))))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, viewerPage) })
	mux.HandleFunc("GET /traces", func(w http.ResponseWriter, _ *http.Request) {
		var names []string
		for name := range traces {
			names = append(names, name)
		}
		_ = json.NewEncoder(w).Encode(names)
	})
	mux.HandleFunc("GET /traces/{name}", func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(traces[r.PathValue("name")]) })
	mux.HandleFunc("POST /seen", func(_ http.ResponseWriter, r *http.Request) {
		var p seenPage
		if err := json.NewDecoder(r.Body).Decode(&p); err != nil {
			p.Faults = append(p.Faults, err.Error())
		}
		said <- p
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// chromium finds the browser that traces are loaded in.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("no chromium: apt-get install chromium")
	return ""
}

// view loads traces in the viewer.
func view(t *testing.T, traces map[string][]byte) seenPage {
	t.Helper()
	said := make(chan seenPage, 1)
	server := viewerServer(t, traces, said)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, chromium(t), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--disable-background-networking", "--no-first-run", "--remote-debugging-port=0",
		"--user-data-dir="+filepath.Join(t.TempDir(), "profile"), "--window-size=1400,900", server.URL)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }() // it is ended from here
	defer func() { cancel(); <-ended }()
	select {
	case p := <-said:
		return p
	case <-ended:
		t.Fatalf("the browser ended before the page had anything to say: %s", complaints.String())
	}
	return seenPage{}
}

func TestTraceInChromium(t *testing.T) {
	var run bytes.Buffer
	runTraced(t, "modem36-good/0", &run, "length=7s")
	whole := tracedFile(t, handmade)
	traces := map[string][]byte{
		"handmade": whole,
		"run":      run.Bytes(),
		"killed":   bytes.TrimSuffix(run.Bytes(), []byte("\n]\n")),
	}
	got := view(t, traces)
	if len(got.Faults) > 0 || len(got.Seen) != len(traces) {
		t.Fatalf("%d of %d traces, %q", len(got.Seen), len(traces), got.Faults)
	}
	for name, text := range traces {
		checkSeen(t, name, got.Seen[name], text)
	}
	if l := got.Seen["handmade"].Labels; !slices.Equal(l, []string{"ml307-3.6", "cat1-good", "02:00:00:00:00:07"}) {
		t.Errorf("labels %q", l)
	}
}

// checkSeen holds what the viewer made of a trace against the file.
func checkSeen(t *testing.T, name string, seen seenTrace, file []byte) {
	t.Helper()
	if len(seen.Warnings) > 0 || seen.Processes != 1 {
		t.Errorf("%s: %d processes, warnings %q", name, seen.Processes, seen.Warnings)
	}
	want := rows(t, file)
	if len(seen.Threads) != len(want) {
		t.Errorf("%s: %d threads, written %d", name, len(seen.Threads), len(want))
	}
	for _, thread := range seen.Threads {
		if !slices.ContainsFunc(seen.Headings, func(h string) bool { return strings.TrimSuffix(h, ":") == thread.Name }) {
			t.Errorf("%s: %s is not drawn: %q", name, thread.Name, seen.Headings)
		}
		written := want[thread.Name]
		if len(thread.Slices) != len(written) {
			t.Errorf("%s, %s: %d events, written %d", name, thread.Name, len(thread.Slices), len(written))
			continue
		}
		slices.SortStableFunc(written, func(a, b traced) int { return int(a.start(t) - b.start(t)) })
		for i, s := range thread.Slices {
			checkSlice(t, name+", "+thread.Name, s, written[i])
		}
	}
}

func checkSlice(t *testing.T, where string, s seenSlice, w traced) {
	t.Helper()
	end := w.start(t)
	if w.Ph == "X" {
		end = w.end(t)
	}
	if s.Name != w.Name || nano(s.Start) != w.start(t) || nano(s.End) != end || len(s.Args) != len(w.Args) {
		t.Errorf("%s: %+v, written %+v", where, s, w)
	}
	if packet := w.Cat == "packet" || w.Cat == "radio"; packet && w.Ph == "X" && !s.Top {
		t.Errorf("%s: %+v is drawn inside another", where, s)
	}
}
