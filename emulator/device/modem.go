package device

import "time"

// The AT side of a modem as time: the UART carries baud/10 characters a
// second in each direction (8N1), payloads travel as hexadecimal, and the
// modem takes its turnaround. Command texts are those of 78/esp-ml307 3.x.

// chars is how long n characters take on the UART.
func (m Modem) chars(n int) time.Duration {
	return time.Duration(float64(n) * 10 / float64(m.Baud) * float64(time.Second))
}

// exists reports whether there is an AT modem at all.
func (m Modem) exists() bool { return m.Baud > 0 }

// okChars is "\r\nOK\r\n".
const okChars = 6

// command is a command answered by OK, with urc more characters before it.
func (m Modem) command(text string, urc int) time.Duration {
	return m.chars(len(text)+2) + m.CommandTurnaround + m.chars(okChars+urc)
}

// openPlan is the time from the decision to open a channel until the modem
// has the command that starts name lookup, TCP and TLS; ok is when the
// firmware's wait begins after that (ml307_tcp.cc and ml307_ssl.cc, Connect).
func (m Modem) openPlan(u deviceURL) (until, ok time.Duration) {
	until = m.command("AT+MIPSTATE=1", len("\r\n+MIPSTATE: 1,,,,\"INITIAL\"\r\n"))
	if u.TLS {
		until += m.command(`AT+MSSLCFG="auth",0,0`, 0) + m.command(`AT+MIPCFG="ssl",1,1,0`, 0)
	} else {
		until += m.command(`AT+MIPCFG="ssl",1,0,0`, 0)
	}
	until += m.command(`AT+MIPCFG="encoding",1,1,1`, 0)
	until += m.chars(len(`AT+MIPOPEN=1,"TCP","",,,0`) + len(u.Host) + digits(u.Port) + 2)
	return until, m.CommandTurnaround + m.chars(okChars)
}

// opened is the message that a connection is open: +MIPOPEN: 1,0.
func (m Modem) opened() time.Duration { return m.chars(len("\r\n+MIPOPEN: 1,0\r\n")) }

// requestPlan is the time to hand the modem's HTTP stack the OTA request:
// headers one by one, the body raw (ml307_http.cc).
func (m Modem) requestPlan(u deviceURL, headers [][2]string, body int) time.Duration {
	t := m.command(`AT+MHTTPCREATE="https://"`+u.Host, len("\r\n+MHTTPCREATE: 0\r\n"))
	t += m.command(`AT+MHTTPCFG="ssl",0,1,0`, 0) + 2*m.command(`AT+MHTTPCFG="encoding",0,0,0`, 0)
	for _, h := range headers {
		t += m.command(`AT+MHTTPHEADER=0,0,,": "`+h[0]+h[1], 0)
	}
	t += m.command("AT+MHTTPCONTENT=0,0,1000", 0) + m.chars(body)
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
