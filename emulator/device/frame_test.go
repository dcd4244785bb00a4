package device

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/coder/websocket"

	"xzfleet/results"
)

// wire is a connection with a fixed input that records each write.
type wire struct {
	io.Reader
	writes [][]byte
	closed bool
	err    error
}

func (w *wire) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	w.writes = append(w.writes, bytes.Clone(p))
	return len(p), nil
}

func (w *wire) Close() error { w.closed = true; return nil }

func newWire(input string) *wire { return &wire{Reader: strings.NewReader(input)} }

// unhex reads hex with blanks.
func unhex(t testing.TB, s string) string {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestFrameReaderNormalises: what comes from the wire, what coder gets.
func TestFrameReaderNormalises(t *testing.T) {
	for _, c := range []struct{ name, in, out string }{
		{"text", "81 02 6869", "81 02 6869"},
		{"RSV bits", "f2 02 6869", "82 02 6869"},
		{"masked", "81 82 01020304 696b", "81 02 6869"},
		{"64-bit length", "82 7f 0000000000000002 6869", "82 02 6869"},
		{"empty", "81 00", "81 00"},
		{"fragments", "01 01 61 00 01 62 80 01 63", "01 01 61 00 01 62 80 01 63"},
		{"ping between fragments", "01 01 61 89 01 70 80 01 62", "01 01 61 89 01 70 80 01 62"},
		{"new message while fragmented", "01 01 61 82 02 ffff 80 01 62", "01 01 61 80 01 62"},
		{"unsolicited continuation after binary", "82 01 61 80 01 62", "82 01 61 82 01 62"},
		{"unsolicited continuation at first", "80 01 62", "81 01 62"},
		{"unsolicited fragments", "82 00 00 01 61 00 00 80 81 00000000 62", "82 00 82 02 6162"},
		{"unsolicited fragments discarded", "00 01 61 81 01 62 80 01 63", "81 01 62 81 01 63"},
		{"pong and unknown opcodes", "8a 01 61 83 01 62 8b 02 6263 81 01 64", "81 01 64"},
		{"masked ping, no FIN", "09 82 01020304 696b", "89 02 6869"},
		{"ping of 126", "89 7e 007e" + strings.Repeat("61", 126) + "81 01 62", "81 01 62"},
		{"close", "88 04 03e8 6279", "88 04 03e8 6279"},
		{"close, code not allowed", "88 02 03ed", "88 00"},
		{"close, half a code", "88 01 03", "88 00"},
		{"close of 200", "88 7e 00c8 0fa0" + strings.Repeat("61", 198), "88 7d 0fa0" + strings.Repeat("61", 123)},
	} {
		in, want := unhex(t, c.in), unhex(t, c.out)
		for _, size := range []int{1, 3, 4096} {
			for name, r := range map[string]io.Reader{
				"at once":      strings.NewReader(in[1:]),
				"by byte":      iotest.OneByteReader(strings.NewReader(in[1:])),
				"EOF with end": iotest.DataErrReader(strings.NewReader(in[1:])),
			} {
				b := newFrameBody(&wire{Reader: r}, frameOptions{Rest: []byte(in[:1])})
				if got, err := io.ReadAll(&chunkReader{b, size}); string(got) != want || err != nil {
					t.Errorf("%s, %s, read by %d: %x, %v, want %x", c.name, name, size, got, err, want)
				}
			}
		}
	}
}

// chunkReader reads at most n bytes at a time.
type chunkReader struct {
	r io.Reader
	n int
}

func (c *chunkReader) Read(p []byte) (int, error) { return c.r.Read(p[:min(c.n, len(p))]) }

func TestFrameReaderLimits(t *testing.T) {
	long := strings.Repeat("00", 4)
	for _, c := range []struct {
		name, in string
		limit    int
		want     int // bytes passed up before the end
		cause    results.Cause
	}{
		{"2048 with its header", "82 7e 07fc" + strings.Repeat("00", 2044), 2048, 2048, ""},
		{"one more", "82 7e 07fd" + long, 2048, 0, results.CauseFrameTooLarge},
		{"no limit", "82 7e ffff" + strings.Repeat("00", 65535), 0, 65539, ""},
		{"above 1 MiB", "82 7f 0000000000100001" + long, 0, 0, results.CauseEmulatorLimit},
		{"length with the top bit", "82 7f ffffffffffffffff" + long, 0, 0, results.CauseEmulatorLimit},
		{"second frame", "81 01 61 82 7f 0000000000200000", 0, 3, results.CauseEmulatorLimit},
		{"message of fragments", "02 7f 00000000000fffff" + strings.Repeat("00", 1<<20-1) + "80 02 0000", 0, 1<<20 - 1 + 10, results.CauseEmulatorLimit},
		{"ends in a header", "82 7e", 0, 0, ""},
	} {
		b := newFrameBody(newWire(unhex(t, c.in)), frameOptions{Limit: c.limit})
		got, err := io.ReadAll(b)
		e, isOpen := errors.AsType[*openError](err)
		if len(got) != c.want || isOpen != (c.cause != "") || isOpen && e.Cause != c.cause {
			t.Errorf("%s: %d bytes, %v, want %d, %q", c.name, len(got), err, c.want, c.cause)
		}
	}
}

// TestFrameReaderCutMessage: a message that the connection cuts is never
// delivered, not even its whole fragments.
func TestFrameReaderCutMessage(t *testing.T) {
	for _, in := range []string{"01 01 61", "01 01 61 00 01", "82 02 61", "82", "82 02", "82 7e 00"} {
		conn, err := dialOver(t.Context(), newFrameBody(newWire(unhex(t, in)), frameOptions{}), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, got, err := conn.Read(context.Background()); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: %q, %v", in, got, err)
		}
		_ = conn.CloseNow()
	}
}

func TestFrameBodyClose(t *testing.T) {
	w := newWire(unhex(t, "88 02 03f3"))
	b := newFrameBody(w, frameOptions{})
	conn, err := dialOver(t.Context(), b, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err = conn.Read(context.Background()); websocket.CloseStatus(err) != 1011 {
		t.Errorf("read: %v", err)
	}
	if b.CloseCode() != 1011 || len(w.writes) > 0 || w.closed {
		t.Errorf("code %d, %d writes, closed %v", b.CloseCode(), len(w.writes), w.closed)
	}
	w = newWire("")
	conn, err = dialOver(t.Context(), newFrameBody(w, frameOptions{Rand: newNewlibRand()}), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.CloseNow(); err != nil || !w.closed || len(w.writes) > 0 {
		t.Errorf("CloseNow: %v, closed %v, %d writes", err, w.closed, len(w.writes))
	}
}

// FuzzFrameReader: whatever a server sends, coder gets the same frames in
// whatever pieces they arrive, and nothing that makes it complain of the
// protocol.
func FuzzFrameReader(f *testing.F) {
	for _, s := range []string{"8102 6869", "0101618a0161800162", "00016180017e", "8904B594B706", "880203e8", "827f00000000001fffff", "81fe00026869000061"} {
		f.Add([]byte(unhex(f, s)), uint8(2))
	}
	f.Fuzz(func(t *testing.T, in []byte, size uint8) {
		whole, errWhole := io.ReadAll(newFrameBody(newWire(string(in)), frameOptions{Limit: 2048}))
		cut := newFrameBody(&wire{Reader: iotest.OneByteReader(bytes.NewReader(in))}, frameOptions{Limit: 2048})
		pieces, errCut := io.ReadAll(&chunkReader{cut, int(size) + 1})
		if !bytes.Equal(whole, pieces) || (errWhole == nil) != (errCut == nil) {
			t.Errorf("whole %x, %v\ncut   %x, %v", whole, errWhole, pieces, errCut)
		}
		w := newWire(string(in))
		conn, err := dialOver(t.Context(), newFrameBody(w, frameOptions{Rand: newNewlibRand()}), func([]byte) {})
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			_, _, err = conn.Read(context.Background())
		}
		_, limit := errors.AsType[*openError](err)
		if !limit && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && websocket.CloseStatus(err) == -1 {
			t.Errorf("coder: %v", err)
		}
		if len(w.writes) > 0 {
			t.Errorf("wrote %x", w.writes)
		}
		_ = conn.CloseNow()
	})
}

// BenchmarkFrameReadWrite sends and receives one voice frame through coder
// and the frame layer.
func BenchmarkFrameReadWrite(b *testing.B) {
	payload := make([]byte, 140)
	frame := append(appendFrameHeader(nil, frameFIN|frameBinary, 0, len(payload)), payload...)
	w := &loopWire{frame: frame}
	body := newFrameBody(w, frameOptions{Rand: newNewlibRand()})
	conn, err := dialOver(b.Context(), body, nil)
	if err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, 256)
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if err := sendFrame(ctx, conn, websocket.MessageBinary, payload); err != nil {
			b.Fatal(err)
		}
		_, r, err := conn.Reader(ctx)
		if err != nil {
			b.Fatal(err)
		}
		for err == nil {
			_, err = r.Read(buf)
		}
	}
}

// loopWire repeats one frame for ever and drops what is written.
type loopWire struct {
	frame []byte
	at    int
}

func (l *loopWire) Read(p []byte) (int, error) {
	n := copy(p, l.frame[l.at:])
	l.at = (l.at + n) % len(l.frame)
	return n, nil
}
func (l *loopWire) Write(p []byte) (int, error) { return len(p), nil }
func (l *loopWire) Close() error                { return nil }
