"use strict";

// Entities of the worker, and orchestrators that use entities of any language.

const { EntityInstanceId, TaskEntity } = require("@microsoft/durabletask-js");
const { Refused, hold } = require("./hub");

class Counter extends TaskEntity {
  initializeState() {
    return 0;
  }

  add(n) {
    return (this.state += n);
  }

  get() {
    return this.state;
  }

  // refuse fails after it has done what must leave no trace.
  refuse(why) {
    this.add(1000);
    this.give({ entity: this.context.id.name, key: "trace", amount: 1 });
    throw new Refused(why);
  }

  give({ entity, key, amount }) {
    this.context.signalEntity(new EntityInstanceId(entity, key), "add", amount);
  }

  begin({ orchestrator, id, input }) {
    return this.context.scheduleNewOrchestration(orchestrator, input, { instanceId: id });
  }

  hold() {
    return hold("entity");
  }
}

const orchestrators = {
  async *ask(ctx, { entity, key, operation, input }) {
    return yield ctx.entities.callEntity(new EntityInstanceId(entity, key), operation, input);
  },
  async *visit(ctx, { entity, key }) {
    const counter = new EntityInstanceId(entity, key);
    ctx.entities.signalEntity(counter, "add", 2);
    return yield ctx.entities.callEntity(counter, "add", 3);
  },
  async *remind(ctx, { entity, key, amount }) {
    const signalTime = new Date(ctx.currentUtcDateTime.getTime() + 1000);
    ctx.entities.signalEntity(new EntityInstanceId(entity, key), "add", amount, { signalTime });
    return true;
  },
  async *transfer(ctx, { entity, from, to, amount }) {
    const [a, b] = [new EntityInstanceId(entity, from), new EntityInstanceId(entity, to)];
    const lock = yield ctx.entities.lockEntities(a, b);
    const left = yield ctx.entities.callEntity(a, "add", -amount);
    const got = yield ctx.entities.callEntity(b, "add", amount);
    lock.release();
    return [left, got];
  },
  async *guard(ctx, { entity, keys }) {
    const lock = yield ctx.entities.lockEntities(...keys.map((key) => new EntityInstanceId(entity, key)));
    ctx.setCustomStatus({ waits: "decision" });
    const decision = yield ctx.waitForExternalEvent("decision");
    lock.release();
    return decision;
  },
};

module.exports = { entities: { counter: () => new Counter() }, orchestrators };
