package httpapi

import (
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"google.golang.org/protobuf/proto"
)

// What is sent by OTLP is what /metrics has.
func TestOTLPSendsTheMetrics(t *testing.T) {
	b := serveLab(t, someCalls(t), Options{})
	counted(t, b)
	var mu sync.Mutex
	names, resources, tokens := map[string]int{}, map[string]string{}, 0
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		zip, err := gzip.NewReader(r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		body, err := io.ReadAll(zip)
		if err != nil {
			t.Error(err)
		}
		var req collector.ExportMetricsServiceRequest
		if err := proto.Unmarshal(body, &req); err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		if r.URL.Path == "/v1/metrics" && r.Header.Get("X-Token") == "secret" {
			tokens++
		}
		for _, rm := range req.ResourceMetrics {
			for _, a := range rm.Resource.Attributes {
				resources[a.Key] = a.Value.GetStringValue()
			}
			for _, sm := range rm.ScopeMetrics {
				for _, m := range sm.Metrics {
					names[m.Name] += len(m.GetSum().GetDataPoints()) + len(m.GetGauge().GetDataPoints()) + len(m.GetHistogram().GetDataPoints())
				}
			}
		}
	}))
	defer receiver.Close()
	stop, err := b.metrics.StartOTLP(t.Context(), OTLPOptions{
		Endpoint: receiver.URL + "/v1/metrics", Headers: map[string]string{"X-Token": "secret"}, Interval: time.Hour, Instance: "one", Version: "v0.test",
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := stop(ctx); err != nil {
		t.Fatal(err)
	}
	families, err := b.metrics.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if tokens != 1 || resources["service.name"] != "sipcause" || resources["service.instance.id"] != "one" {
		t.Errorf("%d requests with the token; resource %v", tokens, resources)
	}
	for _, f := range families {
		if names[f.GetName()] == 0 && f.GetType().String() != "SUMMARY" {
			t.Errorf("%s was not sent", f.GetName())
		}
	}
}

func TestOTLPEndpointMustBeAURL(t *testing.T) {
	m := NewMetrics(newLab(t, flowsOf(t, "busy.txtar")...))
	for _, endpoint := range []string{"", "localhost:4318", "grpc://localhost:4317", "http://", "http://%zz"} {
		if _, err := m.StartOTLP(t.Context(), OTLPOptions{Endpoint: endpoint}); err == nil {
			t.Errorf("endpoint %q is taken", endpoint)
		}
	}
}
