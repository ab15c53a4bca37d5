package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"os/user"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cespare/xxhash/v2"

	"sipcause/code/playbooks"
	"sipcause/internal/capture"
	"sipcause/internal/config"
	"sipcause/internal/correlate"
	"sipcause/internal/httpapi"
	"sipcause/internal/passport"
	"sipcause/internal/pipeline"
	"sipcause/internal/record"
	"sipcause/internal/store"
	"sipcause/internal/store/sqlite"
	"sipcause/internal/view"
)

// Extras are what the configuration names and others have read.
type Extras struct {
	Version string
	Book    func() *playbooks.Book // what to do; nil: no advice
	Certs   *passport.Store        // by which signatures of calls are checked; nil: none
	Sources []capture.Live         // beside those that the configuration names
	// Ready is called with the address of the API when it answers, and with what it reads; nil: nobody is.
	Ready func(api string, o view.Observer)
}

// memoryLimit makes the garbage collector work harder before the program takes more; shardBytes bounds the messages of a
// shard: legs that are over wait for stragglers in what is left of it. Together the server stays below 500 MB.
const (
	memoryLimit = 360 << 20
	shardBytes  = 1536 << 10
)

// shutdownTime is how long answers under way may take at the end.
const shutdownTime = 5 * time.Second

// Run serves as the configuration says until ctx ends; SIGHUP reads the configuration again.
func Run(ctx context.Context, cfg *config.Config, x Extras, stderr io.Writer) error {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	var level slog.LevelVar
	level.Set(cfg.Log.Level)
	log := logger(cfg.Log.Format, stderr, &level)
	var policy atomic.Pointer[store.Policy]
	policy.Store(&cfg.Retention)
	var windows atomic.Pointer[[]config.Window]
	windows.Store(&cfg.Maintenance)
	var metrics *httpapi.Metrics
	s, err := New(Options{
		Routes: cfg.Routes, Discover: cfg.DiscoverRoutes,
		Version: x.Version, Flush: cfg.Store.Flush, Book: x.Book, Log: log, RatingHeader: cfg.RatingHeader,
		Policy:      func() store.Policy { return *policy.Load() },
		Maintenance: func() []config.Window { return *windows.Load() },
		Engine: pipeline.LiveOptions{MaxWaiting: cfg.Store.Queue, Options: pipeline.Options{
			Certs: x.Certs, Correlate: correlate.Options{JoinHeaders: cfg.JoinHeaders, MaxBytes: shardBytes},
		}},
		Told: func(c *record.Case) {
			if c.Final {
				metrics.Case(c)
			}
		},
		Counted: func(cells []record.Cell) { metrics.Cells(cells) },
		Missed:  func(g *record.Gap) { metrics.Gap(g) },
	})
	if err != nil {
		return err
	}
	metrics = httpapi.NewMetrics(s)
	return s.run(ctx, cfg, x, metrics, func() {
		after, err := cfg.Again()
		if err != nil {
			log.Error("reload: the configuration stays as it is", "problem", err.Error())
			return
		}
		now, later := config.Diff(cfg, after)
		level.Set(after.Log.Level)
		policy.Store(&after.Retention)
		windows.Store(&after.Maintenance)
		log.Info("reloaded", "changed", strings.Join(now, ", "), "needs a restart", strings.Join(later, ", "))
		cfg = after
	})
}

func logger(format string, to io.Writer, level slog.Leveler) *slog.Logger {
	opt := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(to, opt))
	}
	return slog.New(slog.NewTextHandler(to, opt))
}

// run opens sockets, gives up what privileges it took, opens the store as whoever it is then, and serves.
func (s *Server) run(ctx context.Context, cfg *config.Config, x Extras, metrics *httpapi.Metrics, reload func()) (err error) {
	if err := s.open(cfg, x.Sources); err != nil {
		return err
	}
	api, err := httpapi.New(s, httpapi.Options{Metrics: metrics, Log: s.opt.Log, Hosts: cfg.Hosts})
	if err != nil {
		return err
	}
	faces, err := listen(cfg, api)
	if err != nil {
		return err
	}
	if cfg.User != "" {
		if err := ownFolder(cfg.Data, cfg.User); err != nil {
			return err
		}
		if err := capture.DropPrivileges(cfg.User); err != nil {
			return err
		}
	}
	st, err := sqlite.Open(cfg.Data, sqlite.Options{MaxBytes: cfg.Retention.MaxBytes, Full: cfg.Store.Durability == "full"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	s.opt.Store = st
	stats, err := st.Stats(ctx)
	if err != nil {
		return err
	}
	if bad := stats.BadPartitions; len(bad) > 0 {
		s.alarms.set("history", "damaged and set aside: "+strings.Join(bad, ", ")+"; what was in it is not found any more")
	}
	if err := s.watchFolders(cfg); err != nil {
		return err
	}
	endExport, err := s.export(ctx, cfg, metrics)
	if err != nil {
		return err
	}
	defer endExport()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var running sync.WaitGroup
	for _, f := range faces {
		f.server.BaseContext = func(net.Listener) context.Context { return ctx } // who follows events never ends by himself
		running.Go(func() {
			if err := f.server.Serve(f.listener); !errors.Is(err, http.ErrServerClosed) {
				cancel(fmt.Errorf("serve %s: %w", f.name, err))
			}
		})
	}
	running.Go(func() { onHangup(ctx, reload) })
	s.opt.Log.Info("serving", "api", "http://"+faces[0].listener.Addr().String(), "data", cfg.Data, "sources", s.sourceNames())
	if x.Ready != nil {
		x.Ready(faces[0].listener.Addr().String(), s)
	}
	err = s.Run(ctx)
	cause := context.Cause(ctx)
	cancel(nil)
	for _, f := range faces {
		f.close()
	}
	running.Wait()
	if err == nil && cause != nil && !errors.Is(cause, context.Canceled) {
		err = cause
	}
	return err
}

// ownFolder makes the folder of the history where there is none, and gives it to the user who will write there.
func ownFolder(dir, name string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil // whose it is was decided by whoever made it
	}
	u, err := user.Lookup(name)
	if err != nil {
		return fmt.Errorf("find the user to become: %w", err)
	}
	uid, errU := strconv.Atoi(u.Uid)
	gid, errG := strconv.Atoi(u.Gid)
	if err := errors.Join(errU, errG); err != nil {
		return fmt.Errorf("find the user to become: %w", err)
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("make the folder of the history: %w", err)
	}
	if err := os.Chown(dir, uid, gid); err != nil {
		return fmt.Errorf("give the folder of the history to %s: %w", name, err)
	}
	return nil
}

// onHangup calls reload at each SIGHUP until ctx ends.
func onHangup(ctx context.Context, reload func()) {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hup:
			reload()
		}
	}
}

