package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"sipcause/internal/agent"
	"sipcause/internal/capture"
	"sipcause/internal/config"
	"sipcause/internal/hep"
)

// sendOptions are the flags of send.
type sendOptions struct {
	to, key, node, ca  string
	buffer, bufferSize string
	compress, pace     bool
	wait               time.Duration
	given              given
}

func sendCommand() *cobra.Command {
	var o sendOptions
	cmd := &cobra.Command{
		Use:   "send --to URL [FILE|DIRECTORY|GLOB|INTERFACE|-]...",
		Short: "send the SIP messages of captures or interfaces to a HEP server",
		Long: `Send every SIP message of captures and text traces, or of network interfaces as long as it runs, as HEP version 3
to a server (sipcause serve, Homer and others), each with the time and the addresses that it was seen with. What is
read and how is as in analyze: fragments and streams are put together, TLS is decrypted where keys are given.

By tcp and tls nothing is lost while the server is away, as long as there is room: with --buffer messages wait on disk,
and those left at the end are sent by the next run with the same directory, before its own; without arguments it sends
only those. By udp nobody can tell what arrives.

A capture that is sent again later is counted again.

A server that stores by time of receipt what is older than a day, as sipcause serve, keeps the intervals of an old
capture only with --pace.

Exit status: 0 all sent, or waiting in the buffer, 1 something was not sent, 2 wrong usage.`,
		Example: `  sipcause send --to udp://127.0.0.1:9060 trace.pcap
  sipcause send --to tls://hep.example.com --key "$KEY" --node edge-1 --buffer /var/spool/sipcause eth0
  sipcause send --to tcp://hep.example.com:9060 --compress /var/captures
  sipcause send --to tcp://127.0.0.1:9060 --pace trace.pcap
  sipcause send --to tcp://127.0.0.1:9060 --buffer /var/spool/sipcause`,
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd, args) },
	}
	f := cmd.Flags()
	f.StringVar(&o.to, "to", "", "where to: udp://host:port, tcp://host:port or tls://host:port (port 9060, of tls 9061)")
	f.StringVar(&o.key, "key", os.Getenv(sendKeyEnv), "key that the server asks for (default: the environment's "+sendKeyEnv+")")
	f.StringVar(&o.node, "node", "", "name or number by which the server knows us (default: the host's name)")
	f.BoolVar(&o.compress, "compress", false, "compress what becomes shorter by it")
	f.BoolVar(&o.pace, "pace", false, "captures: send in real time, not as fast as possible")
	f.StringVar(&o.buffer, "buffer", "", "directory where messages wait while the server is away; with tcp and tls")
	f.StringVar(&o.bufferSize, "buffer-size", "256MiB", "most that may wait in --buffer; beyond it captures are not read on, and what comes from interfaces is dropped")
	f.DurationVar(&o.wait, "wait", 30*time.Second, "how long the server may be away before we give up; with an interface, at the end only")
	f.StringVar(&o.ca, "ca", "", "file with the certificates of authorities that tls trusts, PEM (default: the system's)")
	o.given.keylogFlag(cmd)
	f.Lookup("key").DefValue = "" // what the environment has is not shown
	return cmd
}

// sendKeyEnv may hold the key, so that it need not be on the command line.
const sendKeyEnv = "SIPCAUSE_SEND_KEY"

func (o *sendOptions) run(cmd *cobra.Command, args []string) error {
	opt, err := o.agent()
	if err != nil {
		return err
	}
	interfaces, err := o.interfaces(args)
	if err != nil {
		return err
	}
	opt.Live = len(interfaces) > 0
	run := sending{pace: o.pace, live: opt.Live}
	if run.keys, err = o.given.keys(); err != nil {
		return err
	}
	var src *capture.Source
	if !opt.Live && len(args) > 0 {
		if src, err = openCapture(cmd, args); err != nil {
			return err
		}
	}
	if run.lives, err = openInterfaces(interfaces); err != nil {
		return err
	}
	if run.to, err = agent.New(opt); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if src != nil {
		progress := newProgress(cmd.ErrOrStderr(), src)
		err = run.captures(ctx, src)
		progress.stop()
	} else {
		err = run.capture(ctx)
	}
	if opt.Live { // a signal is how that ends: what waits is still sent
		ctx = context.WithoutCancel(ctx)
	}
	stats, closing := run.to.Close(ctx)
	if err == nil {
		err = closing
	}
	return o.conclude(cmd, stats, err)
}

