"use strict";

// A client of the official JavaScript SDK that does what the driver says: a call
// per line of stdin, an answer per line of stdout.

const grpc = require("@grpc/grpc-js");
const {
  EntityInstanceId,
  OrchestrationStatus,
  PurgeInstanceCriteria,
  TaskHubGrpcClient,
  terminateOptions,
} = require("@microsoft/durabletask-js");
const { connection, lines, report } = require("./hub");

const client = new TaskHubGrpcClient(connection);

const statuses = (names) => names?.map((name) => OrchestrationStatus[name]);

const state = (s) =>
  s && {
    id: s.instanceId,
    name: s.name,
    status: OrchestrationStatus[s.runtimeStatus],
    input: s.serializedInput,
    output: s.serializedOutput,
    customStatus: s.serializedCustomStatus,
    failure: s.failureDetails && { type: s.failureDetails.errorType, message: s.failureDetails.message },
    tags: s.tags,
  };

const entity = (e) =>
  e && {
    id: e.id.toString(),
    state: e.includesState ? e.state : undefined,
    backlog: e.backlogQueueSize,
    lockedBy: e.lockedBy,
    modified: e.lastModifiedTime,
  };

const calls = {
  start: (c) =>
    client.scheduleNewOrchestration(c.name, c.input, {
      instanceId: c.id,
      startAt: c.startAt && new Date(c.startAt),
      tags: c.tags,
      version: c.version,
    }),
  get: async (c) => state(await client.getOrchestrationState(c.id, c.payloads ?? true)),
  waitStart: async (c) => state(await client.waitForOrchestrationStart(c.id, true, c.timeout)),
  wait: async (c) => state(await client.waitForOrchestrationCompletion(c.id, true, c.timeout)),
  raise: (c) => client.raiseOrchestrationEvent(c.id, c.event, c.data),
  suspend: (c) => client.suspendOrchestration(c.id),
  resume: (c) => client.resumeOrchestration(c.id),
  terminate: (c) => client.terminateOrchestration(c.id, terminateOptions({ output: c.output, recursive: c.recursive })),
  purge: async (c) => (await client.purgeOrchestration(c.id, { recursive: c.recursive })).deletedInstanceCount,
  purgeWhere: async (c) => {
    const criteria = new PurgeInstanceCriteria();
    criteria.setCreatedTimeFrom(new Date(c.from));
    criteria.setRuntimeStatusList(statuses(c.statuses));
    return (await client.purgeOrchestration(criteria)).deletedInstanceCount;
  },
  query: async (c) => {
    const found = client.getAllInstances({
      statuses: statuses(c.statuses),
      instanceIdPrefix: c.prefix,
      pageSize: c.pageSize,
      fetchInputsAndOutputs: c.payloads,
    });
    const answer = { pages: 0, items: [] };
    for await (const page of found.asPages()) {
      answer.pages++;
      answer.items.push(...page.values.map(state));
    }
    return answer;
  },
  history: async (c) => (await client.getOrchestrationHistory(c.id)).map((e) => ({ kind: e.type, id: e.eventId })),
  listIDs: async (c) => {
    const ids = [];
    let page;
    do {
      page = await client.listInstanceIds({
        runtimeStatus: statuses(c.statuses),
        completedTimeFrom: new Date(c.from),
        pageSize: c.pageSize,
        lastInstanceKey: page?.continuationToken,
      });
      ids.push(...page.values);
    } while (page.hasMoreResults);
    return ids;
  },
  restart: (c) => client.restartOrchestration(c.id, c.newID),
  rewind: (c) => client.rewindInstance(c.id, "interop"),
  signal: (c) =>
    client.signalEntity(new EntityInstanceId(c.entity, c.key), c.operation, c.input, {
      signalTime: c.at && new Date(c.at),
    }),
  getEntity: async (c) => entity(await client.getEntity(new EntityInstanceId(c.entity, c.key), c.state ?? true)),
  queryEntities: async (c) => {
    const found = client.getEntities({
      instanceIdStartsWith: c.prefix,
      includeState: c.state,
      includeTransient: c.transient,
      pageSize: c.pageSize,
    });
    const answer = { pages: 0, items: [] };
    for await (const page of found.asPages()) {
      answer.pages++;
      answer.items.push(...page.values.map(entity));
    }
    return answer;
  },
  cleanEntities: () => client.cleanEntityStorage(),
};

// The SDK hides some gRPC errors behind errors of its own, and tells a time-out
// by its text only.
const code = (err) =>
  grpc.status[err.code ?? err.cause?.code] ?? (err.message.startsWith("Timed out") ? "TIMEOUT" : err.constructor.name);

lines.on("line", async (line) => {
  const call = JSON.parse(line);
  try {
    report({ value: (await calls[call.call](call)) ?? null });
  } catch (err) {
    report({ error: { code: code(err), message: err.details ?? err.message } });
  }
});
