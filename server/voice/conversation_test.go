//go:build cgo

package voice

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"xzfleet/server/protocol"
)

// ota asks where the channel is, as a device at boot.
func (b *bed) ota() protocol.OTAAnswer {
	b.t.Helper()
	body := `{"version":2,"application":{"name":"xiaozhi","version":"2.2.6"},"board":{"type":"ml307"}}`
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, "https://voice.test:8443/xiaozhi/ota/", strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Device-Id", "aa:bb")
	req.Header.Set("Client-Id", "c")
	resp, err := b.web().Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		b.t.Fatalf("%s, %v", resp.Status, err)
	}
	a, err := protocol.ParseOTAAnswer(text)
	if err != nil {
		b.t.Fatal(err)
	}
	return a
}

func TestConversation(t *testing.T) {
	for version := 1; version <= 3; version++ {
		synctest.Test(t, func(t *testing.T) {
			b := newBed(t, testConfig())
			a := b.ota()
			if a.WebSocket == nil || a.WebSocket.URL != "wss://voice.test:8443/xiaozhi/v1/" || a.MQTT != nil ||
				a.Firmware.Version != "2.2.6" || a.Firmware.URL != "" || a.ServerTime.Timestamp != time.Now().UnixMilli() {
				t.Fatalf("OTA answer %+v", a)
			}
			c := b.connect(a.WebSocket.URL, version)
			wake, word := clip(t, "wake")
			c.send(wake...)
			c.sendText(protocol.AppendListenDetect(nil, c.session, word))
			packets, text := clip(t, "zh-weather")
			c.ask(packets)
			checkAnswer(t, c.until("tts stop"), b.script.lines, text)
			b.stop()
			checkHeard(t, b, packets, len(wake))
		})
	}
}

// checkAnswer holds one answer against the order and pace of the reference
// server.
func checkAnswer(t *testing.T, got []event, lines map[string]line, text string) {
	t.Helper()
	var said line
	for _, l := range lines {
		if l.text == text {
			said = l
		}
	}
	var names []string
	for _, e := range got {
		names = append(names, e.name())
	}
	want := append([]string{"stt", "tts start", "llm", "tts sentence_start"}, slices.Repeat([]string{"audio"}, len(said.answer.packets))...)
	if want = append(want, "tts stop"); !slices.Equal(names, want) {
		t.Fatalf("%v", names)
	}
	if got[0].Text != text || got[3].Text != said.answer.text || got[2].Emotion != said.answer.emotion {
		t.Errorf("heard %q, answered %q", got[0].Text, got[3].Text)
	}
	audio := got[4 : len(got)-1]
	start := got[0].at
	for i, e := range audio {
		// 5 at once, then one each 60 ms.
		if due := time.Duration(max(0, i-4)) * 60 * time.Millisecond; e.at.Sub(start) != due {
			t.Errorf("frame %d after %v, not %v", i, e.at.Sub(start), due)
		}
		if !bytes.Equal(e.packet, said.answer.packets[i]) {
			t.Errorf("frame %d is not that of the answer", i)
		}
	}
	if d := got[len(got)-1].at.Sub(audio[len(audio)-1].at); d != 420*time.Millisecond {
		t.Errorf("tts stop %v after the last frame", d)
	}
}

// checkHeard compares what the recogniser got with a separate decode.
func checkHeard(t *testing.T, b *bed, packets [][]byte, wake int) {
	t.Helper()
	sent, err := strconv.Atoi(b.logs.field("utterance", "packets"))
	if err != nil || sent < len(packets)+3 || sent > len(packets)+4 {
		t.Fatalf("utterance of %d packets, %v\n%s", sent, err, b.logs)
	}
	all := append(slices.Clone(packets), dtx, dtx, dtx, dtx)[:sent]
	pcm := decodeApart(t, all)
	if got := b.logs.field("utterance", "samples"); got != strconv.Itoa(len(pcm)/2) {
		t.Errorf("%s samples, not %d", got, len(pcm)/2)
	}
	if got := b.logs.field("utterance", "pcm_sha256"); got != sha(pcm) {
		t.Errorf("other samples than a separate decode: %s", got)
	}
	speech, err := strconv.Atoi(b.logs.field("utterance", "speech_samples"))
	if err != nil || speech < len(pcm)/2-5*960-1600 || speech > len(packets)*960 {
		t.Errorf("%d samples of speech in %d packets, %v", speech, len(packets), err)
	}
	if wake > 0 {
		if got := b.logs.field(`"wake word"`, "packets"); got != strconv.Itoa(wake) {
			t.Errorf("wake word of %s packets, not %d", got, wake)
		}
	}
}

func TestLostPacketIsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, testConfig())
		c := b.connect(channelURL, 1)
		packets, _ := clip(t, "en-time")
		c.ask(slices.Delete(slices.Clone(packets), 10, 11))
		if said := c.until("tts stop")[0].Text; said != b.script.pardon.text {
			t.Errorf("recognised as %q", said)
		}
		b.stop()
		whole := sha(decodeApart(t, append(slices.Clone(packets), dtx, dtx, dtx, dtx)))
		if got := b.logs.field("utterance", "pcm_sha256"); got == whole || got == "" {
			t.Errorf("hash %q", got)
		}
	})
}