// conclude says what became of the messages, and makes an error of what was not sent.
func (o *sendOptions) conclude(cmd *cobra.Command, s agent.Stats, err error) error {
	fmt.Fprintf(cmd.OutOrStdout(), "%d messages sent to %s\n", s.Sent, o.to)
	var lost []string
	for _, l := range []struct {
		n   uint64
		why string
	}{
		{s.TooLong, "too long for a packet"}, {s.Dropped, "dropped for want of room"}, {s.Refused, "refused: nobody listens there"},
	} {
		if l.n > 0 {
			lost = append(lost, fmt.Sprintf("%d %s", l.n, l.why))
		}
	}
	switch {
	case s.Left > 0 && o.buffer != "":
		fmt.Fprintf(cmd.ErrOrStderr(), "sipcause: %d messages wait in %s for the next run\n", s.Left, o.buffer)
	case s.Left > 0:
		lost = append(lost, fmt.Sprintf("%d left when we gave up", s.Left))
	}
	switch text := strings.Join(lost, ", "); {
	case err != nil && text != "":
		return fmt.Errorf("send: %w; not sent: %s", err, text)
	case err != nil:
		return fmt.Errorf("send: %w", err)
	case text != "":
		return fmt.Errorf("send: not sent: %s", text)
	}
	return nil
}

// agent returns what the flags mean to the sender.
func (o *sendOptions) agent() (opt agent.Options, err error) {
	if o.to == "" {
		return opt, usageError{errors.New("send: say where to, as in --to udp://127.0.0.1:9060; see sipcause send --help")}
	}
	if _, _, err := hep.Address(o.to); err != nil {
		return opt, usageError{fmt.Errorf("read --to: %q is not of the form udp://host:port, tcp://host:port or tls://host:port", o.to)}
	}
	scheme, _, _ := strings.Cut(o.to, "://")
	size, err := config.ParseSize(o.bufferSize)
	switch {
	case err != nil || size < minSendBuffer:
		return opt, usageError{fmt.Errorf("read --buffer-size: %q is no size with its unit, such as 64MiB or 20GB, from 4MiB", o.bufferSize)}
	case o.buffer != "" && scheme == "udp":
		return opt, usageError{errors.New("send: --buffer goes with tcp and tls: by udp nothing tells that the server is away")}
	case o.wait <= 0:
		return opt, usageError{errors.New("read --wait: it must be above 0")}
	case o.ca != "" && scheme != "tls":
		return opt, usageError{errors.New("send: --ca goes with tls")}
	}
	opt = agent.Options{To: o.to, Buffer: o.buffer, BufferMax: size, Wait: o.wait, Encoder: hep.Encoder{Key: o.key, Compress: o.compress}}
	if number, err := strconv.ParseUint(o.node, 10, 32); err == nil {
		opt.Encoder.Node = uint32(number)
	} else if opt.Encoder.NodeName = o.node; o.node == "" {
		opt.Encoder.NodeName, _ = os.Hostname() // or none
	}
	if o.ca != "" {
		text, err := os.ReadFile(o.ca)
		if err != nil {
			return opt, fmt.Errorf("read --ca: %w", err)
		}
		opt.TLS = &tls.Config{RootCAs: x509.NewCertPool()}
		if !opt.TLS.RootCAs.AppendCertsFromPEM(text) {
			return opt, fmt.Errorf("read --ca: %s has no certificate", o.ca)
		}
	}
	return opt, nil
}

// minSendBuffer is the least that a buffer may be told to hold: what is in memory must fit.
const minSendBuffer = 4 << 20

// interfaces returns which of the arguments are network interfaces and no files: all of them or none.
func (o *sendOptions) interfaces(args []string) (names []string, err error) {
	if len(args) == 0 && o.buffer == "" {
		return nil, usageError{errors.New("send: name at least one capture or interface, or - for standard input; see sipcause send --help")}
	}
	for _, a := range args {
		if _, err := os.Stat(a); a == "-" || err == nil {
			continue
		}
		if found, _ := filepath.Glob(a); len(found) > 0 {
			continue
		}
		if _, err := net.InterfaceByName(a); err != nil && a != capture.AnyInterface {
			return nil, fmt.Errorf("send: %s is no file and no interface", a)
		}
		names = append(names, a)
	}
	switch {
	case len(names) > 0 && len(names) < len(args):
		return nil, usageError{errors.New("send: captures and interfaces do not go together")}
	case len(names) > 0 && o.pace:
		return nil, usageError{errors.New("send: --pace is for captures")}
	}
	return names, nil
}
