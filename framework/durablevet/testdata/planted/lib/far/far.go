// Package far knows nothing of orchestrators. What is wrong with it is seen only
// where one calls it.
package far

import (
	"crypto/rand"
	"encoding/hex"
	"io"
	"math/big"
	mathrand "math/rand/v2"
	"net/http"
	"os"
	"sync"
	"time"
)

// Stamp is two calls away from the clock.
func Stamp() string { return format(now()) }

func now() time.Time { return time.Now() }

func format(t time.Time) string { return t.Format(time.RFC3339) }

// Age asks a method for the clock.
func Age(t time.Time) time.Duration { return watch{}.since(t) }

type watch struct{}

func (watch) since(t time.Time) time.Duration { return time.Since(t) }

// Token is random.
func Token() (string, error) {
	b := make([]byte, 8)
	if _, err := rand.Read(b); err != nil {
		return "", err
	}
	return hex.EncodeToString(b), nil
}

// Dice throws one.
func Dice() int { return mathrand.IntN(6) + 1 }

// Big hands the source of chance on.
func Big() *big.Int {
	n, err := rand.Int(rand.Reader, big.NewInt(1000))
	if err != nil {
		return nil
	}
	return n
}

// Rate asks a server.
func Rate(url string) (string, error) {
	resp, err := http.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

// Region depends on the host.
func Region() string { return os.Getenv("REGION") }

// Table is read from a file, once.
var Table = load()

func load() string {
	b, _ := os.ReadFile("table.csv")
	return string(b)
}

// Both does two things at the same time.
func Both(a, b func()) {
	var wg sync.WaitGroup
	wg.Add(2)
	go func() { defer wg.Done(); a() }()
	go func() { defer wg.Done(); b() }()
	wg.Wait()
}

// Keys are in no order.
func Keys(m map[string]int) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	return keys
}

var cache = map[string]int{}

// Cached remembers, in this process.
func Cached(key string) int {
	if n, ok := cache[key]; ok {
		return n
	}
	cache[key] = len(key)
	return cache[key]
}

// Limit is set by Configure.
var Limit = 10

// Configure sets the limit.
func Configure(n int) { Limit = n }

// Patience pauses.
func Patience() { time.Sleep(time.Second) }

// Total asks something for the price of each item.
func Total[P interface{ Price(item string) int }](p P, items []string) int {
	sum := 0
	for _, item := range items {
		sum += p.Price(item)
	}
	return sum
}

// Pricer knows prices.
type Pricer interface{ Price(item string) int }

// Sum is Total without generics.
func Sum(p Pricer, items []string) int {
	sum := 0
	for _, item := range items {
		sum += p.Price(item)
	}
	return sum
}
