//go:build linux && kernel

package netem

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// namespace is a network of its own with one TUN device.
type namespace struct {
	fd  int // of the namespace
	tun int
}

// within runs f on a thread that is in the namespace.
func (n namespace) within(f func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	home, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(home)
	if err := unix.Setns(n.fd, unix.CLONE_NEWNET); err != nil {
		return err
	}
	err = f()
	if back := unix.Setns(home, unix.CLONE_NEWNET); back != nil {
		panic(back) // the thread is lost to the rest of the process
	}
	return err
}

// newNamespace makes one whose device has the address and reaches all of its
// /24 through it.
func newNamespace(address [4]byte, tune map[string]string) (n namespace, err error) {
	n.fd, err = unshared()
	if err != nil {
		return n, fmt.Errorf("a network namespace: %w", err)
	}
	err = n.within(func() error {
		if n.tun, err = openTUN(address); err != nil {
			return err
		}
		return tuneTCP(tune)
	})
	return n, err
}

// unshared makes an empty namespace.
func unshared() (fd int, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlock: the thread ends with this goroutine
		if err = unix.Unshare(unix.CLONE_NEWNET); err == nil {
			fd, err = unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		}
	}()
	<-done
	return fd, err
}

func openTUN(address [4]byte) (int, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("/dev/net/tun: %w", err)
	}
	const name = "law0"
	request, err := unix.NewIfreq(name)
	if err != nil {
		return 0, err
	}
	request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
		return 0, fmt.Errorf("a TUN device: %w", err)
	}
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(s)
	for _, set := range []struct {
		request uint
		value   [4]byte
	}{{unix.SIOCSIFADDR, address}, {unix.SIOCSIFNETMASK, [4]byte{255, 255, 255, 0}}} {
		request, _ := unix.NewIfreq(name)
		if err := request.SetInet4Addr(set.value[:]); err != nil {
			return 0, err
		}
		if err := unix.IoctlIfreq(s, set.request, request); err != nil {
			return 0, fmt.Errorf("its address: %w", err)
		}
	}
	request, _ = unix.NewIfreq(name)
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return fd, unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, request)
}

// tuneTCP makes connections independent of each other and of this machine's
// settings.
func tuneTCP(more map[string]string) error {
	all := map[string]string{
		"tcp_no_metrics_save":     "1",
		"tcp_congestion_control":  "reno",
		"tcp_sack":                "1",
		"tcp_timestamps":          "1",
		"tcp_syn_linear_timeouts": "4",
		"tcp_syn_retries":         "6",
		"tcp_synack_retries":      "5",
		"tcp_syncookies":          "0",
		"tcp_min_tso_segs":        "1", // one segment a packet: none waits for a second
		"tcp_max_syn_backlog":     "4096",
		"ip_local_port_range":     "1024 19999",
	}
	maps.Copy(all, more)
	for name, value := range all {
		if err := os.WriteFile("/proc/sys/net/ipv4/"+name, []byte(value), 0); err != nil {
			return err
		}
	}
	return nil
}

var kernelAddress = [2][4]byte{{10, 91, 7, 1}, {10, 91, 7, 2}}

// kernelBed is a client's and a server's namespace, and what joins them.
type kernelBed struct {
	client, server namespace
	carrier        *carrier
	sizes          []stretch
	roomy          bool // the client has a large receive buffer
	listeners      []net.Listener
	stop           context.CancelFunc
	running        sync.WaitGroup

	mu     sync.Mutex
	served []net.Conn
}

// hurry puts this process before what else runs on the machine, which is not to
// be taken for the network.
func hurry(t *testing.T) {
	nice := func(n int) {
		tasks, _ := os.ReadDir("/proc/self/task")
		for _, task := range tasks {
			if id, err := strconv.Atoi(task.Name()); err == nil {
				_ = unix.Setpriority(unix.PRIO_PROCESS, id, n)
			}
		}
	}
	nice(-15)
	t.Cleanup(func() { nice(0) })
}

