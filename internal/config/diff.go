package config

import "reflect"

// Diff returns the keys of the options in which two configurations differ: those that can be taken over at once, and
// those that need a restart.
func Diff(before, after *Config) (reloadable, needsRestart []string) {
	for i := range table {
		o := &table[i]
		if reflect.DeepEqual(o.bind.show(before), o.bind.show(after)) {
			continue
		}
		if o.Reload {
			reloadable = append(reloadable, o.Key)
		} else {
			needsRestart = append(needsRestart, o.Key)
		}
	}
	return reloadable, needsRestart
}
