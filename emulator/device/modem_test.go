package device

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// uart is the AT side as a reader of a logic analyser would reckon it: every
// command and report written out, 92160 characters a second in each direction
// (921600 baud, 8N1), 1.2 ms of the modem for a command and 2.5 ms for a send.
// Without a modem (at false) it takes no time.
type uart struct {
	at   bool
	free time.Duration // the last command has its OK
	in   time.Duration // the last report is up
}

func characters(s string) time.Duration {
	return time.Duration(len(s)) * time.Second / 92160
}

// exchange is a command until its OK.
func (u *uart) exchange(now time.Duration, command, report string) time.Duration {
	if !u.at {
		return now
	}
	return now + characters(command+"\r\n") + 1200*time.Microsecond + characters(report+"\r\nOK\r\n")
}

// command is a command until the modem has it.
func (u *uart) command(now time.Duration, command string) time.Duration {
	if !u.at {
		return now
	}
	return now + characters(command+"\r\n")
}

// send is AT+MIPSEND of up to 730 bytes: when they have left, and when the
// firmware knows.
func (u *uart) send(now time.Duration, bytes int) (left, told time.Duration) {
	if !u.at {
		return now, now
	}
	left = u.command(max(now, u.free), fmt.Sprintf("AT+MIPSEND=1,%d,%s", bytes, strings.Repeat("8A", bytes)))
	u.free = left + 2500*time.Microsecond + characters(fmt.Sprintf("\r\n+MIPSEND: 1,%d\r\n\r\nOK\r\n", bytes))
	return left, u.free
}

// report is something that the modem says by itself.
func (u *uart) report(now time.Duration, text string) time.Duration {
	if !u.at {
		return now
	}
	u.in = max(now, u.in) + characters("\r\n"+text+"\r\n")
	return u.in
}

// receive is data from the server.
func (u *uart) receive(now time.Duration, bytes int) time.Duration {
	return u.report(now, fmt.Sprintf(`+MIPURC: "rtcp",1,%d,%s`, bytes, strings.Repeat("8A", bytes)))
}

// mipopen is from the wake word until the modem has the command that opens.
func (u *uart) mipopen(now time.Duration, tls bool, host string, port int) time.Duration {
	now = u.exchange(now, `AT+MIPSTATE=1`, "\r\n+MIPSTATE: 1,,,,\"INITIAL\"\r\n")
	if tls {
		now = u.exchange(now, `AT+MSSLCFG="auth",0,0`, "")
		now = u.exchange(now, `AT+MIPCFG="ssl",1,1,0`, "")
	} else {
		now = u.exchange(now, `AT+MIPCFG="ssl",1,0,0`, "")
	}
	now = u.exchange(now, `AT+MIPCFG="encoding",1,1,1`, "")
	return u.command(now, fmt.Sprintf(`AT+MIPOPEN=1,"TCP","%s",%d,,0`, host, port))
}

// mhttprequest is from the decision to ask for the configuration until the
// modem has the whole request.
func (u *uart) mhttprequest(now time.Duration, agent, clientID, deviceID string, body []byte) time.Duration {
	now = u.exchange(now, `AT+MHTTPCREATE="https://voice.test:8443"`, "\r\n+MHTTPCREATE: 0\r\n")
	now = u.exchange(now, `AT+MHTTPCFG="ssl",0,1,0`, "")
	now = u.exchange(now, `AT+MHTTPCFG="encoding",0,0,0`, "")
	for _, h := range []string{
		`1,22,"Accept-Language: zh-CN"`, `1,21,"Activation-Version: 1"`, `1,47,"Client-Id: ` + clientID + `"`,
		`1,30,"Content-Type: application/json"`, `1,28,"Device-Id: ` + deviceID + `"`, `0,37,"User-Agent: ` + agent + `"`,
	} {
		now = u.exchange(now, "AT+MHTTPHEADER=0,"+h, "")
	}
	now = u.exchange(now, fmt.Sprintf("AT+MHTTPCONTENT=0,0,%d", len(body)), "")
	now = u.exchange(now, string(body), "")
	now = u.exchange(now, `AT+MHTTPCFG="encoding",0,1,1`, "")
	return u.command(now, `AT+MHTTPREQUEST=0,2,0,2F7869616F7A68692F6F74612F`) // "/xiaozhi/ota/"
}

// frameWire is the size of a masked frame of n bytes (RFC 6455, 5.2).
func frameWire(n int) int {
	if n < 126 {
		return 2 + 4 + n
	}
	return 4 + 4 + n
}

// TestModemTrace holds the AT times against the public logic-analyser trace of
// firmware 2.2.5 (spacing of 35 frames of 143 bytes of Opus; five commands
// before MIPOPEN), within 15 %.
func TestModemTrace(t *testing.T) {
	p, _ := ProfileNamed("ml307-3.6")
	u := uart{at: true}
	var last time.Duration
	for range 35 {
		_, last = u.send(last, frameWire(143))
	}
	near := func(what string, got, want time.Duration) {
		if d := float64(got-want) / float64(want); d < -0.15 || d > 0.15 {
			t.Errorf("%s takes %v, in the trace %v", what, got, want)
		}
	}
	near("the pre-roll", last, 213*time.Millisecond)
	near("MIPSTATE to MIPOPEN", u.mipopen(0, true, "api.tenclass.net", 443), 7*time.Millisecond)

	var now time.Duration
	for range 35 {
		_, now = p.Modem.pieces(now, frameWire(143))
	}
	if now != last {
		t.Errorf("35 frames take %v, by hand %v", now, last)
	}
	if url, _ := parseDeviceURL("wss://api.tenclass.net/xiaozhi/v1/"); p.Modem.openPlan(url) != u.mipopen(0, true, "api.tenclass.net", 443) {
		t.Errorf("MIPOPEN after %v", p.Modem.openPlan(url))
	}
}

// TestModemPieces: a message over 730 bytes goes out in several sends, and the
// next one waits for all of them.
func TestModemPieces(t *testing.T) {
	s := newScript()
	cfg := testConfig(t, "ml307-3.6", straight, func(c *Config) {
		c.Wake = [][]byte{make([]byte, 1500), make([]byte, 10)}
	})
	w := s.world(cfg)
	w.run(t)
	w.attempts(t)
	sends := w.acts(Send)
	big, small := sends[2], sends[3] // after the request and the hello
	u := uart{at: true, free: big.Pieces[0] - characters(fmt.Sprintf("AT+MIPSEND=1,730,%s\r\n", strings.Repeat("8A", 730)))}
	for i, n := range []int{730, 730, 48} {
		if left, _ := u.send(0, n); big.Pieces[i] != left {
			t.Errorf("piece %d leaves at %v, by hand at %v", i, big.Pieces[i], left)
		}
	}
	if big.At != big.Pieces[0] {
		t.Errorf("handed over at %v, the first piece leaves at %v", big.At, big.Pieces[0])
	}
	if left, _ := u.send(0, frameWire(10)); small.At != left || small.Pieces != nil {
		t.Errorf("the next message leaves at %v in %d pieces, by hand at %v in one", small.At, len(small.Pieces), left)
	}
}
