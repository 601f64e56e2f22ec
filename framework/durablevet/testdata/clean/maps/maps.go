// Package maps ranges over maps where the order does not show.
package maps

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"sort"
	"strings"

	"github.com/funchost/funchost/framework/durable"
)

var charge = durable.ActivityNamed[string, int]("charge")

func sums(ctx *durable.Context, stock map[string]int, prices map[string]float64) (n int, total float64, same bool) {
	same = true
	for item, pieces := range stock {
		n += pieces
		total += float64(pieces) * prices[item]
		same = same && pieces == 1
	}
	product := 1
	for _, pieces := range stock {
		product = product * pieces
		n++
	}
	return n + product, total, same
}

func largest(ctx *durable.Context, stock map[string]int) int {
	most, least, top := 0, math.MaxInt, 0
	for _, n := range stock {
		if n > most {
			most = n
		}
		least = min(least, n)
		if top < n {
			top = n
		}
	}
	return most - least + top
}

func largestKey(ctx *durable.Context, stock map[string]int) (best string) {
	most := 0
	for item, n := range stock {
		if n > most || n == most && item < best {
			most, best = n, item
		}
	}
	return best
}

func sorted(ctx *durable.Context, stock map[string]int) []string {
	var items []string
	for item := range stock {
		items = append(items, item)
	}
	sort.Strings(items)
	return items
}

type line struct {
	item string
	n    int
}

func sortedLines(ctx *durable.Context, stock map[string]int) []line {
	lines := make([]line, 0, len(stock))
	for item, n := range stock {
		l := line{item, n}
		l.n *= 2
		lines = append(lines, l)
	}
	slices.SortFunc(lines, func(a, b line) int { return cmp.Compare(a.item, b.item) })
	return lines
}

func filled(ctx *durable.Context, stock map[string]int) []string {
	items := make([]string, len(stock))
	i := 0
	for item := range stock {
		items[i] = item
		i++
	}
	slices.Sort(items)
	return items
}

func inOrder(ctx *durable.Context, stock map[string]int) error {
	for _, item := range slices.Sorted(maps.Keys(stock)) {
		if _, err := charge.Call(ctx, item); err != nil {
			return err
		}
	}
	keys := slices.Collect(maps.Keys(stock))
	slices.Sort(keys)
	for _, item := range keys {
		charge.Start(ctx, item)
	}
	return nil
}

func otherMaps(ctx *durable.Context, stock map[string]int) map[string]int {
	doubled, byCount := map[string]int{}, map[int][]string{}
	for item, n := range stock {
		if n == 0 {
			delete(stock, item)
			continue
		}
		doubled[item] = 2 * n
		byCount[n] = append(byCount[n], item)
	}
	for _, items := range byCount {
		slices.Sort(items)
	}
	return doubled
}

func any(ctx *durable.Context, stock map[string]int) bool {
	for item, n := range stock {
		if n == 0 && strings.HasPrefix(item, "x") {
			return true
		}
	}
	found := false
	for _, n := range stock {
		if n > 3 {
			found = true
			break
		}
	}
	return found || slices.Contains(slices.Collect(maps.Values(stock)), 7)
}

func logs(ctx *durable.Context, stock map[string]int) {
	for item, n := range stock {
		ctx.Logger().Info("in stock", "item", item, "n", n)
	}
}

func rounds(ctx *durable.Context, stock map[string]int) {
	for range stock {
		charge.Start(ctx, "one")
	}
}

type basket struct{ items map[string]int }

func (b *basket) add(item string, n int) { b.items[item] += n }

func merges(ctx *durable.Context, a, b map[string]int) *basket {
	sum := &basket{items: map[string]int{}}
	for item, n := range a {
		sum.add(item, n)
	}
	maps.Copy(sum.items, b)
	for i := range sum.items {
		sum.items[i]++
	}
	return sum
}
