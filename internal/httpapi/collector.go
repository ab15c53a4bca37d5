package httpapi

import (
	"context"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sipcause/internal/finding"
	"sipcause/internal/route"
	"sipcause/internal/view"
)

// statusTimeout bounds how long a scrape waits for the status.
const statusTimeout = 5 * time.Second

// statusCollector gives the server's status at each scrape. What grows there is bounded by the configuration; the
// bounds here hold also when a mistake is made elsewhere.
type statusCollector struct {
	obs     view.Observer
	sources *labels
	reasons *labels
	routes  *labels // of findings
}

func newStatusCollector(obs view.Observer) *statusCollector {
	return &statusCollector{obs, &labels{limit: maxSourceLabels}, &labels{limit: maxSourceLabels}, &labels{limit: maxRouteLabels}}
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("sipcause_"+name, help, labels, nil)
}

var (
	descInfo         = describe("build_info", "Always 1; version is that of the program.", "version")
	descReady        = describe("ready", "1 when the sources are open and the store takes what they give.")
	descAlarms       = describe("alarms", "What is wrong now: number of alarms that the status page shows.")
	descFinding      = describe("finding_active", "Findings of all traffic that hold now; route and direction are empty where they are not of a route.", "finding", "severity", "route", "direction")
	descStarted      = describe("start_time_seconds", "When the server started, since the Unix epoch.")
	descEventTime    = describe("event_time_seconds", "The newest time that the traffic has shown, since the Unix epoch.")
	descOpenLegs     = describe("open_legs", "Dialogs and transactions that have not ended.")
	descCounters     = describe("pipeline_total", "What happened in the pipeline since the start.", "what")
	descPackets      = describe("source_packets_total", "Packets that a source gave.", "source", "kind")
	descBytes        = describe("source_bytes_total", "Bytes that a source gave.", "source", "kind")
	descUp           = describe("source_up", "1 when the source works.", "source", "kind")
	descLast         = describe("source_last_packet_time_seconds", "When the source gave its last packet, since the Unix epoch.", "source", "kind")
	descDropped      = describe("source_dropped_packets_total", "Packets that were dropped before they were read, by reason.", "source", "kind", "reason")
	descQueue        = describe("queue_bytes", "Bytes between the sources and the engine.")
	descQueueLimit   = describe("queue_limit_bytes", "How many there may be.")
	descQueueDropped = describe("queue_dropped_total", "What was dropped because the queue was full.", "what")
	descStoreBytes   = describe("store_bytes", "Bytes of the store's files, by what they hold.", "what")
	descStoreAll     = describe("store_size_bytes", "Bytes of all files of the store.")
	descStoreRows    = describe("store_items", "What the store holds.", "what")
	descPartitions   = describe("store_partitions", "Partitions of the store.")
	descBad          = describe("store_bad_partitions", "Partitions that were set aside as damaged.")
	descLag          = describe("store_lag_seconds", "Age of what is seen and not stored yet.")
	descStoreDropped = describe("store_dropped_messages_total", "Messages that were not stored.")
	descOldest       = describe("store_oldest_time_seconds", "Beginning of the oldest case in the store, since the Unix epoch.")
)

// statusDescs are all of them.
var statusDescs = []*prometheus.Desc{
	descInfo, descReady, descAlarms, descStarted, descEventTime, descOpenLegs, descCounters, descPackets, descBytes, descUp, descLast,
	descDropped, descQueue, descQueueLimit, descQueueDropped, descStoreBytes, descStoreAll, descStoreRows, descPartitions, descBad,
	descLag, descStoreDropped, descOldest, descFinding,
}

