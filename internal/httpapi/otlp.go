package httpapi

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"time"

	bridge "go.opentelemetry.io/contrib/bridges/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
)

// OTLPOptions say where metrics are sent, by OTLP over HTTP.
type OTLPOptions struct {
	Endpoint string            // URL, such as http://localhost:4318/v1/metrics
	Headers  map[string]string // of each request: credentials
	Interval time.Duration     // 0: 30 s
	Timeout  time.Duration     // of one request; 0: 10 s
	Instance string            // service.instance.id; "": none
	Version  string            // service.version
}

// StartOTLP sends the same metrics as Handler serves, at each interval, until shutdown, which sends them once more.
func (m *Metrics) StartOTLP(ctx context.Context, opt OTLPOptions) (shutdown func(context.Context) error, err error) {
	u, err := url.Parse(opt.Endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("start OTLP export: endpoint %q is no URL of http or https", opt.Endpoint)
	}
	exporter, err := otlpmetrichttp.New(ctx, otlpmetrichttp.WithEndpointURL(opt.Endpoint), otlpmetrichttp.WithHeaders(opt.Headers),
		otlpmetrichttp.WithTimeout(cmp.Or(opt.Timeout, 10*time.Second)), otlpmetrichttp.WithCompression(otlpmetrichttp.GzipCompression))
	if err != nil {
		return nil, fmt.Errorf("start OTLP export: %w", err)
	}
	attributes := []attribute.KeyValue{attribute.String("service.name", "sipcause"), attribute.String("service.version", opt.Version)}
	if opt.Instance != "" {
		attributes = append(attributes, attribute.String("service.instance.id", opt.Instance))
	}
	reader := metric.NewPeriodicReader(exporter, metric.WithInterval(cmp.Or(opt.Interval, 30*time.Second)),
		metric.WithProducer(bridge.NewMetricProducer(bridge.WithGatherer(m.registry))))
	provider := metric.NewMeterProvider(metric.WithReader(reader), metric.WithResource(resource.NewSchemaless(attributes...)))
	return provider.Shutdown, nil
}
