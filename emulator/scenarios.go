package main

import (
	"fmt"
	"io"

	"xzfleet/scenarios"
)

// scenariosCommand lists the bundled scenarios, or prints the text of one.
func scenariosCommand(args []string, std streams) error {
	names, err := newFlags("scenarios", "[NAME]").parse(args, std.out)
	if err != nil {
		return err
	}
	switch len(names) {
	case 0:
		return listScenarios(std.out)
	case 1:
		text, err := scenarios.Source(names[0])
		if err != nil {
			return wrongUsage("%v", err)
		}
		_, err = io.WriteString(std.out, text)
		return err
	}
	return wrongUsage("xzfleet scenarios: one name at a time, found %q", names)
}

func listScenarios(w io.Writer) error {
	for _, name := range scenarios.Names() {
		note, err := scenarios.Note(name)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "%-12s %s\n", name, note); err != nil {
			return err
		}
	}
	_, err := fmt.Fprint(w, "\nxzfleet run NAME runs one; xzfleet scenarios NAME > mine.toml gives a copy to edit.\n")
	return err
}
