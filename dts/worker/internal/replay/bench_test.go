package replay

import (
	"fmt"
	"testing"
)

// BenchmarkTurn is one cold turn of hello-cities: past activities are replayed,
// then one result arrives and one activity is scheduled. Each is three events of the
// history.
func BenchmarkTurn(b *testing.B) {
	for _, n := range []int{0, 3, 1000, 3333} {
		b.Run(fmt.Sprintf("past=%d", n), func(b *testing.B) {
			run := returns(func(t *Turn, _ string) string {
				for range n + 1 {
					k := t.Activity("hello", []byte(`"Tokyo"`), nil, nil)
					k.Await()
				}
				return ""
			})
			past, events := history{}, history{turn(0), begun("in")}
			if n > 0 {
				past, events = append(past, events...), history{turn(n), taskCompleted(int32(n-1), "Hello, Tokyo!")}
				for i := range n {
					past = append(past, taskScheduled(int32(i), "hello"))
					if i < n-1 {
						past = append(past, turn(i+1), taskCompleted(int32(i), "Hello, Tokyo!"))
					}
				}
			}
			config, by := only(run), &nobody{}
			b.ReportAllocs()
			for b.Loop() {
				t := New(config, by, "i", "e")
				t.Apply(past, true)
				t.Apply(events, false)
				if len(t.Actions()) != 1 {
					b.Fatal(show(t.Actions()))
				}
				t.Close()
			}
		})
	}
}
