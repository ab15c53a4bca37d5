package httpapi

import (
	"net/http"
	"net/http/pprof"
	"time"
)

// profileTimeout bounds a profile or trace; the client says in the query how long it shall be.
const profileTimeout = 5 * time.Minute

// Pprof returns the handlers of the profiler, for a listener of its own on the loopback interface: what they show is of
// the whole process. Only hosts of that interface are answered for.
func Pprof() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	var opt Options
	opt.defaults()
	return (&api{opt: opt}).guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(profileTimeout))
		mux.ServeHTTP(w, r)
	}))
}