// newKernelBed makes one with a server port for each loss. tune are settings of
// the client's TCP.
func newKernelBed(t *testing.T, sizes []stretch, losses []float64, tune map[string]string, cubic bool) *kernelBed {
	t.Helper()
	hurry(t)
	b := &kernelBed{sizes: sizes, carrier: &carrier{start: time.Now(), sizes: sizes, flows: map[uint32]*flow{}, losses: losses}}
	var err error
	if b.client, err = newNamespace(kernelAddress[0], tune); err != nil {
		t.Fatalf("this test needs root and TUN devices: %v", err)
	}
	if b.server, err = newNamespace(kernelAddress[1], tune); err != nil {
		t.Fatalf("this test needs root and TUN devices: %v", err)
	}
	b.carrier.tun = [2]int{b.client.tun, b.server.tun}
	for i := range losses {
		err := b.server.within(func() error {
			config := net.ListenConfig{}
			if cubic {
				config.Control = chooseCubic
			}
			l, err := config.Listen(t.Context(), "tcp4", fmt.Sprintf("10.91.7.2:%d", firstPort+i))
			b.listeners = append(b.listeners, l)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	b.stop = stop
	b.running.Go(func() { b.carrier.run(ctx) })
	for _, l := range b.listeners {
		b.running.Go(func() { b.serve(l) })
	}
	return b
}

func chooseCubic(_, _ string, c syscall.RawConn) (err error) {
	set := c.Control(func(fd uintptr) {
		err = unix.SetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION, "cubic")
	})
	return errors.Join(err, set)
}

func (b *kernelBed) close() {
	for _, l := range b.listeners {
		_ = l.Close()
	}
	b.mu.Lock()
	for _, c := range b.served {
		_ = c.Close()
	}
	b.mu.Unlock()
	b.stop()
	b.running.Wait()
	for _, n := range []namespace{b.client, b.server} {
		_ = unix.Close(n.tun)
		_ = unix.Close(n.fd)
	}
}

func (b *kernelBed) serve(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		b.mu.Lock()
		b.served = append(b.served, c)
		b.mu.Unlock()
		b.running.Go(func() {
			_ = c.(*net.TCPConn).SetLinger(0)
			_ = c.(*net.TCPConn).SetWriteBuffer(StackLinux().SendBuffer)
			_ = c.SetDeadline(time.Now().Add(2 * kernelPatience))
			_ = converseSizes(c, b.sizes, ServerSide)
			var end [1]byte
			_, _ = c.Read(end[:]) // the client's RST
			_ = c.Close()
		})
	}
}

// converseSizes speaks one side's part.
func converseSizes(c net.Conn, sizes []stretch, side Side) error {
	buf := make([]byte, 1<<18)
	for _, s := range sizes {
		if s.from == side {
			if _, err := c.Write(buf[:s.n]); err != nil {
				return err
			}
			continue
		}
		// Nobody holds the socket while segments come: those that find it held
		// are joined and acknowledged together.
		if err := wakeAt(c, s.n); err != nil {
			return err
		}
		for left := s.n; left > 0; {
			n, err := c.Read(buf[:min(left, len(buf))])
			if err != nil {
				return err
			}
			left -= n
		}
	}
	return nil
}

// wakeAt lets reads of c wait for n bytes.
func wakeAt(c net.Conn, n int) (err error) {
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		return err
	}
	set := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVLOWAT, n)
	})
	return errors.Join(err, set)
}

// open opens a connection from the client's namespace.
func (b *kernelBed) open(condition int, port int) opening {
	dialer := net.Dialer{Timeout: kernelPatience, LocalAddr: &net.TCPAddr{IP: kernelAddress[0][:], Port: port}}
	if b.roomy {
		dialer.Control = func(_, _ string, c syscall.RawConn) (err error) {
			set := c.Control(func(fd uintptr) {
				err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 4<<20)
			})
			return errors.Join(err, set)
		}
	}
	var c net.Conn
	start := time.Now()
	err := b.client.within(func() (err error) {
		c, err = dialer.Dial("tcp4", fmt.Sprintf("10.91.7.2:%d", firstPort+condition))
		return err
	})
	if err != nil {
		return notOpened
	}
	_ = c.SetDeadline(start.Add(kernelPatience))
	_ = converseSizes(c, b.sizes, DeviceSide)
	o := b.carrier.opening(uint32(c.LocalAddr().(*net.TCPAddr).Port)<<16 | uint32(firstPort+condition))
	_ = c.(*net.TCPConn).SetLinger(0)
	_ = c.Close()
	return o
}
