package netem

import (
	"errors"
	"time"
)

// farEnd is what stands behind the modelled server's stack: a kernel socket
// to a real server, or a pipe in memory.
type farEnd interface {
	// tryWrite writes what goes in without waiting; errWouldBlock if nothing
	// does.
	tryWrite(p []byte) (int, error)
	// awaitWritable blocks until tryWrite may go on.
	awaitWritable() error
	// tryRead reads what is there; errWouldBlock if nothing is, io.EOF at the
	// end.
	tryRead(p []byte) (int, error)
	// awaitReadable blocks until tryRead has something to say.
	awaitReadable() error
	// readLag is how long the bytes read last had lain in the kernel, as far
	// as it tells.
	readLag() time.Duration
	closeWrite() error
	// abort resets the connection.
	abort()
	close() error
}

var errWouldBlock = errors.New("would block")
