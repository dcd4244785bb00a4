#!/bin/sh
# Makes the *.opus of this folder: what the microphones of emulated devices
# hear. Needs espeak-ng, sox, Go and libopus-dev.
#
# Encoder settings are the firmware's (78/xiaozhi-esp32 v2.4.2
# main/audio/audio_service.cc): 16 kHz mono, 60 ms, complexity 0, VBR, DTX,
# bitrate left to libopus, application AUDIO. The last packet holds speech; a
# device goes on with one-byte packets of silence. A little noise as of a quiet
# room lies under everything, so that packets have the sizes of real ones.
set -eu
cd "$(dirname "$0")"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
encode=../../../server/voice/answers/encode.go
sox -q -R -n -r 16000 -b 16 -c 1 "$tmp/noise.wav" synth 6 pinknoise gain -62

# name, voice, speed (words a minute), least number of packets, text
clip() {
	espeak-ng -v "$2" -s "$3" -w "$tmp/raw.wav" "$5"
	# Silence off both ends, 16 kHz, peak at -3 dB.
	sox -q -R "$tmp/raw.wav" -b 16 "$tmp/speech.wav" rate 16000 norm -3 \
		silence 1 0.01 -36d reverse silence 1 0.01 -36d reverse
	sox -q -R -m -v 1 "$tmp/speech.wav" -v 1 "$tmp/noise.wav" -b 16 "$tmp/mixed.wav" \
		trim 0 "$(soxi -s "$tmp/speech.wav")s"
	go run "$encode" -dtx -packets "$4" -front "$tmp/noise.wav" -tag "TITLE=$5" \
		<"$tmp/mixed.wav" >"$1.opus"
	echo "$1: $(soxi -D "$tmp/speech.wav") s"
}

clip zh-weather cmn 300 0 今天天气怎么样
clip zh-time cmn 280 0 现在几点了
clip zh-music cmn 320 0 放一首轻松的歌
clip zh-alarm cmn 340 0 明早七点叫我起床
clip en-weather en-us 155 0 "how is the weather today"
clip en-time en-us 170 0 "what time is it in London now"
clip en-music en-us 170 0 "play some easy music for me"
clip en-story en-us 170 0 "tell me a very short story"

# The wake word as the firmware sends it: its cache of 2 s, 33 packets.
clip wake cmn 280 33 你好小智
