// Command record asks Alertmanager's own package which moments are in random time intervals.
//
//	go mod init record && go get github.com/prometheus/alertmanager@v0.35.0 && go run . > 0.35.0.json
package main

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/timeinterval"
	"go.yaml.in/yaml/v2"
)

var (
	weekdays = []string{"monday:friday", "saturday", "Sunday", "tuesday:wednesday", "friday:monday"}
	months   = []string{"january:march", "3", "10:11", "December", "may:september"}
	days     = []string{"1", "31", "30:31", "-1", "-3:-1", "1:15", "15:-5", "-31:-28", "29"}
	years    = []string{"2024", "2025:2026", "2027"}
	times    = []string{"00:00-08:30", "08:30-17:00", "22:00-24:00", "02:00-03:00", "01:30-02:30"}
	zones    = []string{"", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia"}
	// Around what is special: clocks that go forward or back, a leap day, ends of months and years.
	around = []string{
		"2026-03-29T01:00:00Z", "2026-03-08T07:00:00Z", "2026-10-25T01:00:00Z", "2026-11-01T06:00:00Z",
		"2024-02-29T12:00:00Z", "2026-02-28T23:30:00Z", "2026-12-31T23:00:00Z", "2026-03-31T22:30:00Z",
		"2026-03-30T12:00:00Z", "2026-10-31T12:00:00Z", "2026-04-04T15:30:00Z", "2026-10-03T16:00:00Z",
	}
)

func some(r *rand.Rand, from []string) []string {
	if r.Intn(3) > 0 {
		return nil
	}
	return []string{from[r.Intn(len(from))]}
}

func main() {
	r := rand.New(rand.NewSource(1))
	encoder := json.NewEncoder(os.Stdout)
	for n := 0; n < 3000; n++ {
		node := map[string]any{}
		for _, one := range []struct {
			key  string
			from []string
		}{{"weekdays", weekdays}, {"months", months}, {"days_of_month", days}, {"years", years}} {
			if found := some(r, one.from); found != nil {
				node[one.key] = found
			}
		}
		if found := some(r, times); found != nil {
			begin, end, _ := strings.Cut(found[0], "-")
			node["times"] = []map[string]string{{"start_time": begin, "end_time": end}}
		}
		if zone := zones[r.Intn(len(zones))]; zone != "" {
			node["location"] = zone
		}
		moment, _ := time.Parse(time.RFC3339, around[r.Intn(len(around))])
		moment = moment.Add(time.Duration(r.Intn(96*60)-48*60) * time.Minute)
		text, _ := yaml.Marshal(node)
		var interval timeinterval.TimeInterval
		contains := "refused"
		if err := yaml.UnmarshalStrict(text, &interval); err == nil {
			contains = fmt.Sprint(interval.ContainsTime(moment.UTC()))
		}
		if err := encoder.Encode([]any{node, moment.Unix(), contains}); err != nil {
			panic(err)
		}
	}
}