// Describe implements prometheus.Collector.
func (c *statusCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range statusDescs {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c *statusCollector) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), statusTimeout)
	defer cancel()
	s, err := c.obs.Status(ctx)
	if err != nil {
		to <- prometheus.NewInvalidMetric(descReady, err)
		return
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	count := func(d *prometheus.Desc, v uint64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	gauge(descInfo, 1, strings.ToValidUTF8(s.Version, "\uFFFD"))
	gauge(descReady, truth(s.Ready))
	gauge(descAlarms, float64(len(s.Alarms)))
	if !s.Started.IsZero() {
		gauge(descStarted, float64(s.Started.UnixNano())/1e9)
	}
	if !s.EventTime.Ordinal() {
		gauge(descEventTime, float64(s.EventTime)/1e9)
	}
	gauge(descOpenLegs, float64(s.OpenLegs))
	for name, n := range c.merged(s.Counters) {
		count(descCounters, n, name)
	}
	gauge(descQueue, float64(s.Queue.Bytes))
	gauge(descQueueLimit, float64(s.Queue.Limit))
	count(descQueueDropped, s.Queue.DroppedSignal, "signalling")
	count(descQueueDropped, s.Queue.DroppedMedia, "media")
	c.sourcesOf(&s, gauge, count)
	c.findingsOf(&s, gauge)
	gauge(descStoreAll, float64(s.Store.Bytes))
	for what, n := range s.Store.ByKind {
		gauge(descStoreBytes, float64(n), c.reasons.of(what))
	}
	gauge(descStoreRows, float64(s.Store.Messages), "messages")
	gauge(descStoreRows, float64(s.Store.Cases), "cases")
	gauge(descStoreRows, float64(s.Store.Cells), "cells")
	gauge(descPartitions, float64(s.Store.Partitions))
	gauge(descBad, float64(len(s.Store.BadPartitions)))
	gauge(descLag, s.StoreLag.Seconds())
	count(descStoreDropped, s.StoreDropped)
	if !s.Store.Oldest.Ordinal() {
		gauge(descOldest, float64(s.Store.Oldest)/1e9)
	}
}

// sourcesOf gives what is known of the sources; those beyond the bound, and those of one name and kind, are summed.
func (c *statusCollector) sourcesOf(s *view.Status, gauge func(*prometheus.Desc, float64, ...string), count func(*prometheus.Desc, uint64, ...string)) {
	type key struct{ name, kind string }
	sums := map[key]*view.SourceState{}
	for i := range s.Sources {
		src := &s.Sources[i]
		k := key{c.sources.of(src.Name), c.reasons.of(src.Kind)}
		sum := sums[k]
		if sum == nil {
			sum = &view.SourceState{}
			sums[k] = sum
		}
		sum.Packets += src.Packets
		sum.Bytes += src.Bytes
		sum.Dropped = append(sum.Dropped, src.Dropped...)
		sum.Error += src.Error
		if src.Last.After(sum.Last) {
			sum.Last = src.Last
		}
	}
	for k, sum := range sums {
		count(descPackets, sum.Packets, k.name, k.kind)
		count(descBytes, sum.Bytes, k.name, k.kind)
		gauge(descUp, truth(sum.Error == ""), k.name, k.kind)
		if !sum.Last.IsZero() {
			gauge(descLast, float64(sum.Last.UnixNano())/1e9, k.name, k.kind)
		}
		for reason, n := range c.merged(sum.Dropped) {
			count(descDropped, n, k.name, k.kind, reason)
		}
	}
}

// findingsOf counts the findings that hold now.
func (c *statusCollector) findingsOf(s *view.Status, gauge func(*prometheus.Desc, float64, ...string)) {
	type key struct{ id, severity, route, direction string }
	n := map[key]int{}
	for i := range s.Findings {
		f := &s.Findings[i]
		k := key{id: otherLabel, severity: f.Severity.String()}
		if _, ok := finding.Lookup(f.ID); ok {
			k.id = string(f.ID)
		}
		if name, direction := route.SplitKey(f.Subject); direction != "" {
			k.route, k.direction = c.routes.of(name), direction
		}
		n[k]++
	}
	for k, times := range n {
		gauge(descFinding, float64(times), k.id, k.severity, k.route, k.direction)
	}
}

// merged sums counts by name: a metric must not stand twice.
func (c *statusCollector) merged(list []view.Count) map[string]uint64 {
	out := map[string]uint64{}
	for _, n := range list {
		out[c.reasons.of(n.Name)] += n.N
	}
	return out
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
