package netem

import (
	"time"

	"golang.org/x/sys/unix"
)

// jiffy is the longest period of the kernel's clock that stamps arrivals
// (HZ = 100); an age below it says nothing.
const jiffy = 10 * time.Millisecond

// dataAge is how long the last data received had waited (TCP_INFO,
// tcpi_last_data_recv), less the coarseness of its clock. It came after empty:
// where that is not long ago the kernel need not be asked.
func dataAge(fd int, empty time.Time) time.Duration {
	if time.Since(empty) <= jiffy {
		return 0
	}
	info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return 0
	}
	return max(0, time.Duration(info.Last_data_recv)*time.Millisecond-jiffy)
}
