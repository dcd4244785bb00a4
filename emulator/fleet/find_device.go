package fleet

import (
	"fmt"
	"strconv"
	"strings"

	"xzfleet/emulator/device"
	"xzfleet/scenarios"
)

// FindDevice is the device of a scenario that name stands for: FLEET/INDEX,
// INDEX where there is one fleet, or a device_id. Its error says what would
// be right.
func FindDevice(s *scenarios.Scenario, name string) (fleetIndex, device int, err error) {
	if strings.Contains(name, ":") {
		return findDeviceID(s, name)
	}
	fleetName, index, named := strings.Cut(name, "/")
	if !named {
		if len(s.Fleets) > 1 {
			return 0, 0, fmt.Errorf("device %q: there are several fleets, want FLEET/INDEX: %s", name, devicesOf(s))
		}
		fleetName, index = s.Fleets[0].Name, name
	}
	for i, f := range s.Fleets {
		if f.Name != fleetName {
			continue
		}
		if n, err := strconv.Atoi(index); err == nil && n >= 0 && n < f.Count {
			return i, n, nil
		}
		return 0, 0, fmt.Errorf("device %q: want an INDEX from 0 to %d in fleet %s", name, f.Count-1, f.Name)
	}
	return 0, 0, fmt.Errorf("device %q: there is no fleet %q: %s", name, fleetName, devicesOf(s))
}

// devicesOf lists what FLEET/INDEX can be.
func devicesOf(s *scenarios.Scenario) string {
	var list []string
	for _, f := range s.Fleets {
		first := f.Name + "/0"
		if f.Count > 1 {
			first += " to " + strconv.Itoa(f.Count-1)
		}
		list = append(list, first)
	}
	return strings.Join(list, ", ")
}

func findDeviceID(s *scenarios.Scenario, id string) (fleetIndex, index int, err error) {
	for i, f := range s.Fleets {
		for d := range f.Count {
			if strings.EqualFold(mac(device.Key(s.Seed, f.Name, d)), id) {
				return i, d, nil
			}
		}
	}
	return 0, 0, fmt.Errorf("device %q: no device of this run has that device_id: want one of its records, or FLEET/INDEX: %s", id, devicesOf(s))
}
