package fit

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// clock reads the time in front of the lines of a log, which must all have it
// in the same form.
type clock struct {
	form    *stampForm
	settled bool          // by an answer
	origin  time.Time     // of the first stamp, where the form has a date
	first   time.Duration // it, in the form's own count
	now     time.Duration // since the first stamp
}

// stampForm is one way to write a time: what it looks like, and what the
// parts mean since a zero of the form's own.
type stampForm struct {
	name  string
	looks *regexp.Regexp
	dated bool
	daily bool // begins anew at midnight
	since func(f []string) (time.Duration, bool)
}

var stampForms = []stampForm{
	{
		"a date and a time",
		regexp.MustCompile(`^\[?([0-9]{4})[-/.]([0-9]{2})[-/.]([0-9]{2})[T_ ]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:[.,]([0-9]{1,9}))?(Z|[+-][0-9]{2}:?[0-9]{2})?`),
		true, false, sinceDate,
	},
	{
		"seconds since 1970",
		regexp.MustCompile(`^\[?([0-9]{9,10})(?:\.([0-9]{1,9}))?(?:[\]:, \t]|$)`),
		true, false,
		func(f []string) (time.Duration, bool) {
			s, err := strconv.ParseInt(f[1], 10, 64)
			return time.Duration(s)*time.Second + fraction(f[2]), err == nil && s < 9e9
		},
	},
	{
		"milliseconds since 1970",
		regexp.MustCompile(`^\[?([0-9]{12,13})(?:[\]:, \t]|$)`),
		true, false,
		func(f []string) (time.Duration, bool) {
			ms, err := strconv.ParseInt(f[1], 10, 64)
			return time.Duration(ms) * time.Millisecond, err == nil && ms < 9e12
		},
	},
	{
		"a time of day",
		regexp.MustCompile(`^\[?([0-9]{2}):([0-9]{2}):([0-9]{2})(?:[.,:]([0-9]{1,9}))?\b`),
		false, true,
		func(f []string) (time.Duration, bool) {
			at, err := time.Parse(time.TimeOnly, f[1]+":"+f[2]+":"+f[3])
			return at.Sub(time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)) + fraction(f[4]), err == nil
		},
	},
	{
		"an ESP-IDF log's milliseconds since boot",
		regexp.MustCompile(`^[EWIDV] \(([0-9]{1,12})\) `),
		false, false,
		func(f []string) (time.Duration, bool) {
			ms, err := strconv.ParseInt(f[1], 10, 64)
			return time.Duration(ms) * time.Millisecond, err == nil
		},
	},
}

// sinceDate reads a date and a time, UTC where no zone is written.
func sinceDate(f []string) (time.Duration, bool) {
	zone := strings.ReplaceAll(f[6], ":", "")
	if zone == "" {
		zone = "Z"
	}
	at, err := time.Parse("2006-01-02 15:04:05Z0700", f[1]+"-"+f[2]+"-"+f[3]+" "+f[4]+zone)
	if s := at.Unix(); err != nil || s < 0 || s > 9e9 {
		return 0, false
	}
	return time.Duration(at.Unix())*time.Second + fraction(f[5]), true
}

// read takes the time of a line, if it has one. Which form the log has is
// settled by its first answer with a time; other lines may begin with
// anything.
func (c *clock) read(l *lines, text string, answer bool) error {
	for i := range stampForms {
		form := &stampForms[i]
		f := form.looks.FindStringSubmatch(text)
		if f == nil || c.form != nil && c.form != form && !answer {
			continue
		}
		since, ok := form.since(f)
		switch {
		case !ok && answer:
			return l.wrong("found %s, want %s", quoted(strings.TrimSpace(f[0])), form.name)
		case !ok:
			continue
		case c.settled && form != c.form:
			return l.wrong("found %s (%s), want %s as in the lines before", quoted(strings.TrimSpace(f[0])), form.name, c.form.name)
		case form != c.form:
			c.begin(form, since)
		}
		c.settled = c.settled || answer
		return c.advance(l, since-c.first)
	}
	return nil
}

func (c *clock) begin(form *stampForm, since time.Duration) {
	*c = clock{form: form, first: since}
	if form.dated {
		c.origin = time.Unix(0, 0).Add(since).UTC()
	}
}

// advance goes on to a time since the first stamp. Lines of several writers
// may be out of order by a little.
func (c *clock) advance(l *lines, since time.Duration) error {
	const day = 24 * time.Hour
	for c.form.daily && since < c.now-day/2 {
		since += day // past midnight
	}
	if since < c.now-time.Second {
		return l.wrong("%v earlier than a line before: a restart, or a clock that was set; cut the log there", c.now-since)
	}
	c.now = max(c.now, since)
	return nil
}
