package protocol

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"
)

func TestFrameLayouts(t *testing.T) {
	opus := []byte{0x58, 0xab}
	for _, c := range []struct {
		version int
		frame   Frame
		wire    string
	}{
		{1, Frame{Payload: opus}, "58ab"},
		{2, Frame{Payload: opus, Timestamp: 0x01020304}, "0002" + "0000" + "00000000" + "01020304" + "00000002" + "58ab"},
		{2, Frame{Kind: FrameJSON, Payload: []byte("{}")}, "0002" + "0001" + "00000000" + "00000000" + "00000002" + "7b7d"},
		{3, Frame{Payload: opus}, "00" + "00" + "0002" + "58ab"},
	} {
		got, err := AppendFrame([]byte("before"), c.version, c.frame)
		if err != nil {
			t.Fatal(err)
		}
		if h := hex.EncodeToString(got[len("before"):]); h != c.wire {
			t.Errorf("version %d: %s, not %s", c.version, h, c.wire)
		}
		back, err := DecodeFrame(c.version, got[len("before"):])
		if err != nil || back.Kind != c.frame.Kind || back.Timestamp != c.frame.Timestamp || !bytes.Equal(back.Payload, c.frame.Payload) {
			t.Errorf("version %d: read back as %+v, %v", c.version, back, err)
		}
	}
}

func TestBadFrames(t *testing.T) {
	for name, c := range map[string]struct {
		version int
		wire    string
	}{
		"v2 cut header":     {2, "000200000000"},
		"v2 wrong version":  {2, "0003" + "0000" + "00000000" + "00000000" + "00000000"},
		"v2 unknown type":   {2, "0002" + "0002" + "00000000" + "00000000" + "00000000"},
		"v2 size too large": {2, "0002" + "0000" + "00000000" + "00000000" + "ffffffff" + "58"},
		"v2 size too small": {2, "0002" + "0000" + "00000000" + "00000000" + "00000000" + "58"},
		"v3 cut header":     {3, "000000"},
		"v3 unknown type":   {3, "02000000"},
		"v3 size too large": {3, "0000ffff58"},
		"v3 size too small": {3, "0000000158ff"},
	} {
		wire, err := hex.DecodeString(c.wire)
		if err != nil {
			t.Fatal(err)
		}
		if f, err := DecodeFrame(c.version, wire); !errors.Is(err, ErrFrame) {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
	}
	for _, version := range []int{0, 4} {
		if _, err := DecodeFrame(version, nil); !errors.Is(err, ErrVersion) {
			t.Errorf("decode version %d: %v", version, err)
		}
		if _, err := AppendFrame(nil, version, Frame{}); !errors.Is(err, ErrVersion) {
			t.Errorf("append version %d: %v", version, err)
		}
	}
	if _, err := AppendFrame(nil, 1, Frame{Kind: FrameJSON}); !errors.Is(err, ErrFrame) {
		t.Errorf("JSON in version 1: %v", err)
	}
	if _, err := AppendFrame(nil, 3, Frame{Payload: make([]byte, 65536)}); !errors.Is(err, ErrFrame) {
		t.Errorf("64 KiB in version 3: %v", err)
	}
}

// fuzzFrame checks that what decodes encodes to the same bytes.
func fuzzFrame(f *testing.F, version int) {
	for _, payload := range [][]byte{{0x58}, bytes.Repeat([]byte{0x5b}, 127), nil} {
		wire, err := AppendFrame(nil, version, Frame{Payload: payload})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(wire)
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		frame, err := DecodeFrame(version, wire)
		if err != nil {
			return
		}
		back, err := AppendFrame(nil, version, frame)
		if err != nil {
			t.Fatal(err)
		}
		again, err := DecodeFrame(version, back)
		if err != nil || again.Kind != frame.Kind || again.Timestamp != frame.Timestamp || !bytes.Equal(again.Payload, frame.Payload) {
			t.Fatalf("%x: %+v became %+v, %v", wire, frame, again, err)
		}
	})
}

func FuzzFrameV1(f *testing.F) { fuzzFrame(f, 1) }
func FuzzFrameV2(f *testing.F) { fuzzFrame(f, 2) }
func FuzzFrameV3(f *testing.F) { fuzzFrame(f, 3) }

func benchmarkFrameCodec(b *testing.B, version int) {
	payload := bytes.Repeat([]byte{0x5b}, 127) // 60 ms at the firmware's bitrate
	var wire []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if wire, err = AppendFrame(wire[:0], version, Frame{Payload: payload}); err != nil {
			b.Fatal(err)
		}
		if _, err = DecodeFrame(version, wire); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFrameCodecV1(b *testing.B) { benchmarkFrameCodec(b, 1) }
func BenchmarkFrameCodecV2(b *testing.B) { benchmarkFrameCodec(b, 2) }
func BenchmarkFrameCodecV3(b *testing.B) { benchmarkFrameCodec(b, 3) }

func TestFrameCodecDoesNotAllocate(t *testing.T) {
	wire := make([]byte, 0, 256)
	payload := make([]byte, 127)
	for version := 1; version <= 3; version++ {
		if n := testing.AllocsPerRun(100, func() {
			w, _ := AppendFrame(wire[:0], version, Frame{Payload: payload})
			_, _ = DecodeFrame(version, w)
		}); n != 0 {
			t.Errorf("version %d: %v allocations", version, n)
		}
	}
}
