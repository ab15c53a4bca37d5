package serve

import (
	"log/slog"
	"slices"
	"sync"
)

// alarms are what is wrong now, by what it is about. They are logged when they come and when they go.
type alarms struct {
	log *slog.Logger
	mu  sync.Mutex
	on  map[string]string
}

// set raises the alarm about something, or with "" lets it go.
func (a *alarms) set(about, problem string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	was := a.on[about]
	if was == problem {
		return
	}
	if problem == "" {
		delete(a.on, about)
		a.log.Info("alarm over", "about", about, "was", was)
		return
	}
	if a.on == nil {
		a.on = map[string]string{}
	}
	a.on[about] = problem
	a.log.Error("alarm", "about", about, "problem", problem)
}

// has says whether there is an alarm about something.
func (a *alarms) has(about string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.on[about] != ""
}

// list returns the alarms in a fixed order.
func (a *alarms) list() (all []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for about, problem := range a.on {
		all = append(all, about+": "+problem)
	}
	slices.Sort(all)
	return all
}
