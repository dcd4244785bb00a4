//go:build !cgo

package voice

import "errors"

func codecErr() error {
	return errors.New("built without cgo: the bundled server needs libopus")
}

type decoder struct{}

func newDecoder() (decoder, error) { return decoder{}, codecErr() }

func (decoder) decode([]byte, []int16) (int, error) { return 0, codecErr() }
