package device

import (
	"fmt"
	"strings"
	"time"

	"xzfleet/netem"
)

// Profiles lists the bundled device profiles.
func Profiles() []Profile {
	return []Profile{
		ml307("ml307-3.3", "2.0.3", PingAnswer),
		ml307("ml307-3.6", "2.2.2", PingDie),
		wifiS3(),
	}
}

// ProfileNamed finds a bundled profile.
func ProfileNamed(name string) (Profile, error) {
	var names []string
	for _, p := range Profiles() {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return Profile{}, fmt.Errorf("unknown device profile %q (there are %s)", name, strings.Join(names, ", "))
}

// firmwareTimeouts are the waits that every xiaozhi firmware shares:
// 78/esp-ml307 3.x include/http_client.h (30 s), src/web_socket.cc (10 s),
// 78/xiaozhi-esp32 main/protocols (hello 10 s, channel 120 s).
func firmwareTimeouts() Timeouts {
	return Timeouts{
		OTA:     30 * time.Second,
		Upgrade: 10 * time.Second,
		Hello:   10 * time.Second,
		Channel: 120 * time.Second,
	}
}

// firmwareRetry is Application::CheckNewVersion of 78/xiaozhi-esp32: ten
// tries, 10 s doubled after each failure, no jitter.
func firmwareRetry() Retry {
	return Retry{First: 10 * time.Second, Factor: 2, Tries: 10}
}

// ml307 is a board with an ML307 modem (78/esp-ml307 3.x): TCP and TLS run in
// the modem, by URL scheme, within 10 s from MIPOPEN's OK
// (TCP_CONNECT_TIMEOUT_MS); 730 bytes per AT+MIPSEND; UART at 921600 baud.
// What a server ping does changed with the version: from 3.5.4 the Pong is
// sent by the task that would have to parse its OK.
func ml307(name, firmware string, ping Ping) Profile {
	t := firmwareTimeouts()
	t.Connect = 10 * time.Second
	return Profile{
		Name:     name,
		Firmware: firmware,
		Board:    Board{Name: "bread-compact-ml307", Type: "ml307", Chip: "esp32s3", Model: "ML307R-DL-MBRH0S01"},
		TLS:      TLS{Stack: "modem", MinVersion: "1.0", MaxVersion: "1.2", SNI: false, Verify: "none"},
		Timeouts: t,
		Retry:    firmwareRetry(),
		Modem: Modem{
			Baud: 921600, Piece: 730, Ping: ping,
			// From the public logic-analyser trace of firmware 2.2.5: five
			// commands in 7 ms, 35 frames of about 145 bytes in 213 ms, less
			// their time on the wire.
			CommandTurnaround: 1200 * time.Microsecond,
			SendTurnaround:    2500 * time.Microsecond,
		},
		TCP:      netem.StackModem(),
		DNSCache: time.Hour, // China Mobile IoT, TCP/IP user manual V5.1.5
		Assumed: []string{
			"tls.ciphers", "tls.groups", "tls.sni", "cpu", "tcp", "modem.command_turnaround", "modem.send_turnaround",
		},
	}
}

// wifiS3 is an ESP32-S3 at 240 MHz that runs lwIP and mbedTLS itself
// (ESP-IDF 5.5.2): 10 s for the TCP connect, 10 s of silence in TLS.
func wifiS3() Profile {
	t := firmwareTimeouts()
	t.DNS = 7 * time.Second // lwIP dns.c: queries at 0, 1, 2, 4 s, gives up at 7 s
	t.TCP = 10 * time.Second
	t.TLS = 10 * time.Second
	return Profile{
		Name:     "wifi-s3",
		Firmware: "2.2.6",
		Board:    Board{Name: "bread-compact-wifi", Type: "wifi", Chip: "esp32s3"},
		TLS:      TLS{Stack: "mbedtls", MinVersion: "1.2", MaxVersion: "1.2", SNI: true, Verify: "bundle"},
		Timeouts: t,
		Retry:    firmwareRetry(),
		TCP:      netem.StackLwIP(),
		Modem:    Modem{Ping: PingAnswer},
		CPU:      CPU{MHz: 240},
		DNSCache: 10 * time.Minute, // lwIP keeps the answer's TTL
		Assumed:  []string{"dns_cache"},
	}
}
