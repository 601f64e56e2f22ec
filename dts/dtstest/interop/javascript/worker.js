"use strict";

// A worker of the official JavaScript SDK. Flags after address and hub: "filters"
// asks for work with registered names only, "strict" takes orchestrations of
// version 1.0 only, "release" lets go of what the other workers hold for ever.

const {
  RetryPolicy,
  TaskHubGrpcWorker,
  VersionFailureStrategy,
  VersionMatchStrategy,
  whenAll,
  whenAny,
} = require("@microsoft/durabletask-js");
const { entities, orchestrators: users } = require("./entities");
const { Refused, connection, flags, hold } = require("./hub");

const attempts = new Map(); // calls of flaky by instance

const activities = {
  greet: (_ctx, name) => `Hello, ${name}, from javascript`,
  refuse: (_ctx, why) => {
    throw new Refused(why);
  },
  // flaky fails as often as it is told, then says how often it was called.
  flaky: (ctx, failures) => {
    const n = (attempts.get(ctx.orchestrationId) ?? 0) + 1;
    attempts.set(ctx.orchestrationId, n);
    if (n <= failures) throw new Refused(`attempt ${n}`);
    return n;
  },
  echo: (_ctx, input) => input,
  swell: (_ctx, length) => "x".repeat(length),
  żółw: (_ctx, input) => `${input} 🐢`,
  hold: () => hold("activity"),
};

const mine = (name) => `javascript-${name}`;
const patience = new RetryPolicy({ maxNumberOfAttempts: 3, firstRetryIntervalInMilliseconds: 50 });

const orchestrators = {
  async *echo(ctx, input) {
    return yield ctx.callActivity(mine("echo"), input);
  },
  async *sequence(ctx, names) {
    const greetings = [];
    for (const name of names) greetings.push(yield ctx.callActivity(mine("greet"), name));
    return greetings;
  },
  async *fanout(ctx, names) {
    return yield whenAll(names.map((name) => ctx.callActivity(mine("greet"), name)));
  },
  async *nap(ctx, seconds) {
    const began = ctx.currentUtcDateTime.getTime();
    yield ctx.createTimer(seconds);
    return ctx.currentUtcDateTime.getTime() - began >= seconds * 1000;
  },
  async *swell(ctx, length) {
    return yield ctx.callActivity(mine("swell"), length);
  },
  async *spin(ctx, left) {
    if (left > 0) {
      ctx.continueAsNew(left - 1, false);
      return;
    }
    return "done";
  },
  async *approval(ctx, seconds) {
    ctx.setCustomStatus({ waits: "decision" });
    const decision = ctx.waitForExternalEvent("decision");
    const late = ctx.createTimer(seconds);
    const first = yield whenAny([decision, late]);
    if (first === late) return "too late";
    ctx.setCustomStatus({ waits: null });
    return decision.getResult();
  },
  async *gather(ctx, count) {
    const items = [];
    while (items.length < count) items.push(yield ctx.waitForExternalEvent("item"));
    return items;
  },
  // survey takes its turns after a long history: one that greets, one that is told to end.
  async *survey(ctx, count) {
    let length = 0;
    for (let i = 0; i < count; i++) length += (yield ctx.waitForExternalEvent("item")).length;
    yield ctx.callActivity(mine("greet"), "all");
    ctx.setCustomStatus({ waits: "end" });
    yield ctx.waitForExternalEvent("end");
    return length;
  },
  async *żółw(ctx) {
    return yield ctx.callActivity(mine("żółw"), yield ctx.waitForExternalEvent("ćma"));
  },
  async *family(ctx, groups) {
    return yield whenAll(groups.map((names) => ctx.callSubOrchestrator(mine("sequence"), names)));
  },
  async *retry(ctx, failures) {
    return yield ctx.callActivity(mine("flaky"), failures, { retry: patience });
  },
  async *retryChild(ctx, why) {
    return yield ctx.callSubOrchestrator(mine("fail"), why, { retry: patience });
  },
  async *mend(ctx, failures) {
    return [yield ctx.callActivity(mine("greet"), "Ana"), yield ctx.callActivity(mine("flaky"), failures)];
  },
  async *mendChild(ctx, failures) {
    return yield ctx.callSubOrchestrator(mine("mend"), failures);
  },
  async *countdown(ctx, n) {
    const item = yield ctx.waitForExternalEvent("item");
    if (n > 1) {
      ctx.continueAsNew(n - 1, true);
      return;
    }
    return item;
  },
  async *fail(_ctx, why) {
    throw new Refused(why);
  },
  async *failActivity(ctx, why) {
    yield ctx.callActivity(mine("refuse"), why);
  },
  async *failChild(ctx, why) {
    yield ctx.callSubOrchestrator(mine("fail"), why);
  },
  async *catch(ctx, why) {
    try {
      yield ctx.callActivity(mine("refuse"), why);
    } catch (err) {
      return err.message;
    }
  },
  async *forever(ctx) {
    yield ctx.waitForExternalEvent("never");
  },
  async *keeper(ctx, childID) {
    yield ctx.callSubOrchestrator(mine("forever"), null, { instanceId: childID });
  },
  async *tell(ctx, { id, item }) {
    ctx.sendEvent(id, "item", item);
  },
  async *version(ctx) {
    return ctx.version;
  },
  async *versionChild(ctx) {
    return [ctx.version, yield ctx.callSubOrchestrator(mine("version"), null, { version: "2.0" })];
  },
  async *chain(ctx, name) {
    const greeting = yield ctx.callActivity(mine("greet"), name);
    yield ctx.createTimer(0.1);
    yield ctx.callSubOrchestrator(mine("echo"), greeting);
    return greeting;
  },
  // Work for functions of other languages.
  async *call(ctx, { activity, input }) {
    return yield ctx.callActivity(activity, input);
  },
  async *delegate(ctx, { orchestrator, input }) {
    return yield ctx.callSubOrchestrator(orchestrator, input);
  },
  async *holdActivity(ctx) {
    return yield ctx.callActivity(mine("hold"));
  },
  async *holdTurn() {
    return await hold("turn");
  },
};

const worker = new TaskHubGrpcWorker({
  ...connection,
  workItemFilters: flags.includes("filters") ? "auto" : undefined,
  versioning: flags.includes("strict")
    ? { version: "1.0", matchStrategy: VersionMatchStrategy.Strict, failureStrategy: VersionFailureStrategy.Reject }
    : undefined,
});
for (const [name, fn] of Object.entries(activities)) worker.addNamedActivity(mine(name), fn);
for (const [name, fn] of Object.entries({ ...orchestrators, ...users })) worker.addNamedOrchestrator(mine(name), fn);
for (const [name, factory] of Object.entries(entities)) worker.addNamedEntity(mine(name), factory);
worker.start();
