// Package durabletest tests durable functions: the real scheduler, in memory, and
// the real host, in time that passes as fast as the machine can think: a day in some
// twenty milliseconds.
//
//	func TestLargeOrderExpiresAfterADay(t *testing.T) {
//		durabletest.Run(t, func(e *durabletest.Env) {
//			e.Serve(orders.Functions()...)
//			run := durabletest.Start(e, orders.Process, desk)
//			e.Sleep(23 * time.Hour)
//			…
//			if got := run.Result(); got.Outcome != orders.Expired {
//				e.Errorf("got %v, want it expired", got)
//			}
//		})
//	}
//
// [Run] makes a bubble of [testing/synctest] in which everything happens: time.Now
// and time.Sleep follow its clock, which begins at midnight UTC on 1 January 2000 and
// moves when nobody has anything left to do. [Env.Serve] runs functions,
// [Env.ServeApp] an app with its triggers, which [Env.Post], [SendEvent] and the
// clock reach through its real router. [Replace] and [Fail] stand in for what a test
// must not do, [Calls] tells what was called. A wait that nothing can end fails the
// test with a sentence that says what the orchestration waits for.
//
// At the end of each test every orchestration of it is replayed, so code that does
// not repeat itself, because of a clock, a map or a random number, fails its test.
// [Replay] does the same with histories that were saved: those of the last release.
package durabletest
