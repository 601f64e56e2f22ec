package replay

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
)

// Rand returns the random numbers of the execution, the same in each replay.
func (t *Turn) Rand() *rand.Rand {
	t.guard("Context.Rand")
	if t.random == nil {
		t.random = rand.New(&source{t, t.seed()})
	}
	return t.random
}

// seed is made of the instance and the moment at which the execution began. Its id
// would say the same, but a rewind gives it another one and repeats what was done.
func (t *Turn) seed() *rand.PCG {
	b := t.began.AppendFormat(t.name(), "2006-01-02T15:04:05.000000000Z")
	sum := sha256.Sum256(append(b, "_random"...))
	return rand.NewPCG(binary.LittleEndian.Uint64(sum[:]), binary.LittleEndian.Uint64(sum[8:]))
}

// source lets only the coroutine that runs draw: numbers that another goroutine
// drew in between would be missing in the next replay.
type source struct {
	turn    *Turn
	numbers *rand.PCG
}

func (s *source) Uint64() uint64 {
	s.turn.guard("Rand")
	return s.numbers.Uint64()
}
