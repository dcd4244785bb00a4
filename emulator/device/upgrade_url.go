package device

import (
	"fmt"
	"math"
	"strings"

	"xzfleet/results"
)

// deviceURL is a WebSocket URL as the firmware takes it apart.
type deviceURL struct {
	TLS  bool
	Host string
	Port int
	Path string // with the query, never empty
}

// parseDeviceURL follows WebSocket::Connect of 78/esp-ml307 3.x
// (src/web_socket.cc): the host ends at the first ':' anywhere after "://",
// else at the first '/'; without a '/' a query belongs to the host or the
// port; the port is std::stoi's reading, so "8000?x" is 8000. The default
// port is 443 for exactly "wss"; TLS is used for "wss" and "https". Where
// the firmware would throw, and so reboot, the error has cause crash.
func parseDeviceURL(raw string) (deviceURL, error) {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return deviceURL{}, &openError{Cause: results.CauseOTABadAnswer, Detail: results.Detail{
			Text: fmt.Sprintf("invalid URI format: %q", withoutQuery(raw)),
		}}
	}
	u := deviceURL{TLS: scheme == "wss" || scheme == "https", Port: 80, Path: "/"}
	if scheme == "wss" {
		u.Port = 443
	}
	host, after, hasPort := strings.Cut(rest, ":")
	if !hasPort {
		u.Host, u.Path = splitPath(rest)
		return u, nil
	}
	u.Host = host
	port, path := splitPath(after)
	u.Path = path
	n, err := stoi(port)
	if err != nil {
		return deviceURL{}, &openError{Cause: results.CauseCrash, Err: err, Detail: results.Detail{
			Text: fmt.Sprintf("port %q of %q: %v", withoutQuery(port), withoutQuery(raw), err),
		}}
	}
	u.Port = n
	return u, nil
}

// withoutQuery is what may be quoted of a URL: its query may hold a token.
func withoutQuery(s string) string {
	before, _, _ := strings.Cut(s, "?")
	before, _, _ = strings.Cut(before, "&")
	return before
}

func splitPath(s string) (before, path string) {
	if i := strings.IndexByte(s, '/'); i >= 0 {
		return s[:i], s[i:]
	}
	return s, "/"
}

// stoi is std::stoi: leading white space and sign, then digits; the rest is
// ignored. Outside 1 to 65535 no connection can be made.
func stoi(s string) (int, error) {
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	negative := strings.HasPrefix(s, "-")
	s = strings.TrimPrefix(strings.TrimPrefix(s, "-"), "+")
	n, digits := 0, 0
	for ; digits < len(s) && s[digits] >= '0' && s[digits] <= '9'; digits++ {
		if n = n*10 + int(s[digits]-'0'); n > math.MaxInt32 {
			return 0, fmt.Errorf("std::stoi throws out_of_range")
		}
	}
	switch {
	case digits == 0:
		return 0, fmt.Errorf("std::stoi throws invalid_argument")
	case negative || n == 0 || n > 65535:
		return 0, fmt.Errorf("no such port")
	}
	return n, nil
}
