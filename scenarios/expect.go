package scenarios

import (
	"errors"
	"fmt"

	"xzfleet/results/stats"
)

// Expectations are the parsed lines of Expect, in order.
func (s *Scenario) Expectations() ([]stats.Expectation, error) {
	var list []stats.Expectation
	for _, text := range s.Expect {
		e, err := stats.ParseExpectation(text)
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, nil
}

// CheckExpectations refuses what even a flawless run of so many first tries
// could not meet, each expectation on a line.
func (s *Scenario) CheckExpectations(attempts int) error {
	list, err := s.Expectations()
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range list {
		switch n := e.NeedsN(); {
		case n < 1:
			errs = append(errs, fmt.Errorf("%s needs more attempts than any run has", e.Text))
		case n > attempts:
			errs = append(errs, fmt.Errorf("%s needs %d attempts, this run has %d", e.Text, n, attempts))
		}
	}
	return errors.Join(errs...)
}
