package conformance

import (
	"time"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// locked brings an instance to hold entities, and returns the turn with the grant.
func (w *world) locked(k *worker, name string, entities ...string) *turn {
	w.Helper()
	t := k.turnOf(w.start(name))
	t.answer(lock(1, t, guid(1), entities...))
	t = k.turnOf(w.id(name))
	w.wantKinds("turn with the grant", t.news(), "entityLockGranted")
	return t
}

// wantOwner checks who has an entity locked; empty is nobody.
func (w *world) wantOwner(key, owner string) {
	w.Helper()
	if e := w.entityOf(key); e == nil || e.GetLockedBy().GetValue() != owner || (e.GetLockedBy() != nil) != (owner != "") {
		w.Errorf("entity %q is %v, want it locked by %q", key, e, owner)
	}
}

// exists gives an entity a state.
func (w *world) exists(k *worker, keys ...string) {
	w.Helper()
	for _, key := range keys {
		w.signal(key, "")
		k.batch().answer("state")
	}
}

var lockScenarios = []scenario{
	{
		name: "a-lock-is-granted-and-shown",
		rule: "A request for a lock is answered with `EntityLockGranted` of its critical section, and the entity names its owner until the unlock",
		from: documented,
		run: func(w *world) {
			k := w.worker()
			w.exists(k, "e")
			w.wantOwner("e", "")
			t := w.locked(k, "a", w.entity("e"))
			w.wantSame("event", &dtspb.EntityLockGrantedEvent{CriticalSectionId: guid(1)}, t.news()[0].GetEntityLockGranted())
			w.wantOwner("e", w.id("a"))
			t.answer(unlock(2, t, guid(1), w.entity("e")))
			w.wantOwner("e", "")
			w.wantHistory(w.id("a"), "orchestratorStarted", "executionStarted", "entityLockRequested", "orchestratorStarted", "entityLockGranted", "entityUnlockSent")
		},
	},
	{
		name: "only-the-owner-gets-in",
		rule: "While an entity is locked its owner's calls run, those of others wait in their order until the unlock",
		from: documented,
		run: func(w *world) {
			k := w.worker()
			t := w.locked(k, "a", w.entity("e"))
			w.signal("e", "1")
			w.signal("e", "2")
			t.answer(ask(2, w.entity("e"), guid(2), "owner"))
			b := k.batch()
			w.wantSame("while it is locked", []string{"owner"}, b.operations())
			b.answer("state")
			t = k.turnOf(w.id("a"))
			k.wantEmpty()
			t.answer(unlock(3, t, guid(1), w.entity("e")))
			w.wantSame("after the unlock", []string{"1", "2"}, k.takeOperations(2))
		},
	},
	{
		name: "a-second-waits-for-the-first",
		rule: "A lock that is held is granted to the next who asked when it is free, and to one at a time",
		from: documented,
		run: func(w *world) {
			k := w.worker()
			w.exists(k, "e")
			t := w.locked(k, "a", w.entity("e"))
			second := k.turnOf(w.start("b"))
			second.answer(lock(1, second, guid(2), w.entity("e")))
			w.wantOwner("e", w.id("a"))
			t.answer(unlock(2, t, guid(1), w.entity("e")))
			w.wantKinds("the second's turn", k.turnOf(w.id("b")).news(), "entityLockGranted")
			w.wantOwner("e", w.id("b"))
		},
	},
	{
		name: "a-set-is-granted-as-a-whole",
		rule: "A lock of several entities is granted when all of them are free; two who want overlapping sets both get them, one after the other",
		from: documented,
		run: func(w *world) {
			k := w.worker()
			w.exists(k, "x", "y", "z")
			t := w.locked(k, "a", w.entity("x"), w.entity("y"))
			second := k.turnOf(w.start("b"))
			second.answer(lock(1, second, guid(2), w.entity("y"), w.entity("z")))
			third := k.turnOf(w.start("c"))
			third.answer(lock(1, third, guid(3), w.entity("x"), w.entity("z")))
			w.wantOwner("x", w.id("a"))
			w.wantOwner("y", w.id("a"))
			t.answer(unlock(2, t, guid(1), w.entity("x")), unlock(3, t, guid(1), w.entity("y")))
			for range 2 {
				t = k.turn()
				w.wantKinds("turn", t.news(), "entityLockGranted")
				t.answer(complete(9, ""))
			}
			for _, key := range []string{"x", "y", "z"} {
				w.wantOwner(key, "")
			}
		},
	},
	{
		name: "who-waits-holds-up-nobody",
		rule: "While a request for several entities waits for one of them, timers fire and others work",
		from: documented,
		run: func(w *world) {
			k := w.worker()
			w.locked(k, "a", w.entity("y"))
			second := k.turnOf(w.start("b"))
			second.answer(lock(1, second, guid(2), w.entity("y"), w.entity("z")))
			t := k.turnOf(w.start("c"))
			t.answer(timer(1, t.now().Add(50*time.Millisecond)), signal(2, w.entity("x"), guid(3), ""))
			k.batch().answer("state")
			w.wantKinds("turn", k.turnOf(w.id("c")).news(), "timerFired")
		},
	},
	{
		name: "a-lock-ends-with-its-owner",
		rule: "The locks of an orchestration that completes, fails, is terminated or continues as new are free, without an unlock",
		from: documented,
		run: func(w *world) {
			k := w.worker()
			w.exists(k, "e")
			for name, last := range map[string]func(*turn) *dtspb.OrchestratorAction{
				"completes": func(*turn) *dtspb.OrchestratorAction { return complete(9, "") },
				"fails":     func(*turn) *dtspb.OrchestratorAction { return fail(9, "E") },
				"continues": func(*turn) *dtspb.OrchestratorAction { return continueAsNew(9, "") },
			} {
				t := w.locked(k, name, w.entity("e"))
				w.wantOwner("e", w.id(name))
				t.answer(last(t))
				w.wantOwner("e", "")
			}
			w.locked(k, "terminated", w.entity("e")).answer()
			w.terminate(w.id("terminated"), "")
			t := k.turnOf(w.id("terminated"))
			t.answer(obey(9, t))
			w.wantOwner("e", "")
			w.exists(k, "e") // it works on
		},
	},
	{
		name: "a-lock-ends-when-its-owner-is-ended",
		rule: "The locks of an orchestration that is ended without its worker, or replaced, are free",
		from: decided,
		run: func(w *world) {
			k := w.worker()
			w.exists(k, "e")
			t := w.locked(k, "a", w.entity("e"))
			call(w, w.SkipGracefulOrchestrationTerminations, skip(w.id("a")))
			w.wantOwner("e", "")
			t.tooLate()
			w.locked(k, "b", w.entity("e")).answer()
			call(w, w.StartInstance, w.again(w.id("b"), replacing(running, terminated)))
			w.wantOwner("e", "")
			w.exists(k, "e")
		},
	},
	{
		name: "a-request-ends-with-who-asked",
		rule: "A request for a lock of an orchestration that has ended is not granted, and holds up nobody",
		from: documented,
		run: func(w *world) {
			k := w.worker()
			w.exists(k, "e")
			t := w.locked(k, "a", w.entity("e"))
			second := k.turnOf(w.start("b"))
			second.answer(lock(1, second, guid(2), w.entity("e")))
			third := k.turnOf(w.start("c"))
			third.answer(lock(1, third, guid(3), w.entity("e")))
			call(w, w.SkipGracefulOrchestrationTerminations, skip(w.id("b")))
			t.answer(complete(9, ""))
			w.wantKinds("the third's turn", k.turnOf(w.id("c")).news(), "entityLockGranted")
			w.wantOwner("e", w.id("c"))
		},
	},
	{
		name: "an-unlock-counts-from-the-owner",
		rule: "An unlock of somebody who does not hold the lock changes nothing, and a second one neither",
		from: documented,
		run: func(w *world) {
			k := w.worker()
			w.exists(k, "e")
			t := w.locked(k, "a", w.entity("e"))
			other := k.turnOf(w.start("b"))
			other.answer(unlock(1, other, guid(1), w.entity("e")))
			w.wantOwner("e", w.id("a"))
			t.answer(unlock(2, t, guid(1), w.entity("e")), unlock(3, t, guid(1), w.entity("e")), complete(4, ""))
			w.wantOwner("e", "")
			w.wantStatus(w.id("a"), completed)
		},
	},
	{
		name: "a-lock-outlives-a-lost-worker",
		rule: "A lock is the orchestration's: when a worker is lost in the middle of a batch, the batch comes again and the lock stays",
		from: documented,
		run: func(w *world) {
			k := w.worker()
			w.exists(k, "e")
			t := w.locked(k, "a", w.entity("e"))
			t.answer(ask(2, w.entity("e"), guid(2), "in"))
			k.batch()
			k.lose()
			w.wantOwner("e", w.id("a"))
			k = w.worker()
			b := k.batch()
			w.wantSame("operations", []string{"in"}, b.operations())
			b.answer("state")
			k.turnOf(w.id("a")).answer(complete(3, ""))
			w.wantOwner("e", "")
		},
	},
	{
		name: "a-locked-one-without-a-state-does-not-exist",
		rule: "An entity that is locked and has no state does not exist, but for a query for transient ones",
		from: documented,
		run: func(w *world) {
			k := w.worker()
			w.locked(k, "a", w.entity("e"))
			if e := w.entityOf("e"); e != nil {
				w.Errorf("it exists: %v", e)
			}
			r := call(w, w.QueryEntities, &dtspb.QueryEntitiesRequest{Query: &dtspb.EntityQuery{InstanceIdStartsWith: text("@" + w.ent), IncludeTransient: true}})
			if len(r.GetEntities()) != 1 || r.GetEntities()[0].GetLockedBy().GetValue() != w.id("a") {
				w.Errorf("got %v", r)
			}
		},
	},
	{
		name: "a-locked-one-is-not-purged",
		rule: "A purge leaves an entity that is locked, and counts 0",
		from: decided,
		run: func(w *world) {
			k := w.worker()
			w.exists(k, "e")
			w.locked(k, "a", w.entity("e"))
			w.purged(0, purgeOf(w.entity("e")))
			w.wantOwner("e", w.id("a"))
		},
	},
}
