package device

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"xzfleet/results"
	"xzfleet/server/protocol"
)

// otaHeaders are the device's own headers, in the order in which a std::map
// of the modem's client keeps them: by bytes (78/xiaozhi-esp32 main/ota.cc).
func (m *Machine) otaHeaders() [][2]string {
	p := m.cfg.Profile
	return [][2]string{
		{"Accept-Language", "zh-CN"},
		{"Activation-Version", "1"},
		{"Client-Id", m.cfg.ClientID},
		{"Content-Type", "application/json"},
		{"Device-Id", m.cfg.Identity.DeviceID},
		{"User-Agent", p.Board.Name + "/" + p.Firmware},
	}
}

// otaRequest is the request on the wire: one write. The ESP32's client
// (esp-ml307 src/http_client.cc) sorts by lower-cased name and closes; the
// modem's own bytes are not published, its headers are those it was given.
func (m *Machine) otaRequest() []byte {
	body := m.otaBody()
	u := m.open.url
	b := []byte("POST " + u.Path + " HTTP/1.1\r\nHost: " + u.hostPort() + "\r\n")
	headers := m.otaHeaders()
	slices.SortStableFunc(headers, func(a, b [2]string) int {
		return strings.Compare(strings.ToLower(a[0]), strings.ToLower(b[0]))
	})
	for _, h := range headers {
		b = append(b, h[0]+": "+h[1]+"\r\n"...)
	}
	b = append(b, "Content-Length: "+strconv.Itoa(len(body))+"\r\nConnection: close\r\n\r\n"...)
	return append(b, body...)
}

// parseOTAURL follows HttpClient::ParseUrl of 78/esp-ml307 (src/http_client.cc):
// unlike a WebSocket's, the port defaults to 443 for "https".
func parseOTAURL(raw string) (deviceURL, error) {
	scheme, rest, ok := strings.Cut(raw, "://")
	u := deviceURL{TLS: strings.EqualFold(scheme, "https"), Port: 80}
	if u.TLS {
		u.Port = 443
	}
	authority, path := splitPath(rest)
	host, port, hasPort := strings.Cut(authority, ":")
	u.Host, u.Path = host, path
	if hasPort {
		n, err := strconv.ParseUint(port, 10, 16)
		ok = ok && err == nil && n > 0
		u.Port = int(n)
	}
	if !ok {
		return deviceURL{}, &openError{Cause: results.CauseProtocolError, Detail: results.Detail{
			Text: fmt.Sprintf("no URL of an OTA request: %q", withoutQuery(raw)),
		}}
	}
	return u, nil
}

// hostPort is the Host header of the OTA request: the port where it is not
// the scheme's own.
func (u deviceURL) hostPort() string {
	if u.TLS && u.Port == 443 || !u.TLS && u.Port == 80 {
		return u.Host
	}
	return u.Host + ":" + strconv.Itoa(u.Port)
}

// otaBody is Board::GetSystemInfoJson of 78/xiaozhi-esp32.
func (m *Machine) otaBody() []byte {
	p, id := m.cfg.Profile, m.cfg.Identity.DeviceID
	board := protocol.Board{Type: p.Board.Type, Name: p.Board.Name}
	if p.Modem.exists() {
		board.Revision, board.Carrier, board.CSQ = p.Board.Model, "CHINA MOBILE", "20"
		board.CEREG = json.RawMessage(`{"stat":1}`)
	} else {
		board.SSID, board.RSSI, board.Channel, board.MAC = "home", -50, 6, id
	}
	body, err := protocol.JSON(protocol.OTARequest{
		Version: 2, Language: "zh-CN", FlashSize: 16 << 20, MinimumFreeHeapSize: "99411",
		MACAddress: id, UUID: m.cfg.ClientID, ChipModelName: p.Board.Chip,
		ChipInfo:    protocol.ChipInfo{Model: 9, Cores: 2, Revision: 2, Features: 18},
		Application: protocol.Application{Name: "xiaozhi", Version: p.Firmware, CompileTime: "Aug  8 2026T08:33:45Z", IDFVersion: "v5.5.2", ELFSHA256: strings.Repeat("0", 64)},
		OTA:         protocol.OTAPartition{Label: "ota_0"},
		Display:     json.RawMessage(`{"monochrome":false,"width":240,"height":240}`),
		Board:       board,
	})
	if err != nil {
		return nil // a struct of plain fields always encodes
	}
	return body
}

// otaAnswer is what Ota::CheckVersion makes of the answer: status exactly
// 200, then MQTT before WebSocket where both are named.
func (m *Machine) otaAnswer(ev Event) {
	if ev.Code != http.StatusOK {
		cause := results.CauseHTTPStatus
		if ev.Code/100 == 3 {
			cause = results.CauseRedirect
		}
		m.fail(cause, results.Detail{HTTPStatus: ev.Code})
		return
	}
	a, err := protocol.ParseOTAAnswer(ev.Data)
	switch {
	case err != nil:
		m.fail(results.CauseOTABadAnswer, results.Detail{HTTPStatus: ev.Code, Text: err.Error()})
	case a.Activation != nil && (a.Activation.Code != "" || a.Activation.Challenge != ""):
		m.fail(results.CauseNotActivated, results.Detail{Text: a.Activation.Message})
	case bytes.HasPrefix(a.MQTT, []byte("{")) || a.WebSocket == nil:
		m.dismiss(results.CauseOtherTransport, results.Detail{Text: "the answer leads to MQTT"})
	default:
		m.useAnswer(*a.WebSocket)
	}
}

func (m *Machine) useAnswer(w protocol.OTAWebSocket) {
	u, err := parseDeviceURL(w.URL)
	switch {
	case err != nil:
		e := ioError(err)
		m.dismiss(e.Cause, e.Detail)
		return
	case !slices.Contains(m.cfg.Hosts, u.Host):
		m.dismiss(results.CauseOTABadAnswer, results.Detail{Text: fmt.Sprintf("the answer names the host %q, which this run may not contact", withoutQuery(u.Host))})
		return
	}
	m.url, m.token = w.URL, w.Token
	if w.Version > 0 {
		m.version = w.Version
	}
	m.recordTry(results.OK, "", results.Detail{})
	m.after(true)
}