// listen opens the listeners for faces, the API first.
func listen(cfg *config.Config, api http.Handler) ([]*face, error) {
	faces := []*face{{name: "the API", address: cfg.Listen, server: httpapi.Server(api)}}
	if cfg.Pprof != "" {
		faces = append(faces, &face{name: "profiles", address: cfg.Pprof, server: httpapi.Server(httpapi.Pprof())})
	}
	for _, f := range faces {
		if err := f.listen(); err != nil {
			return nil, err
		}
	}
	return faces, nil
}

// face is one listener for people and programs.
type face struct {
	name, address string
	server        *http.Server
	listener      net.Listener
}

func (f *face) listen() (err error) {
	if f.listener, err = net.Listen("tcp", f.address); err != nil {
		return fmt.Errorf("listen for %s: %w", f.name, err)
	}
	return nil
}

func (f *face) close() {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	if f.server.Shutdown(ctx) != nil {
		f.server.Close()
	}
}

// export sends metrics where the configuration says, if it does, until end, which sends them once more.
func (s *Server) export(ctx context.Context, cfg *config.Config, metrics *httpapi.Metrics) (end func(), err error) {
	if cfg.OTLP.Endpoint == "" {
		return func() {}, nil
	}
	stop, err := metrics.StartOTLP(ctx, otlp(cfg, s.opt.Version))
	if err != nil {
		return nil, err
	}
	return func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
		defer cancel()
		if err := stop(last); err != nil {
			s.opt.Log.Warn("the last metrics were not taken", "problem", err.Error())
		}
	}, nil
}

func otlp(cfg *config.Config, version string) httpapi.OTLPOptions {
	o := httpapi.OTLPOptions{Endpoint: cfg.OTLP.Endpoint, Interval: cfg.OTLP.Interval, Version: version, Headers: map[string]string{}}
	o.Instance, _ = os.Hostname() // without one there is none
	for _, h := range cfg.OTLP.Headers {
		name, value, _ := strings.Cut(h, ":")
		o.Headers[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	return o
}

// open opens the sources that the configuration names and that may need privileges, and takes the others.
func (s *Server) open(cfg *config.Config, others []capture.Live) error {
	number := func() uint32 { return uint32(len(s.sources)) }
	for _, l := range cfg.HEP.Listen {
		src, err := capture.OpenHEP(l.String(), capture.HEPOptions{
			Allow: cfg.HEP.Allow, Key: cfg.HEP.Key, Rate: cfg.HEP.Rate, CertFile: cfg.HEP.Cert, KeyFile: cfg.HEP.CertKey, Source: number(), Point: s.points.of("hep"),
		})
		if err != nil {
			return err
		}
		if err := s.Add(src, "hep", false); err != nil {
			return err
		}
	}
	for _, name := range cfg.Capture.Interfaces {
		list, err := capture.OpenAFPacket(name, capture.AFPacketOptions{
			Filter: capture.Filter{All: len(cfg.Capture.Ports) == 0, Ports: cfg.Capture.Ports, RTP: cfg.Capture.RTP},
			Snap:   cfg.Capture.Snaplen, Promiscuous: cfg.Capture.Promiscuous && name != capture.AnyInterface, Fanout: cfg.Capture.Fanout, Ring: int(cfg.Capture.Ring),
			Source: number(), Points: s.points.of,
		})
		if err != nil {
			return err
		}
		for _, src := range list {
			if err := s.Add(src, "interface", false); err != nil {
				return err
			}
		}
	}
	for _, src := range others {
		if err := s.Add(src, "own", false); err != nil {
			return err
		}
	}
	return nil
}

// watchFolders adds the folders of the configuration; what was read of each is remembered with the data.
func (s *Server) watchFolders(cfg *config.Config) error {
	for _, dir := range cfg.Watch {
		path, err := filepath.Abs(dir) // a folder keeps its own position wherever it stands in the list
		if err != nil {
			return err
		}
		src, err := capture.WatchFolder(dir, capture.WatchOptions{
			Position: filepath.Join(cfg.Data, fmt.Sprintf("watch-%016x.json", xxhash.Sum64String(path))), Source: uint32(len(s.sources)), Points: s.points.of,
		})
		if err != nil {
			return err
		}
		if err := s.Add(src, "folder", true); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) sourceNames() string {
	var names []string
	for _, src := range s.sources {
		names = append(names, src.Name())
	}
	return strings.Join(names, ", ")
}