// TestEachTurnStartsFresh asks twice in one session: the second utterance is
// decoded as if it were the first.
func TestEachTurnStartsFresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, testConfig())
		c := b.connect(channelURL, 1)
		packets, text := clip(t, "zh-alarm")
		for range 2 {
			c.ask(packets)
			checkAnswer(t, c.until("tts stop"), b.script.lines, text)
		}
		b.stop()
		if n := strings.Count(b.logs.String(), "pcm_sha256="+b.logs.field("utterance", "pcm_sha256")); n != 2 {
			t.Errorf("the same samples %d times, not twice", n)
		}
	})
}

func TestManualMode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, testConfig())
		c := b.connect(channelURL, 1)
		packets, text := clip(t, "en-music")
		c.sendText(protocol.AppendListenStart(nil, c.session, protocol.ModeManual))
		c.send(packets...)
		c.send(slices.Repeat([][]byte{dtx}, 50)...) // no detector ends it
		time.Sleep(time.Minute)
		if n := b.Stats().Utterances; n != 0 {
			t.Fatalf("%d utterances before listen stop", n)
		}
		c.sendText(protocol.AppendListenStop(nil, c.session))
		checkAnswer(t, c.until("tts stop"), b.script.lines, text)

		// Nothing said: no answer.
		c.sendText(protocol.AppendListenStart(nil, c.session, protocol.ModeManual))
		c.send(dtx, dtx)
		c.sendText(protocol.AppendListenStop(nil, c.session))
		time.Sleep(time.Minute)
		if n := b.Stats().Utterances; n != 2 || len(c.events) != 0 {
			t.Errorf("%d utterances, %d messages after silence", n, len(c.events))
		}
	})
}

func TestAbort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, testConfig())
		c := b.connect(channelURL, 1)
		packets, text := clip(t, "zh-weather")
		c.ask(packets)
		got := c.until("tts sentence_start")
		time.Sleep(630 * time.Millisecond)
		c.sendText(protocol.AppendAbort(nil, c.session, "wake_word_detected"))
		got = append(got, c.until("tts stop")...)
		if n := len(got) - 5; n != 5+10 {
			t.Errorf("%d frames in the first 630 ms", n)
		}
		if d := got[len(got)-1].at.Sub(got[0].at); d != 630*time.Millisecond {
			t.Errorf("silent after %v", d)
		}
		c.ask(packets) // and it goes on
		checkAnswer(t, c.until("tts stop"), b.script.lines, text)
	})
}

// TestRealtimeBreakIn speaks while the answer plays: it stops, and the new
// utterance is answered without another listen start.
func TestRealtimeBreakIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, testConfig())
		c := b.connect(channelURL, 1)
		packets, _ := clip(t, "zh-weather")
		c.sendText(protocol.AppendListenStart(nil, c.session, protocol.ModeRealtime))
		c.send(packets...)
		c.send(dtx, dtx, dtx, dtx)
		c.until("audio")
		time.Sleep(time.Second)
		c.send(packets...)
		stopped := c.until("tts stop")
		if d := time.Since(stopped[len(stopped)-1].at); d != 0 {
			t.Errorf("stopped %v too early", d)
		}
		c.send(dtx, dtx, dtx, dtx)
		if got := c.until("tts stop"); got[0].name() != "stt" || len(got) < 30 {
			t.Errorf("second answer: %d messages from %s", len(got), got[0].name())
		}
	})
}

func TestPlainHTTP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.TLS.Chain = ChainNone
		b := newBed(t, cfg)
		resp, err := b.web().Get("http://192.168.1.5:8000/xiaozhi/ota")
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || !strings.Contains(string(text), "ws://192.168.1.5:8000/xiaozhi/v1/") {
			t.Errorf("%q, %v", text, err)
		}
		c := b.connect("ws://192.168.1.5:8000/xiaozhi/v1/", 1)
		packets, text2 := clip(t, "en-story")
		c.ask(packets)
		checkAnswer(t, c.until("tts stop"), b.script.lines, text2)
	})
}

func TestOTARefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, testConfig())
		for _, c := range []struct {
			body, device string
			status       int
		}{
			{"{}", "", 200},
			{"not json", "aa:bb", 200},
			{strings.Repeat(" ", maxOTABody+1), "aa:bb", http.StatusRequestEntityTooLarge},
		} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://voice.test/xiaozhi/ota/", strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Device-Id", c.device)
			req.Header.Set("Client-Id", c.device)
			resp, err := b.web().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			var said struct{ Success *bool }
			err = json.NewDecoder(resp.Body).Decode(&said)
			_ = resp.Body.Close()
			if err != nil || resp.StatusCode != c.status || said.Success == nil || *said.Success {
				t.Errorf("%.10q from %q: %s, %v", c.body, c.device, resp.Status, err)
			}
		}
	})
}
