package fleet

import (
	"bufio"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"
)

// Server is the bundled server as a child process of the run.
type Server struct {
	Addr  string // host:port on loopback
	Roots []*x509.Certificate

	cmd    *exec.Cmd
	stdin  io.Closer
	exited chan struct{}
	err    error // valid once exited is closed
	usage  Usage // the last that was read
}

// readyLimit is how long the server may take to make its keys and listen.
const readyLimit = 30 * time.Second

// StartServer starts a server: binary with args, which must say that it is
// ready in one line on its standard output and end when its standard input
// does. Its standard error goes to stderr. It runs in a process group of its
// own, so that an interrupt of the terminal reaches the run alone.
func StartServer(ctx context.Context, binary string, args []string, stderr io.Writer) (*Server, error) {
	cmd := exec.Command(binary, args...)
	cmd.Stderr = stderr
	ownGroup(cmd)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	s := &Server{cmd: cmd, stdin: stdin, exited: make(chan struct{})}
	ready := make(chan error, 1)
	go s.run(stdout, ready)
	ctx, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	select {
	case err = <-ready:
	case <-ctx.Done():
		err = fmt.Errorf("not ready: %w", ctx.Err())
	}
	if err != nil {
		s.kill()
		return nil, fmt.Errorf("server: %w", err)
	}
	return s, nil
}

// run reads the ready line and waits for the process. It ends with it.
func (s *Server) run(stdout io.Reader, ready chan<- error) {
	line, err := bufio.NewReader(io.LimitReader(stdout, 64<<10)).ReadBytes('\n')
	if err == nil {
		err = s.takeReady(line)
	} else {
		err = errors.New("it ended without being ready")
	}
	ready <- err
	_, _ = io.Copy(io.Discard, stdout)
	s.err = s.cmd.Wait()
	close(s.exited)
}

func (s *Server) takeReady(line []byte) error {
	var r struct {
		Ready bool
		Addr  string
		Root  string
	}
	if err := json.Unmarshal(line, &r); err != nil || !r.Ready {
		return fmt.Errorf("it said %q instead of being ready", line)
	}
	s.Addr = r.Addr
	for rest := []byte(r.Root); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return nil
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return fmt.Errorf("its root: %w", err)
		}
		s.Roots = append(s.Roots, c)
	}
}

// Exited is closed when the process has ended.
func (s *Server) Exited() <-chan struct{} { return s.exited }

// Err is how it ended; it waits for that.
func (s *Server) Err() error {
	<-s.exited
	return s.err
}

// PID is the process's.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Usage is what the process has used; after its end, what was read last.
func (s *Server) Usage() Usage {
	if u, err := ProcessUsage(s.PID()); err == nil {
		s.usage = u
	}
	return s.usage
}

// stopLimit is how long the server may take to end.
const stopLimit = 5 * time.Second

// Stop reads the usage, ends the server and waits for it.
func (s *Server) Stop() error {
	s.Usage()
	_ = s.stdin.Close()
	select {
	case <-s.exited:
	case <-time.After(stopLimit):
		s.kill()
	}
	return s.Err()
}

func (s *Server) kill() {
	_ = s.cmd.Process.Kill()
	_ = s.stdin.Close()
	<-s.exited
}
