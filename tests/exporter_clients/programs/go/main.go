// Sends the work on stdin (see workload.py) with a client of Go: client NAME MODE ADDRESS.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/DataDog/datadog-go/v5/statsd"
	cactus "github.com/cactus/go-statsd-client/v5/statsd"
	"github.com/hashicorp/go-metrics"
)

type work struct {
	milliseconds []float64
	hits, misses int
	errors       []string
	queue        []float64
}

type client interface {
	duration(milliseconds float64)
	hit()
	miss()
	failed(kind string)
	queue(depth float64)
	// What the map does not name: as many of its types as the client has.
	others()
	end()
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// ---- datadog-go

type datadog struct{ *statsd.Client }

func newDatadog(mode, address string) client {
	options := []statsd.Option{statsd.WithTags([]string{"env:prod", "zone:b"})}
	switch mode {
	case "not aggregated":
		options = append(options, statsd.WithoutClientSideAggregation())
	case "aggregated, packed values":
		options = append(options, statsd.WithExtendedClientSideAggregation())
	}
	made, err := statsd.New(address, options...)
	must(err)
	return datadog{made}
}

func (c datadog) duration(ms float64) { must(c.TimeInMilliseconds("features.time", ms, nil, 1)) }
func (c datadog) hit()                { must(c.Incr("features.cache.hit", nil, 1)) }
func (c datadog) miss()               { must(c.Count("features.cache.miss", 1, nil, 1)) }
func (c datadog) failed(kind string)  { must(c.Incr("features.errors."+kind, nil, 1)) }
func (c datadog) queue(depth float64) { must(c.Gauge("features.queue", depth, nil, 1)) }
func (c datadog) others() {
	must(c.Set("other.users", "u17", nil, 1))
	must(c.Decr("other.level", nil, 1))
	must(c.Histogram("other.size", 3, nil, 1))
	must(c.Distribution("other.size", 3, nil, 1))
	must(c.GaugeWithTimestamp("other.level", 3, nil, 1, time.Unix(1700000000, 0)))
	must(c.CountWithTimestamp("other.count", 3, nil, 1, time.Unix(1700000000, 0)))
	must(c.SimpleEvent("title", "text"))
	must(c.SimpleServiceCheck("check", statsd.Warn))
}
func (c datadog) end() { must(c.Flush()); must(c.Close()) }

// ---- cactus

type suffixed struct{ cactus.Statter }

var tags = []cactus.Tag{{"env", "prod"}, {"zone", "b"}}

func newCactus(mode, address string) client {
	formats := map[string]cactus.TagFormat{
		"DogStatsD tags": cactus.SuffixOctothorpe, "InfluxDB tags": cactus.InfixComma,
		"Graphite tags": cactus.InfixSemicolon,
	}
	config := &cactus.ClientConfig{Address: address, UseBuffered: true, FlushInterval: 50 * time.Millisecond}
	config.TagFormat = formats[mode]
	made, err := cactus.NewClientWithConfig(config)
	must(err)
	return suffixed{made}
}

func (c suffixed) duration(ms float64) {
	must(c.TimingDuration("features.time", time.Duration(ms*1e6), 1, tags...))
}
func (c suffixed) hit()               { must(c.Inc("features.cache.hit", 1, 1, tags...)) }
func (c suffixed) miss()              { must(c.Inc("features.cache.miss", 1, 1, tags...)) }
func (c suffixed) failed(kind string) { must(c.Inc("features.errors."+kind, 1, 1, tags...)) }
func (c suffixed) queue(d float64)    { must(c.Gauge("features.queue", int64(d), 1, tags...)) }
func (c suffixed) others() {
	must(c.Set("other.users", "u17", 1, tags...))
	must(c.Dec("other.count", 1, 1, tags...))
	must(c.GaugeDelta("other.level", -3, 1, tags...))
	must(c.Raw("other.raw", "x|y", 1, tags...))
}
func (c suffixed) end() { must(c.Close()) }

// ---- go-metrics

type hashicorp struct {
	*metrics.Metrics
	sink *metrics.StatsdSink
}

func newHashicorp(_, address string) client {
	sink, err := metrics.NewStatsdSink(address)
	must(err)
	config := metrics.DefaultConfig("features")
	config.EnableHostname = false
	config.EnableRuntimeMetrics = false
	made, err := metrics.New(config, sink)
	must(err)
	return hashicorp{made, sink}
}

func (c hashicorp) duration(ms float64) { c.AddSample([]string{"time"}, float32(ms)) }
func (c hashicorp) hit()                { c.IncrCounter([]string{"cache", "hit"}, 1) }
func (c hashicorp) miss()               { c.IncrCounter([]string{"cache", "miss"}, 1) }
func (c hashicorp) failed(kind string)  { c.IncrCounter([]string{"errors", kind}, 1) }
func (c hashicorp) queue(d float64)     { c.SetGauge([]string{"queue"}, float32(d)) }
func (c hashicorp) others() {
	c.EmitKey([]string{"other", "key"}, 3)
	c.SetGauge([]string{"other", "level"}, -3)
}
func (c hashicorp) end() {
	time.Sleep(300 * time.Millisecond) // its own flush is every 100 ms, and Shutdown does not wait for it
	c.sink.Shutdown()
}

func read() work {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	next := func() []string { lines.Scan(); return strings.Fields(lines.Text()) }
	numbers := func(texts []string) (found []float64) {
		for _, text := range texts {
			number, err := strconv.ParseFloat(text, 64)
			must(err)
			found = append(found, number)
		}
		return
	}
	milliseconds, hits, misses, errors, queue := next(), next(), next(), next(), next()
	return work{
		numbers(milliseconds), int(numbers(hits)[0]), int(numbers(misses)[0]), errors, numbers(queue),
	}
}

func main() {
	makers := map[string]func(mode, address string) client{
		"datadog-go": newDatadog, "cactus/go-statsd-client": newCactus, "hashicorp/go-metrics": newHashicorp,
	}
	todo := read()
	c := makers[os.Args[1]](os.Args[2], os.Args[3])
	for _, ms := range todo.milliseconds {
		c.duration(ms)
	}
	for i := 0; i < todo.hits; i++ {
		c.hit()
	}
	for i := 0; i < todo.misses; i++ {
		c.miss()
	}
	for _, kind := range todo.errors {
		c.failed(kind)
	}
	for _, depth := range todo.queue {
		c.queue(depth)
	}
	c.others()
	c.end()
}
