// Package global reads what others change.
package global

import (
	"flag"
	"sync"

	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/framework/durablevet/testdata/planted/global/settings"
	"github.com/funchost/funchost/framework/durablevet/testdata/planted/lib/far"
)

var limit = 10

// SetLimit changes it while the program runs.
func SetLimit(n int) { limit = n }

func reads(ctx *durable.Context) int {
	return limit // want `reads: variable limit at global.go:[0-9]+ can have changed when this is replayed \(it is changed at global.go:[0-9]+\); pass it with the input`
}

var seen int

func counts(ctx *durable.Context) {
	seen++ // want `counts: variable seen`
}

var prices = map[string]int{}

func remembers(ctx *durable.Context, item string) int {
	if n, ok := prices[item]; ok { // want `variable prices`
		return n
	}
	prices[item] = len(item) // want `variable prices`
	return 0
}

func readsFar(ctx *durable.Context) int {
	return far.Limit // want `readsFar: variable far.Limit at .*it is changed at far/far.go:[0-9]+`
}

func cachesFar(ctx *durable.Context) int {
	return far.Cached("x") // want `far.Cached: variable cache` `far.Cached: variable cache` `far.Cached: variable cache`
}

var verbose bool

// Flags hands the address on.
func Flags(fs *flag.FlagSet) { fs.BoolVar(&verbose, "v", false, "") }

func readsFlag(ctx *durable.Context) bool {
	return verbose // want `variable verbose`
}

type table struct {
	mu   sync.Mutex
	rows map[string]int
}

func (t *table) put(key string) { t.set(key, 1) }

func (t *table) set(key string, n int) { t.rows[key] = n }

func (t *table) get(key string) int { return t.rows[key] }

var rows = &table{rows: map[string]int{}}

// Put goes by a method that changes its receiver, two calls away.
func Put(key string) { rows.put(key) }

func readsTable(ctx *durable.Context) int {
	return rows.get("x") // want `variable rows at .*changed at global.go`
}

func readsSetting(ctx *durable.Context) int { return settings.Most + settings.Least }
