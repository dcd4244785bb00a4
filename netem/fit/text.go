package fit

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
)

// Text prints a fit for the terminal.
func Text(w io.Writer, f Fit) error {
	for _, input := range f.Inputs {
		if _, err := fmt.Fprintln(w, input); err != nil {
			return err
		}
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "key\tvalue\t95 %\tn\tKS\t")
	for _, v := range f.Values {
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%s\t%s %v\n", v.Key+v.Name, strings.TrimSpace(number(v.Value)+" "+v.Unit), v.interval(), v.N, v.distance(), v.mark(), v.From)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if len(f.Schedule) > 0 {
		fmt.Fprintln(w, "\nfor [fleet.path] of a scenario:")
		if err := f.WriteSchedule(w); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(w, "\nM measured, A assumed; KS: distance of the fitted distribution from the observed one; names without a dot fill no key")
	for _, warning := range f.Warnings {
		_, err = fmt.Fprintf(w, "! %s\n", warning)
	}
	return err
}

// number is a value that is rounded already.
func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

func (v Value) interval() string {
	if v.Low == 0 && v.High == 0 {
		return "-"
	}
	return number(v.Low) + " to " + number(v.High)
}

func (v Value) distance() string {
	if v.KS == 0 {
		return "-"
	}
	return strconv.FormatFloat(v.KS, 'f', 3, 64)
}

func (v Value) mark() string {
	if v.Assumed {
		return "A"
	}
	return "M"
}

// Notes are comments for the file of the profile, by its keys: where a value
// comes from and how sure it is. Tables have one for all that is in them.
func (f Fit) Notes() map[string]string {
	notes, assumed := map[string]string{}, map[string][]string{}
	var order []string
	for _, v := range f.Values {
		table, key, _ := strings.Cut(v.Key, ".")
		switch {
		case v.Key == "":
			continue
		case v.Assumed:
			assumed[table] = append(assumed[table], key)
			continue
		case notes[table] == "":
			order = append(order, table)
			notes[table] = fmt.Sprintf("%s %v, %s, n = %d", v.mark(), v.From, day(v.Date), v.N)
		}
		if v.KS > 0 && !strings.Contains(notes[table], "KS") {
			notes[table] += ", KS " + v.distance()
		}
	}
	for _, table := range order {
		if keys := assumed[table]; len(keys) > 0 {
			notes[table] += "; " + strings.Join(keys, ", ") + " A"
		}
	}
	return notes
}
