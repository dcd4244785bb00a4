package fleet

import "time"

// Usage is what a process has used since its start.
type Usage struct {
	CPU  time.Duration // user and system
	RSS  int64         // bytes, the most it held
	Wait time.Duration // its threads were runnable and had no CPU
}
