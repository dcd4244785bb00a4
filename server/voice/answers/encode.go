//go:build ignore

// Command encode turns 16-bit mono WAV on standard input into Ogg Opus with
// 60 ms frames on standard output. make.sh beside it and the one of the
// emulator's speech clips run it.
//
// With -front, what is missing to whole packets is taken from the file of
// background noise named there and put before the speech, and -packets says
// how many packets there shall be at least. Without -front silence goes after.
package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/hraban/opus"

	"xzfleet/server/protocol"
)

const frameMs = 60

type settings struct {
	bitrate, complexity, packets int
	dtx                          bool
	front                        string
	tags                         []string
}

func main() {
	var s settings
	flag.IntVar(&s.bitrate, "bitrate", 0, "bit/s; 0 lets libopus choose, as the firmware does")
	flag.IntVar(&s.complexity, "complexity", 0, "0 to 10")
	flag.BoolVar(&s.dtx, "dtx", false, "send one byte instead of silence")
	flag.IntVar(&s.packets, "packets", 0, "at least so many packets")
	flag.StringVar(&s.front, "front", "", "WAV of noise to put in front")
	flag.Func("tag", "a comment NAME=value", func(t string) error { s.tags = append(s.tags, t); return nil })
	flag.Parse()
	if err := run(s, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "encode:", err)
		os.Exit(1)
	}
}

func run(s settings, in io.Reader, out io.Writer) error {
	pcm, rate, err := readWAV(in)
	if err != nil {
		return err
	}
	frame := rate * frameMs / 1000
	missing := max((len(pcm)+frame-1)/frame, s.packets)*frame - len(pcm)
	if s.front == "" {
		pcm = append(pcm, make([]int16, missing)...)
	} else if pcm, err = withNoise(s.front, pcm, missing, rate); err != nil {
		return err
	}
	enc, err := encoder(s, rate)
	if err != nil {
		return err
	}
	var packets [][]byte
	for ; len(pcm) > 0; pcm = pcm[frame:] {
		packet := make([]byte, 4000)
		n, err := enc.Encode(pcm[:frame], packet)
		if err != nil {
			return err
		}
		packets = append(packets, packet[:n])
	}
	// 6.5 ms at 48 kHz: the look-ahead of libopus for speech and audio.
	file, err := protocol.AppendOggOpus(nil, protocol.OggOpus{
		InputRate: rate, PreSkip: 312, Vendor: opus.Version(), Tags: s.tags,
	}, packets)
	if err != nil {
		return err
	}
	_, err = out.Write(file)
	return err
}

func withNoise(name string, pcm []int16, missing, rate int) ([]int16, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	noise, noiseRate, err := readWAV(f)
	if err != nil {
		return nil, err
	}
	if noiseRate != rate || len(noise) < missing {
		return nil, fmt.Errorf("%s: %d samples at %d Hz where %d at %d Hz are wanted", name, len(noise), noiseRate, missing, rate)
	}
	return append(noise[:missing:missing], pcm...), nil
}

func encoder(s settings, rate int) (*opus.Encoder, error) {
	enc, err := opus.NewEncoder(rate, 1, opus.AppAudio)
	if err != nil {
		return nil, err
	}
	if s.bitrate == 0 {
		err = enc.SetBitrateToAuto()
	} else {
		err = enc.SetBitrate(s.bitrate)
	}
	return enc, errors.Join(err, enc.SetComplexity(s.complexity), enc.SetDTX(s.dtx), enc.SetVBR(true), enc.SetInBandFEC(false))
}

// readWAV reads the plain form that sox writes: chunks "fmt " and "data".
func readWAV(r io.Reader) (pcm []int16, rate int, err error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, 0, err
	}
	if len(b) < 44 || string(b[:4]) != "RIFF" || string(b[12:16]) != "fmt " ||
		binary.LittleEndian.Uint16(b[22:]) != 1 || binary.LittleEndian.Uint16(b[34:]) != 16 {
		return nil, 0, errors.New("not a 16-bit mono WAV")
	}
	at := bytes.Index(b, []byte("data"))
	if at < 0 {
		return nil, 0, errors.New("no samples in the WAV")
	}
	data := b[at+8:]
	pcm = make([]int16, len(data)/2)
	for i := range pcm {
		pcm[i] = int16(binary.LittleEndian.Uint16(data[2*i:]))
	}
	return pcm, int(binary.LittleEndian.Uint32(b[24:])), nil
}
