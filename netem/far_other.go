//go:build !unix

package netem

import (
	"context"
	"net"
)

func dialSocket(ctx context.Context, addr string) (farEnd, error) {
	d := net.Dialer{KeepAlive: -1}
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return newStreamEnd(c), nil
}
