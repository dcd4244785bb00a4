package netem

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

const clearUpgrade = "GET /xiaozhi/v1/ HTTP/1.1\r\nHost: server:80\r\nupgrade: WebSocket\r\nX-Kept: yes\r\nConnection: Upgrade\r\n\r\n"

// through sends text over a path with this box and returns the request that
// came out at the server, or the error that the device got.
func through(t *testing.T, box Middlebox, port int, text string) (got *http.Request, rest string, failed error) {
	bed(t, func(t *testing.T, n *Network, l *Listener) {
		r := route(80 * time.Millisecond)
		r.Path = NewPath(Profile{RTTFloor: RTTFloor{Min: 80}, Middlebox: box}, 1)
		r.Port = port
		done := make(chan struct{})
		go func() {
			defer close(done)
			s, err := l.Accept()
			if err != nil {
				return
			}
			defer s.Close()
			b := bufio.NewReader(s)
			if got, err = http.ReadRequest(b); err != nil {
				got = nil
				raw, _ := io.ReadAll(b)
				rest = string(raw)
				return
			}
			raw := make([]byte, 4)
			k, _ := io.ReadFull(b, raw)
			rest = string(raw[:k])
		}()
		c, err := n.Dial(t.Context(), 0, r, 0)
		if err != nil {
			failed = err
			l.Close()
			<-done
			return
		}
		for _, half := range []string{text[:len(text)/2], text[len(text)/2:]} {
			if _, err := c.Write([]byte(half)); err != nil {
				failed = err
				break
			}
			time.Sleep(200 * time.Millisecond)
		}
		if failed == nil {
			_ = c.SetReadDeadline(time.Now().Add(time.Second))
			_, err := c.Read(make([]byte, 1))
			if err != nil && errors.Is(err, syscall.ECONNRESET) {
				failed = err
			}
		}
		_ = c.Close()
		<-done
	})
	return got, rest, failed
}

func TestMiddlebox(t *testing.T) {
	got, rest, err := through(t, Middlebox{}, 80, clearUpgrade+"more")
	if err != nil || got == nil || got.Header.Get("Upgrade") != "WebSocket" || rest != "more" {
		t.Errorf("without a box: %v, %+v, %q", err, got, rest)
	}
	got, rest, err = through(t, Middlebox{ClearUpgrade: "strip"}, 80, clearUpgrade+"more")
	if err != nil || got == nil || got.Header.Get("Upgrade")+got.Header.Get("Connection") != "" || got.Header.Get("X-Kept") != "yes" || got.Host != "server:80" || rest != "more" {
		t.Errorf("stripped: %v, %+v, %q", err, got, rest)
	}
	if got, _, err = through(t, Middlebox{ClearUpgrade: "reset"}, 80, clearUpgrade); got != nil || !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("reset: %v, %+v", err, got)
	}
	// Other requests pass, and so does what no box can read.
	plain := strings.ReplaceAll(clearUpgrade, "upgrade: WebSocket\r\n", "")
	if got, _, err = through(t, Middlebox{ClearUpgrade: "reset"}, 80, plain+"more"); err != nil || got == nil {
		t.Errorf("an ordinary request: %v", err)
	}
	if _, rest, err = through(t, Middlebox{ClearUpgrade: "reset"}, 443, "\x16\x03\x01GET upgrade: websocket\r\n\r\n"); err != nil {
		t.Errorf("TLS: %v, %q", err, rest)
	}
	if got, _, err = through(t, Middlebox{BlockPorts: []int{8000}}, 8000, clearUpgrade); got != nil || !errors.Is(err, syscall.ETIMEDOUT) {
		t.Errorf("a blocked port: %v", err)
	}
	if got, _, err = through(t, Middlebox{BlockPorts: []int{8000}}, 443, clearUpgrade+"more"); got == nil || err != nil {
		t.Errorf("another port: %v", err)
	}
}
