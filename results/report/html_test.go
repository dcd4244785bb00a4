package report

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"xzfleet/results"
	"xzfleet/results/stats"
)

func pageText(t testing.TB, s stats.Summary, run results.Run) string {
	t.Helper()
	var out bytes.Buffer
	if err := HTML(&out, s, run); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// chromium finds the browser that the page is tested in.
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

// seen is what a page says about itself once it is laid out at a width.
type seen struct {
	Inner, Scroll int
	Errors        []string
	Text          string
	Read          string   // of the first curve, under the pointer
	Wide          []string // elements that stick out
}

// spy collects errors from before the page's own scripts on.
const spy = `<script>window.faults=[];
addEventListener("error",e=>faults.push(String(e.message||e.target&&e.target.outerHTML)),true);
addEventListener("securitypolicyviolation",e=>faults.push("policy: "+e.violatedDirective+" "+e.blockedURI));
for(const m of["error","warn"])console[m]=(...a)=>faults.push(a.join(" "));</script>`

// frame lays the page out in a frame of the width (a window cannot be as
// narrow as a phone), moves the pointer over the plot, and writes what was
// seen into its own document.
const frame = `<!doctype html><body style="margin:0"><iframe id=page style="border:0" width=%d height=1200 srcdoc="%s"></iframe><script>
page.onload=()=>{const w=page.contentWindow,d=w.document,area=d.querySelector(".area");
if(area){const b=area.getBoundingClientRect();area.dispatchEvent(new w.PointerEvent("pointermove",{clientX:b.left+b.width/2,clientY:b.top+9,bubbles:true}));}
const out=document.createElement("pre");out.id="seen";
out.textContent=JSON.stringify({Inner:w.innerWidth,Scroll:d.documentElement.scrollWidth,Errors:w.faults,Text:d.body.innerText,Read:d.querySelector("td.read")?.innerText??"",
Wide:[...d.querySelectorAll("body *")].filter(e=>e.getBoundingClientRect().right>w.innerWidth+1).map(e=>e.tagName+"."+e.getAttribute("class"))});
document.body.replaceChildren(out);}</script>`

var seenText = regexp.MustCompile(`(?s)<pre id="seen">(.*?)</pre>`)

func lookAt(t *testing.T, page string, width int) seen {
	t.Helper()
	browser, dir := chromium(t), t.TempDir()
	page = strings.Replace(page, "<head>", "<head>"+spy, 1)
	file := filepath.Join(dir, "frame.html")
	if err := os.WriteFile(file, fmt.Appendf(nil, frame, width, html.EscapeString(page)), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--user-data-dir="+filepath.Join(dir, "profile"), "--virtual-time-budget=3000",
		fmt.Sprintf("--window-size=%d,1400", width+40), "--dump-dom", "file://"+file)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	dom, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", browser, err, complaints.String())
	}
	m := seenText.FindSubmatch(dom)
	if m == nil {
		t.Fatalf("the page was not laid out: %.300s\n%s", dom, complaints.String())
	}
	var s seen
	if err := json.Unmarshal([]byte(html.UnescapeString(string(m[1]))), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPageInChromium(t *testing.T) {
	run := madeUpRun(120)
	run.Faults = []results.LineFault{{File: "runs/a/attempts.jsonl", Line: 7, Why: "cut last line"}}
	s := madeUpSummary(run, false)
	page := pageText(t, s, run)
	connect := s.Phases[stats.Connect]
	figures := []string{
		headline(s), "evening-peak", "This run cannot be trusted", s.Emulator.Reasons[0], "undecided",
		quantile(connect.P50), quantileRange(connect.P50), quantile(connect.P95), rate(s.Failures.Rate),
		"cat1-cell-edge", "http_status", rateRange(s.Failures.By[0].Rate), quantile(s.Talk.FirstAudioMs.P95),
		rate(s.Talk.LateFrames.Share), "612 MB", "1 damaged line left out", "for other draws of this model",
	}
	for _, width := range []int{390, 1280} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			got := lookAt(t, page, width)
			if got.Inner != width {
				t.Errorf("laid out at %d", got.Inner)
			}
			if got.Scroll > got.Inner || len(got.Wide) > 0 {
				t.Errorf("%d wide in a window of %d: %v", got.Scroll, got.Inner, got.Wide)
			}
			if len(got.Errors) > 0 {
				t.Errorf("console: %q", got.Errors)
			}
			text := strings.ReplaceAll(got.Text, nbsp, " ")
			for _, figure := range figures {
				if !strings.Contains(text, strings.ReplaceAll(figure, nbsp, " ")) {
					t.Errorf("%q is not shown", figure)
				}
			}
			if !regexp.MustCompile(`^[0-9]+\.[0-9] %$`).MatchString(got.Read) {
				t.Errorf("the pointer over the plot reads %q", got.Read)
			}
		})
	}
}

func TestPageAsksForNothing(t *testing.T) {
	run := madeUpRun(40)
	page := pageText(t, madeUpSummary(run, true), run)
	for _, m := range regexp.MustCompile(`(?i)(\bsrc=|href=|url\(|@import|fetch\(|https?:)[^>]{0,60}`).FindAllString(page, -1) {
		t.Errorf("the page refers to something: %s", m)
	}
}

func TestPageOfNothing(t *testing.T) {
	page := pageText(t, stats.Summarize(results.Run{}), results.Run{})
	if !strings.Contains(page, "No device made an attempt") || strings.Contains(page, "Voice") || strings.Contains(page, "NaN") {
		t.Error(page)
	}
}

func TestPageEscapesNames(t *testing.T) {
	run := madeUpRun(20)
	for i := range run.Attempts {
		run.Attempts[i].Link = `<script>alert("x")</script>`
	}
	if page := pageText(t, stats.Summarize(run), run); strings.Contains(page, `<script>alert`) {
		t.Error("a name became a script")
	}
}

func TestCurvesStaySmall(t *testing.T) {
	points := make([]stats.Point, 500_000)
	for i := range points {
		points[i] = stats.Point{Ms: 100 + float64(i)/50, Share: float64(i+1) / float64(len(points)+1000)}
	}
	p := newPlot([]stats.Curve{{Profile: "p", Link: "l", Attempts: len(points), Points: points}})
	if steps := strings.Count(p.Curves[0].Path, "V"); steps > 2*plotSteps || steps < plotSteps {
		t.Errorf("%d steps drawn", steps)
	}
	if !strings.HasSuffix(p.Curves[0].Path, "V2.0H1000") {
		t.Errorf("the curve ends at …%s", p.Curves[0].Path[len(p.Curves[0].Path)-30:])
	}
}

func BenchmarkHTML(b *testing.B) {
	run := madeUpRun(300)
	s := madeUpSummary(run, true)
	b.ReportAllocs()
	for b.Loop() {
		pageText(b, s, run)
	}
}
