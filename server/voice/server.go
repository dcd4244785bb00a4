package voice

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"xzfleet/server/certs"
	"xzfleet/server/protocol"
)

// Server is one voice server. Make it with New and run it once with Serve.
type Server struct {
	cfg     Config
	log     *slog.Logger
	tls     *tls.Config // nil: plain
	rootPEM []byte
	script  script
	pcm     pcmPool
	count   counters

	stop    chan struct{} // closed when the server stops
	opening atomic.Int64  // connections without a session
	work    sync.WaitGroup
	mu      sync.Mutex
	conns   map[*conn]struct{}
}

// New makes a server with its certificate chain, which takes about a second
// with RSA keys. It fails on settings that Validate refuses and in a binary
// built without cgo.
func New(cfg Config, log *slog.Logger) (*Server, error) {
	if err := errors.Join(codecErr(), cfg.Validate()); err != nil {
		return nil, err
	}
	answers, err := readAnswers()
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, log: log, stop: make(chan struct{}), conns: make(map[*conn]struct{})}
	if s.script, err = readScript(scriptFile, answers); err != nil {
		return nil, err
	}
	if !cfg.TLS.on() {
		return s, nil
	}
	chain, err := certs.Make(certs.Options{Key: certs.KeyType(cfg.TLS.Chain), Names: cfg.TLS.Names, Now: time.Now()})
	if err != nil {
		return nil, err
	}
	s.rootPEM = chain.RootPEM
	s.tls, err = serverTLS(cfg.TLS, chain)
	return s, err
}

// RootPEM is the certificate that clients have to trust; nil without TLS.
func (s *Server) RootPEM() []byte { return s.rootPEM }

// Stats is what the server has done so far.
func (s *Server) Stats() Stats { return s.count.snapshot() }

// Ready is said once the server listens.
type Ready struct {
	Addr    string // host:port
	URL     string // of the audio channel
	RootPEM []byte // what clients have to trust; nil without TLS
}

// Serve makes a server, listens on the TCP address addr, calls ready and
// serves until ctx ends, which is no error.
func Serve(ctx context.Context, cfg Config, addr string, log *slog.Logger, ready func(Ready)) error {
	s, err := New(cfg, log)
	if err != nil {
		return fmt.Errorf("voice server: %w", err)
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("voice server: %w", err)
	}
	at := ln.Addr().String()
	ready(Ready{Addr: at, URL: s.channelURL(at), RootPEM: s.rootPEM})
	return s.Serve(ctx, ln)
}

// Times that a connection may take to get to a session. The firmware itself
// gives up on its side after 10 s in each of them.
const (
	openTimeout    = 10 * time.Second // TLS handshake; request header
	requestTimeout = 30 * time.Second // request with its body; answer; next request
	maxHeaderBytes = 8 << 10
)

// Serve takes connections from ln, which it closes, until ctx ends. When it
// returns, every session has ended.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	var requests, loops sync.WaitGroup
	web := s.webServer(&requests)
	opened := &openedListener{addr: ln.Addr(), conns: make(chan net.Conn), stop: s.stop}
	loops.Go(func() { _ = web.Serve(opened) })
	loops.Go(func() { s.accept(ln, opened.conns) })
	<-ctx.Done()
	close(s.stop)
	err := ln.Close()
	loops.Wait()
	s.interruptAll() // before web, which would say goodbye to each in turn
	_ = web.Close()
	requests.Wait()
	s.work.Wait()
	s.logEnd()
	return err
}

// webServer counts the connections that it holds, until it has handed them
// to a session or is through with them, in requests.
func (s *Server) webServer(requests *sync.WaitGroup) *http.Server {
	return &http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: openTimeout,
		ReadTimeout:       requestTimeout,
		WriteTimeout:      requestTimeout,
		IdleTimeout:       requestTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, c)
		},
		ConnState: func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				requests.Add(1)
			case http.StateHijacked, http.StateClosed:
				requests.Done()
			}
		},
	}
}

func (s *Server) logEnd() {
	st := s.Stats()
	attrs := []any{
		"accepted", st.Accepted, "ota_requests", st.OTARequests, "sessions", st.Sessions,
		"utterances", st.Utterances, "frames_up", st.FramesUp, "frames_down", st.FramesDown,
	}
	for reason, n := range st.Ended {
		attrs = append(attrs, "ended_"+string(reason), n)
	}
	s.log.Info("stopped", attrs...)
}

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	// Devices follow no redirect, so a missing last slash is forgiven.
	for _, end := range []string{"/", ""} {
		mux.HandleFunc(protocol.OTAPath[:len(protocol.OTAPath)-1]+end, s.serveOTA)
		mux.HandleFunc(protocol.WebSocketPath[:len(protocol.WebSocketPath)-1]+end, s.serveChannel)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		connOf(r).served.Store(true)
		mux.ServeHTTP(w, r)
	})
}

// channelURL is where a client that came to host finds the audio channel.
func (s *Server) channelURL(host string) string {
	scheme := "ws"
	if s.tls != nil {
		scheme = "wss"
	}
	return scheme + "://" + host + protocol.WebSocketPath
}

const maxOTABody = 64 << 10

// serveOTA answers as the reference server does (core/api/ota_handler.py):
// what is wrong with a request is said with status 200.
func (s *Server) serveOTA(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintf(w, "OTA is running, the WebSocket is at %s\n", s.channelURL(r.Host))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxOTABody))
	if err != nil {
		http.Error(w, `{"success":false,"message":"request error."}`, http.StatusRequestEntityTooLarge)
		return
	}
	request, err := protocol.ParseOTARequest(body)
	if err != nil || r.Header.Get("Device-Id") == "" || r.Header.Get("Client-Id") == "" {
		_, _ = io.WriteString(w, `{"success":false,"message":"request error."}`)
		return
	}
	version := request.Application.Version
	if version == "" {
		version = "1.0.0"
	}
	answer, err := protocol.JSON(protocol.OTAAnswer{
		WebSocket:  &protocol.OTAWebSocket{URL: s.channelURL(r.Host)},
		ServerTime: &protocol.ServerTime{Timestamp: time.Now().UnixMilli(), TimezoneOffset: 8 * 60},
		Firmware:   &protocol.Firmware{Version: version},
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if _, err := w.Write(answer); err == nil {
		s.count.otaRequests.Add(1)
	}
}
