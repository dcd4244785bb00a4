package protocol

import (
	"errors"
	"testing"
)

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := JSON(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestHelloBytes(t *testing.T) {
	no := false
	for _, c := range []struct{ got, want string }{
		{
			mustJSON(t, NewDeviceHello(1, Features{MCP: true, GlyphPush: &no})),
			`{"type":"hello","version":1,"features":{"mcp":true,"glyph_push":false},"transport":"websocket","audio_params":{"format":"opus","sample_rate":16000,"channels":1,"frame_duration":60}}`,
		},
		{
			mustJSON(t, NewDeviceHello(3, Features{AEC: true, MCP: true})),
			`{"type":"hello","version":3,"features":{"aec":true,"mcp":true},"transport":"websocket","audio_params":{"format":"opus","sample_rate":16000,"channels":1,"frame_duration":60}}`,
		},
		{
			mustJSON(t, NewServerHello("S")),
			`{"type":"hello","transport":"websocket","version":1,"session_id":"S","audio_params":{"format":"opus","sample_rate":24000,"channels":1,"frame_duration":60}}`,
		},
		{
			mustJSON(t, Message{Type: TypeTTS, State: StateSentenceStart, Text: "<你好>", SessionID: "S"}),
			`{"type":"tts","state":"sentence_start","text":"<你好>","session_id":"S"}`,
		},
	} {
		if c.got != c.want {
			t.Errorf("%s\nnot\n%s", c.got, c.want)
		}
	}
}

func TestDeviceTexts(t *testing.T) {
	for _, c := range []struct {
		got  []byte
		want string
		read Message
	}{
		{AppendListenStart(nil, "S", ModeAuto), `{"session_id":"S","type":"listen","state":"start","mode":"auto"}`, Message{Type: TypeListen, State: StateStart, Mode: ModeAuto}},
		{AppendListenStop(nil, "S"), `{"session_id":"S","type":"listen","state":"stop"}`, Message{Type: TypeListen, State: StateStop}},
		{AppendListenDetect(nil, "S", "你好小智"), `{"session_id":"S","type":"listen","state":"detect","text":"你好小智"}`, Message{Type: TypeListen, State: StateDetect, Text: "你好小智"}},
		{AppendAbort(nil, "S", ""), `{"session_id":"S","type":"abort"}`, Message{Type: TypeAbort}},
		{AppendAbort(nil, "S", "wake_word_detected"), `{"session_id":"S","type":"abort","reason":"wake_word_detected"}`, Message{Type: TypeAbort, Reason: "wake_word_detected"}},
	} {
		if string(c.got) != c.want {
			t.Errorf("%s, not %s", c.got, c.want)
		}
		c.read.SessionID = "S"
		m, err := ParseMessage(c.got)
		if err != nil {
			t.Fatal(err)
		}
		if mustJSON(t, m) != mustJSON(t, c.read) {
			t.Errorf("%s: read as %+v", c.got, m)
		}
	}
}

func TestParseMessage(t *testing.T) {
	m, err := ParseMessage([]byte(`{"type":"hello","transport":"websocket","new":[{"x":1}],"audio_params":{"sample_rate":24000,"more":true}}`))
	if err != nil || m.Transport != Transport || m.AudioParams.SampleRate != 24000 {
		t.Errorf("%+v, %v", m, err)
	}
	for _, bad := range []string{"", "认证失败", "5", "[]", "{}", `{"type":5}`, `{"type":"hello"`, `{"type":"a"}{"type":"b"}`} {
		if m, err := ParseMessage([]byte(bad)); !errors.Is(err, ErrMessage) {
			t.Errorf("%s: %+v, %v", bad, m, err)
		}
	}
}

func TestOTA(t *testing.T) {
	a, err := ParseOTAAnswer([]byte(`{"server_time":{"timestamp":1786000000000,"timezone_offset":480,"x":1},"firmware":{"version":"2.4.2","url":""},"websocket":{"url":"wss://a:1/","token":"t"},"later":{}}`))
	if err != nil || a.WebSocket.URL != "wss://a:1/" || a.ServerTime.TimezoneOffset != 480 || a.MQTT != nil || a.Activation != nil {
		t.Errorf("%+v, %v", a, err)
	}
	r, err := ParseOTARequest([]byte(`{"version":2,"minimum_free_heap_size":"81000","application":{"version":"2.4.2"},"board":{"type":"ml307","csq":"22","cereg":{"stat":1}},"z":0}`))
	if err != nil || r.Application.Version != "2.4.2" || r.Board.CSQ != "22" {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := ParseOTAAnswer([]byte(`{}{}`)); !errors.Is(err, ErrOTA) {
		t.Errorf("two objects: %v", err)
	}
	if _, err := ParseOTARequest([]byte(`x`)); !errors.Is(err, ErrOTA) {
		t.Errorf("garbage: %v", err)
	}
}

func FuzzMessage(f *testing.F) {
	f.Add([]byte(`{"type":"listen","state":"detect","text":"你好小智"}`))
	f.Add([]byte(`{"type":"mcp","payload":{"jsonrpc":"2.0"},"audio_params":null}`))
	f.Add(AppendAbort(nil, "S", "x"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := ParseMessage(text)
		if err != nil {
			return
		}
		b, err := JSON(m)
		if err != nil {
			t.Fatal(err)
		}
		back, err := ParseMessage(b)
		if err != nil || back.Type != m.Type || back.Text != m.Text || back.SessionID != m.SessionID {
			t.Fatalf("%q became %+v, %v", text, back, err)
		}
	})
}

func FuzzOTA(f *testing.F) {
	f.Add([]byte(`{"websocket":{"url":"wss://a/","token":""},"mqtt":{}}`))
	f.Add([]byte(`{"version":2,"board":{"csq":"22"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if a, err := ParseOTAAnswer(body); err == nil {
			if _, err := JSON(a); err != nil {
				t.Fatal(err)
			}
		}
		if r, err := ParseOTARequest(body); err == nil {
			if _, err := JSON(r); err != nil {
				t.Fatal(err)
			}
		}
	})
}
