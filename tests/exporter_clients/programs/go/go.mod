module featurewatch/clients

go 1.25.0

require (
	github.com/DataDog/datadog-go/v5 v5.9.1
	github.com/cactus/go-statsd-client/v5 v5.1.0
	github.com/hashicorp/go-metrics v0.7.0
)

require (
	github.com/Microsoft/go-winio v0.6.2 // indirect
	github.com/hashicorp/go-immutable-radix v1.3.1 // indirect
	github.com/hashicorp/golang-lru v0.5.0 // indirect
	golang.org/x/sys v0.47.0 // indirect
)
