// Package random draws.
package random

import (
	crand "crypto/rand"
	"hash/maphash"
	"math/rand"
	randv2 "math/rand/v2"

	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/framework/durablevet/testdata/planted/lib/far"
)

func draws(ctx *durable.Context) int {
	return rand.Intn(6) // want `draws: rand.Intn at random.go:[0-9]+ comes out differently in each replay; use ctx.Rand or ctx.NewID`
}

func drawsV2(ctx *durable.Context) int {
	return randv2.N(6) // want `rand.N at`
}

func shuffles(ctx *durable.Context, in []string) {
	rand.Shuffle(len(in), func(i, j int) { in[i], in[j] = in[j], in[i] }) // want `rand.Shuffle`
}

func secret(ctx *durable.Context) string {
	return crand.Text() // want `rand.Text`
}

func reader(ctx *durable.Context) {
	r := crand.Reader // want `rand.Reader`
	_ = r
}

func far1(ctx *durable.Context) (string, error) {
	return far.Token() // want `far1 -> far.Token: rand.Read at far/far.go`
}

func far2(ctx *durable.Context) int {
	return far.Dice() // want `far2 -> far.Dice: rand.IntN`
}

func far3(ctx *durable.Context) string {
	return far.Big().String() // want `far3 -> far.Big: rand.Int `
}

var shared = rand.New(rand.NewSource(1))

func fromShared(ctx *durable.Context) int {
	return shared.Intn(6) // want `variable shared at .*its numbers go on from where others left them`
}

func hashes(ctx *durable.Context, s string) uint64 {
	return maphash.String(maphash.MakeSeed(), s) // want `maphash`
}
