package fleet

import (
	"fmt"

	"xzfleet/netem"
)

// mac and uuid are who a device says it is: keyed by the device, so that the
// same seed gives the same identities.

// mac is a locally administered address.
func mac(key netem.Key) string {
	v := uint64(key.Text("mac"))
	return fmt.Sprintf("02:%02x:%02x:%02x:%02x:%02x", byte(v), byte(v>>8), byte(v>>16), byte(v>>24), byte(v>>32))
}

// uuid is a version 4 UUID (RFC 9562, 5.4).
func uuid(key netem.Key) string {
	a, b := uint64(key.Text("uuid").Of(0)), uint64(key.Text("uuid").Of(1))
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x",
		uint32(a), uint16(a>>32), uint16(a>>48)&0xfff, uint16(b)&0x3fff|0x8000, b>>16)
}
