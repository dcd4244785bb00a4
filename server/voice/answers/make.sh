#!/bin/sh
# Makes the *.opus of this folder: what the bundled server says. Needs
# espeak-ng, sox, Go and libopus-dev. Encoded as xinnan-tech/xiaozhi-esp32-server
# does: 24 kHz mono, 60 ms, 24 kbit/s, complexity 10.
set -eu
cd "$(dirname "$0")"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# name, voice, speed (words a minute), emoji, emotion, text
answer() {
	espeak-ng -v "$2" -s "$3" -w "$tmp/raw.wav" "$6"
	sox -q -R "$tmp/raw.wav" -b 16 "$tmp/speech.wav" rate 24000 norm -3 \
		silence 1 0.01 -40d reverse silence 1 0.01 -40d reverse
	go run encode.go -bitrate 24000 -complexity 10 \
		-tag "TITLE=$6" -tag "EMOJI=$4" -tag "EMOTION=$5" <"$tmp/speech.wav" >"$1.opus"
	echo "$1: $(soxi -D "$tmp/speech.wav") s"
}

answer zh-weather cmn 280 🙂 happy 今天天气晴朗适合出门
answer zh-ok cmn 280 😊 happy 好的已经为您安排好了
answer en-weather en-us 160 🙂 happy "it is sunny today and good for a walk"
answer en-ok en-us 160 😊 happy "all right it is done"
answer pardon cmn 280 😶 neutral 没有听清请再说一遍
