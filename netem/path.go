package netem

import (
	"sync"
	"time"
)

// Class is a link profile from a time on.
type Class struct {
	From    time.Duration
	Profile Profile
}

// Path is what lies between one device and the server: two links, the radio
// that both use, and the key of its draws.
type Path struct {
	Up, Down *Link
	radio    radio
	key      Key
	classes  []pathClass
	class    int
	mu       sync.Mutex // of whoever turns the links live

	// Watch, if set before the first packet, is told what happens, under the
	// lock of whoever turns the links. It must not block.
	Watch func(PathEvent)
}

// pathClass is a class as this device has it.
type pathClass struct {
	from    time.Duration
	profile *Profile
	rtt     time.Duration // floor, less the real path behind it
	taken   time.Duration // of the floor, for the real path
	excess  time.Duration // of the real path over the floor
	links   [2]linkClass
	radio   radioClass
}

// NewPath draws the path of the device that key names, alone in its cell.
func NewPath(p Profile, key Key) *Path {
	return NewCell(key.Of(drawCell)).Path([]Class{{Profile: p}}, key, 0)
}

// Path draws the path of a device in this cell through classes, of which the
// first counts from the start; they are kept and must not change. behind is the round-trip time of the real path
// to the server: it is taken off the floor, as far as that goes.
func (c *Cell) Path(classes []Class, key Key, behind time.Duration) *Path {
	p := &Path{key: key}
	p.classes = make([]pathClass, len(classes))
	for i := range classes {
		p.classes[i] = c.class(&classes[i], key, behind)
	}
	p.Up = &Link{path: p, side: DeviceSide}
	p.Down = &Link{path: p, side: ServerSide}
	p.radio = radio{path: p, cell: c, promoted: -1}
	p.use(0)
	return p
}

func (c *Cell) class(class *Class, key Key, behind time.Duration) pathClass {
	p := &class.Profile
	rtt := ms(p.RTTFloor.Min + key.Of(drawFloor).LogNormal(p.RTTFloor.Median, p.RTTFloor.Sigma))
	taken := min(rtt, behind)
	rtt -= taken
	share := p.UpShare
	if share == 0 {
		share = 0.5
	}
	up := time.Duration(float64(rtt) * share)
	return pathClass{
		from: class.From, profile: p, rtt: rtt, taken: taken, excess: behind - taken,
		links: [2]linkClass{
			newLinkClass(key, c.key, p, DeviceSide, up),
			newLinkClass(key, c.key, p, ServerSide, rtt-up),
		},
		radio: newRadioClass(key, c.key, p),
	}
}

// enter changes to the class of the present.
func (p *Path) enter(now time.Duration) {
	for p.class+1 < len(p.classes) && now >= p.classes[p.class+1].from {
		p.use(p.class + 1)
	}
}

// use makes a class the present one.
func (p *Path) use(i int) {
	p.class = i
	c := &p.classes[i]
	p.Up.linkClass, p.Down.linkClass = &c.links[DeviceSide], &c.links[ServerSide]
	p.radio.radioClass = &c.radio
}

// RTT is the round-trip floor of this device at the start, less the real path.
func (p *Path) RTT() time.Duration { return p.classes[0].rtt }

// Excess is by how much the real path is longer than the floor at the start.
func (p *Path) Excess() time.Duration { return p.classes[0].excess }

// resolver is how much longer than its link the way to the resolver is: what
// was taken off for the real path, which a lookup does not go.
func (p *Path) resolver() time.Duration { return p.classes[p.class].taken }

// nat is the address translation of the class of the present.
func (p *Path) nat(now time.Duration) NAT {
	p.enter(now)
	return p.classes[p.class].profile.NAT
}
