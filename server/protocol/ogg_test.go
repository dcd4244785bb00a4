package protocol

import (
	"bytes"
	"errors"
	"testing"
	"time"
)

func somePackets(n int) [][]byte {
	var packets [][]byte
	for i := range n {
		packets = append(packets, append([]byte{0x58}, bytes.Repeat([]byte{byte(i)}, i*37%700)...))
	}
	return packets
}

func oggFile(t testing.TB, packets [][]byte) []byte {
	t.Helper()
	file, err := AppendOggOpus(nil, OggOpus{InputRate: 16000, PreSkip: 312, Vendor: "test", Tags: []string{"title=你好"}}, packets)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestOggRoundTrip(t *testing.T) {
	for _, n := range []int{1, packetsPerPage, packetsPerPage + 1, 100} {
		want := somePackets(n)
		got, tags, err := OggOpusPackets(oggFile(t, want))
		if err != nil {
			t.Fatal(err)
		}
		if tags["TITLE"] != "你好" || len(got) != n {
			t.Fatalf("%d packets, tags %v", len(got), tags)
		}
		for i := range want {
			if !bytes.Equal(got[i], want[i]) {
				t.Fatalf("packet %d differs", i)
			}
		}
	}
}

// TestOggContinued reads a packet that spans three pages, as other encoders
// write them.
func TestOggContinued(t *testing.T) {
	file := oggFile(t, somePackets(1))
	_, rest, err := nextPage(file)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, err = nextPage(rest)
	if err != nil {
		t.Fatal(err)
	}
	file = file[:len(file)-len(rest)]
	part := bytes.Repeat([]byte{0x58}, 255)
	file = appendPage(file, oggPage{seq: 2}, part)
	file = withoutLastLacing(file, 255)
	file = appendPage(file, oggPage{seq: 3, flags: oggContinued}, part)
	file = withoutLastLacing(file, 255)
	file = appendPage(file, oggPage{seq: 4, flags: oggContinued | oggLast}, part[:7], []byte{0x58})
	packets, _, err := OggOpusPackets(file)
	if err != nil || len(packets) != 2 || len(packets[0]) != 517 || len(packets[1]) != 1 {
		t.Fatalf("%d packets, %v", len(packets), err)
	}
}

// withoutLastLacing makes the last packet of the last page, of n bytes in one
// lacing value and a closing 0, one that goes on.
func withoutLastLacing(file []byte, n int) []byte {
	start := len(file) - n - 2 - oggHeader
	page := bytes.Clone(file[start:])
	page[26]--
	page = append(page[:oggHeader+1], page[oggHeader+2:]...)
	copy(page[22:], []byte{0, 0, 0, 0})
	sum := oggCRC(0, page)
	copy(page[22:], []byte{byte(sum), byte(sum >> 8), byte(sum >> 16), byte(sum >> 24)})
	return append(file[:start], page...)
}

func TestBadOgg(t *testing.T) {
	good := oggFile(t, somePackets(17))
	for n := range len(good) {
		if _, _, err := OggOpusPackets(good[:n]); !errors.Is(err, ErrOgg) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 0x10
		if _, _, err := OggOpusPackets(bad); !errors.Is(err, ErrOgg) {
			t.Fatalf("byte %d flipped: %v", i, err)
		}
	}
	if _, _, err := OggOpusPackets(append(bytes.Clone(good), good...)); !errors.Is(err, ErrOgg) {
		t.Errorf("two files in one: %v", err)
	}
	for _, bad := range [][][]byte{nil, {{}}, {{3}}, {make([]byte, maxOggPacket+1)}} {
		if _, err := AppendOggOpus(nil, OggOpus{}, bad); !errors.Is(err, ErrPacket) {
			t.Errorf("%d packets written: %v", len(bad), err)
		}
	}
}

func TestPacketDuration(t *testing.T) {
	for _, c := range []struct {
		packet []byte
		want   time.Duration
	}{
		{[]byte{0x58}, 60 * time.Millisecond},            // SILK wide-band 60 ms
		{[]byte{0x48, 1}, 20 * time.Millisecond},         // SILK wide-band 20 ms
		{[]byte{0x49, 1}, 40 * time.Millisecond},         // two of them
		{[]byte{0x4b, 0x03, 1}, 60 * time.Millisecond},   // code 3, three of them
		{[]byte{0x78, 1}, 20 * time.Millisecond},         // hybrid
		{[]byte{0x80, 1}, 2500 * time.Microsecond},       // CELT
		{[]byte{0xfb, 0x06, 1}, 120 * time.Millisecond},  // CELT 6 × 20 ms
		{[]byte{0x5b, 0x03, 1}, 0}, {[]byte{0x4b, 0}, 0}, // 180 ms; no frames
		{nil, 0}, {[]byte{0x4b}, 0}, {[]byte{0xff}, 0}, // cut off
	} {
		d, err := PacketDuration(c.packet)
		if d != c.want || errors.Is(err, ErrPacket) != (c.want == 0) {
			t.Errorf("%x: %v, %v", c.packet, d, err)
		}
	}
}

func FuzzOgg(f *testing.F) {
	f.Add(oggFile(f, somePackets(3)))
	f.Fuzz(func(t *testing.T, file []byte) {
		packets, _, err := OggOpusPackets(file)
		if err != nil {
			return
		}
		total := 0
		for _, p := range packets {
			total += len(p)
		}
		if total > len(file) {
			t.Fatalf("%d bytes of packets in %d", total, len(file))
		}
	})
}
