package device

import (
	"fmt"
	"time"
)

// The AT side of a modem as time: the UART carries baud/10 characters a
// second in each direction (8N1), payloads travel as hexadecimal, and the
// modem takes its turnaround. Command texts are those of 78/esp-ml307 3.x.

// chars is how long n characters take on the UART.
func (m Modem) chars(n int) time.Duration {
	return time.Duration(n) * 10 * time.Second / time.Duration(m.Baud)
}

// exists reports whether there is an AT modem at all.
func (m Modem) exists() bool { return m.Baud > 0 }

// okChars is "\r\nOK\r\n".
const okChars = 6

// ok is the time from a command's end until the firmware has read its OK, with
// urc more characters before that.
func (m Modem) ok(urc int) time.Duration { return m.CommandTurnaround + m.chars(okChars+urc) }

// command is a command answered by OK.
func (m Modem) command(text string, urc int) time.Duration {
	return m.chars(len(text)+2) + m.ok(urc)
}

// openPlan is the time from the decision to open a channel until the modem
// has the command that starts name lookup, TCP and TLS (ml307_tcp.cc and
// ml307_ssl.cc, Connect).
func (m Modem) openPlan(u deviceURL) time.Duration {
	until := m.command("AT+MIPSTATE=1", len("\r\n+MIPSTATE: 1,,,,\"INITIAL\"\r\n"))
	if u.TLS {
		until += m.command(`AT+MSSLCFG="auth",0,0`, 0) + m.command(`AT+MIPCFG="ssl",1,1,0`, 0)
	} else {
		until += m.command(`AT+MIPCFG="ssl",1,0,0`, 0)
	}
	until += m.command(`AT+MIPCFG="encoding",1,1,1`, 0)
	return until + m.chars(len(`AT+MIPOPEN=1,"TCP","",,,0`)+len(u.Host)+digits(u.Port)+2)
}

// opened is the message that a connection is open: +MIPOPEN: 1,0.
func (m Modem) opened() time.Duration { return m.chars(len("\r\n+MIPOPEN: 1,0\r\n")) }

// requestPlan is the time to hand the modem's HTTP stack the OTA request:
// headers one by one, the body raw, the path as hexadecimal (ml307_http.cc,
// Open: each is a command of its own).
func (m Modem) requestPlan(u deviceURL, headers [][2]string, body []byte) time.Duration {
	scheme := "http://"
	if u.TLS {
		scheme = "https://"
	}
	t := m.command(`AT+MHTTPCREATE="`+scheme+u.hostPort()+`"`, len("\r\n+MHTTPCREATE: 0\r\n"))
	if u.TLS {
		t += m.command(`AT+MHTTPCFG="ssl",0,1,0`, 0)
	}
	t += m.command(`AT+MHTTPCFG="encoding",0,0,0`, 0)
	for _, h := range headers {
		line := h[0] + ": " + h[1]
		t += m.command(fmt.Sprintf(`AT+MHTTPHEADER=0,1,%d,"%s"`, len(line), line), 0)
	}
	t += m.command(fmt.Sprintf("AT+MHTTPCONTENT=0,0,%d", len(body)), 0) + m.command(string(body), 0)
	t += m.command(`AT+MHTTPCFG="encoding",0,1,1`, 0)
	return t + m.chars(len("AT+MHTTPREQUEST=0,2,0,")+2*len(u.Path)+2)
}

// piece is the time until n bytes of payload have left by AT+MIPSEND.
func (m Modem) piece(n int) time.Duration {
	return m.chars(len("AT+MIPSEND=1,,") + digits(n) + 2*n + 2)
}

// sent is the time after that until the next command may start.
func (m Modem) sent(n int) time.Duration {
	return m.SendTurnaround + m.chars(len("\r\n+MIPSEND: 1,\r\n")+digits(n)+okChars)
}

// pieces is when each piece of n bytes has left, starting at now, and when
// the modem takes the next command.
func (m Modem) pieces(now time.Duration, n int) (out []time.Duration, free time.Duration) {
	for n > 0 {
		k := min(n, m.Piece)
		now += m.piece(k)
		out = append(out, now)
		now += m.sent(k)
		n -= k
	}
	return out, now
}

// received is the time that n bytes from the server take up to the ESP32.
func (m Modem) received(n int) time.Duration {
	return m.chars(len("\r\n+MIPURC: \"rtcp\",1,,\r\n") + digits(n) + 2*n)
}

// answered is the same for the modem's HTTP stack.
func (m Modem) answered(n int) time.Duration {
	return m.chars(len("\r\n+MHTTPURC: \"content\",0,,,,\r\n") + 3*digits(n) + 2*n)
}

func digits(n int) int {
	d := 1
	for ; n >= 10; n /= 10 {
		d++
	}
	return d
}

// deadlock is how long after the Pong's command the firmware gives up on its
// OK, which only the task that waits could have read (esp-ml307 ≥ 3.3.5: time
// on the UART + 100 ms; field log in 78/xiaozhi-esp32 issue 1131).
const deadlock = 100 * time.Millisecond
