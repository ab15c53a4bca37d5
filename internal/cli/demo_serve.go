package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"sipcause/internal/config"
	"sipcause/internal/demo"
	"sipcause/internal/serve"
	"sipcause/internal/view"
)

// demoServer is what demo --serve does.
type demoServer struct {
	lasts time.Duration // 0: until it is interrupted
	quiet bool
	note  string // of the address
}

// demoSeed is that of the traffic: what happens when is the same each time.
const demoSeed = 1

// demoBytes are what the history may take, however long it runs.
const demoBytes = "1GB"

// demoPorts are how many ports from the usual one on are tried for the API.
const demoPorts = 20

// run serves invented traffic until ctx ends.
func (d *demoServer) run(ctx context.Context, stdout, stderr io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "sipcause-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	cfg, err := d.config(dir)
	if err != nil {
		return err
	}
	x := serve.Extras{Version: Version}
	if x.Book, err = openPlaybooks(""); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if d.lasts > 0 {
		defer time.AfterFunc(d.lasts, func() { cancel(nil) }).Stop()
	}
	var beside sync.WaitGroup
	x.Ready = func(api string, o view.Observer) {
		d.where(stdout, api, dir)
		beside.Go(func() {
			if err := demo.Play(ctx, demo.New(demoSeed), cfg.HEP.Listen[0].Address); err != nil {
				cancel(err)
			}
		})
		if !d.quiet {
			beside.Go(func() { newWatcher(stdout, o).watch(ctx) })
		}
	}
	err = serve.Run(ctx, cfg, x, stderr) // with the cause when ctx ended for one
	cancel(nil)
	beside.Wait()
	if err == nil {
		fmt.Fprintf(stdout, "\nended; %s is removed\n", dir)
	}
	return err
}

// config is the configuration of the demo, whatever files and the environment say.
func (d *demoServer) config(dir string) (*config.Config, error) {
	listen, err := d.freeTCP()
	if err != nil {
		return nil, err
	}
	hep, err := freeUDP()
	if err != nil {
		return nil, err
	}
	nothing := func(string) (string, bool) { return "", false }
	return config.Load("", nothing, map[string][]string{
		"listen": {listen}, "data": {dir}, "hep": {"udp://" + hep}, "route": demo.Routes, "log-level": {"warn"},
		"max-bytes": {demoBytes}, "min-free": {"off"},
	})
}

// freeTCP returns the usual address of the API, or the next that is free.
func (d *demoServer) freeTCP() (string, error) {
	const usual = 8060
	var first error
	for port := usual; port < usual+demoPorts; port++ {
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		l, err := net.Listen("tcp", addr)
		if err == nil {
			if port != usual {
				d.note = fmt.Sprintf(" (port %d is taken)", usual)
			}
			return addr, l.Close()
		}
		first = errors.Join(first, err)
	}
	return "", fmt.Errorf("find a port for the API: %w", first)
}

// freeUDP returns an address where HEP can be received.
func freeUDP() (string, error) {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a port for HEP: %w", err)
	}
	return c.LocalAddr().String(), c.Close()
}

// where says where to look.
func (d *demoServer) where(w io.Writer, api, dir string) {
	server, program := "", os.Args[0]
	if d.note != "" {
		server = " --server http://" + api
	}
	until := "until Ctrl-C"
	if d.lasts > 0 {
		until = "for " + d.lasts.String()
	}
	fmt.Fprintf(w, `A server with invented traffic, %s: a proxy and a gateway send what they see as HEP;
carrier-a degrades, fails over to carrier-b, meets a retry storm, and so on, every %d minutes.

  API      http://%s/api/v1%s
  failed   %s query 'outcome = failed'%s
  causes   %s query 'outcome = failed' --count-by cause%s
  routes   curl http://%s/api/v1/routes
  KPIs     curl 'http://%s/api/v1/kpi?measure=asr,ner,pdd_p95&by=route&since=10m&route=carrier-a,carrier-b'
  live     curl -N http://%s/api/v1/events
  metrics  http://%s/metrics
  history  %s (removed at the end)

`, until, demo.Period/time.Minute, api, d.note, program, server, program, server, api, api, api, api, dir)
}
