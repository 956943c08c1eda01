// Package config owns the daemon's one configuration: a strict TOML file, the
// environment and flags over it, and the table that documents every field.
//
// A configuration is taken whole or not at all: unknown keys, values of the wrong
// type and values out of bounds are refused, and every problem is reported at
// once, so that an operator mends a file in one go. What decides a halt is never
// here: intervals, thresholds and leases come from signed policies in the log.
package config

import "time"

// Config is the daemon's configuration. Each field's tag `toml` is its name in the
// file; unit, bounds, default and meaning stand in its other tags, from which
// Fields and the documentation are made.
type Config struct {
	Log       Log       `toml:"log"`
	HTTP      HTTP      `toml:"http"`
	Engine    Engine    `toml:"engine"`
	Admission Admission `toml:"admission"`
	Blacklist Blacklist `toml:"blacklist"`
}

// Log configures the tree, its key and its publication.
type Log struct {
	Store      string        `toml:"store" default:"dir:haltlog-data" doc:"where the log lives: dir:PATH"`
	State      string        `toml:"state" default:"" doc:"folder outside the log's own store for what must survive its loss: folded size and root, the last decision with its halts, every halt (L6); and for the index; empty: STORE.state beside the store"`
	Genesis    string        `toml:"genesis" default:"" doc:"file with the genesis statement, appended as entry 0 of an empty log; a log with another one is refused"`
	Key        string        `toml:"key" default:"" doc:"file with the log's checkpoint signing key"`
	BatchSize  int           `toml:"batch_size" default:"256" min:"1" max:"4096" unit:"entries" doc:"entries that one integration takes at most"`
	BatchAge   time.Duration `toml:"batch_age" default:"2ms" min:"1ms" max:"1s" unit:"duration" doc:"how long a lone entry waits for company"`
	Interval   time.Duration `toml:"checkpoint_interval" default:"0s" min:"0s" max:"1m" unit:"duration" doc:"least time from one round with the witnesses to the next; 0: as soon as there is something to publish. It is part of the checkpoint lag that policies allow for"`
	Refresh    time.Duration `toml:"refresh" default:"30s" min:"1s" max:"1h" unit:"duration" doc:"age of the published checkpoint at which the witnesses are asked again although the log has not grown"`
	Timeout    time.Duration `toml:"witness_timeout" default:"5s" min:"100ms" max:"1m" unit:"duration" doc:"longest time that one round with the witnesses takes"`
	MaxLag     int           `toml:"max_lag" default:"65536" min:"256" max:"16777216" unit:"entries" doc:"entries integrated beyond the published checkpoint at which bulk is refused (L7)"`
	WitnessURL []string      `toml:"witness_urls" default:"" doc:"name=URL of each witness, over the URLs that the quorum names"`
}

// HTTP configures the listeners.
type HTTP struct {
	Listen  string        `toml:"listen" default:"127.0.0.1:8480" doc:"address of the public API and of the read side; port 0 takes a free one and prints it"`
	Metrics string        `toml:"metrics" default:"" doc:"address of /metrics alone; empty: metrics are not served"`
	Timeout time.Duration `toml:"timeout" default:"30s" min:"1s" max:"10m" unit:"duration" doc:"longest time that one request may take, streams excepted"`
}

// Engine configures the halt engine that runs inside the daemon.
type Engine struct {
	Key string `toml:"key" default:"" doc:"PEM file with the engine's signing key; empty: this daemon runs no engine"`
}

// Admission bounds what strangers can make the daemon do.
type Admission struct {
	Workers     int `toml:"workers" default:"0" min:"0" max:"256" unit:"goroutines" doc:"signature checks of the bulk and of the fast lane at once, each; 0: one per core"`
	VoteWorkers int `toml:"vote_workers" default:"0" min:"0" max:"256" unit:"goroutines" doc:"ring verifications at once; 0: one for two cores"`
	FastRate    int `toml:"fast_rate" default:"0" min:"0" max:"1000000" unit:"statements per second" doc:"what one key may bring into the fast lane; 0: the built-in bound"`
	BulkRate    int `toml:"bulk_rate" default:"0" min:"0" max:"1000000" unit:"statements per second" doc:"what one key may bring into the bulk lane; 0: the built-in bound"`
}

// Blacklist configures the embedded evaluator and the escrow.
type Blacklist struct {
	Evaluator string        `toml:"evaluator_key" default:"" doc:"file with the evaluator's secret; empty: no evaluations here"`
	Counts    string        `toml:"counts_key" default:"" doc:"PEM file with the signing key of role evaluator, by which counts of evaluations are logged; needed with evaluator_key"`
	Escrow    string        `toml:"escrow_key" default:"" doc:"PEM file with the X25519 key to which guards seal labels; empty: labels cannot be opened here"`
	Tokens    string        `toml:"tokens" default:"" doc:"file with one NAME TOKEN QUOTA a line: clients of the evaluate route"`
	Anonymous int           `toml:"anonymous_quota" default:"4096" min:"0" max:"1048576" unit:"elements per period" doc:"elements that clients without a token may have evaluated, all together"`
	Period    time.Duration `toml:"period" default:"1h" min:"1s" max:"24h" unit:"duration" doc:"how often the count of evaluations is logged, and quotas begin again"`
}
