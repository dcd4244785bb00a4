package protocol

// The device builds these texts by hand, without spaces and without escaping
// (78/xiaozhi-esp32 main/protocols/protocol.cc, Protocol::SendStartListening
// and its neighbours), and so do we.

func appendSession(dst []byte, session, rest string) []byte {
	dst = append(dst, `{"session_id":"`...)
	dst = append(dst, session...)
	dst = append(dst, `",`...)
	return append(dst, rest...)
}

// AppendListenStart appends the text frame that opens the microphone; mode is
// ModeAuto, ModeManual or ModeRealtime.
func AppendListenStart(dst []byte, session, mode string) []byte {
	dst = appendSession(dst, session, `"type":"listen","state":"start","mode":"`)
	dst = append(dst, mode...)
	return append(dst, `"}`...)
}

// AppendListenStop appends the text frame that ends a push-to-talk utterance.
func AppendListenStop(dst []byte, session string) []byte {
	return appendSession(dst, session, `"type":"listen","state":"stop"}`)
}

// AppendListenDetect appends the text frame that says which wake word the
// audio before it holds.
func AppendListenDetect(dst []byte, session, wakeWord string) []byte {
	dst = appendSession(dst, session, `"type":"listen","state":"detect","text":"`)
	dst = append(dst, wakeWord...)
	return append(dst, `"}`...)
}

// AppendAbort appends the text frame that silences the server. reason is
// "wake_word_detected" or empty.
func AppendAbort(dst []byte, session, reason string) []byte {
	if reason == "" {
		return appendSession(dst, session, `"type":"abort"}`)
	}
	dst = appendSession(dst, session, `"type":"abort","reason":"`)
	dst = append(dst, reason...)
	return append(dst, `"}`...)
}
