"use strict";

const readline = require("node:readline");
const grpc = require("@grpc/grpc-js");

// The first two arguments of each program: the scheduler's address and the hub.
// An empty hub sends no header, as this SDK does by itself. Otherwise the header
// is what the package for Azure adds, which is not in the registry.
const [hostAddress, hub, ...flags] = process.argv.slice(2);

const connection = {
  hostAddress,
  metadataGenerator: async () => {
    const metadata = new grpc.Metadata();
    if (hub) metadata.set("taskhub", hub);
    return metadata;
  },
  logger: { error: console.error, warn: console.error, info() {}, debug() {} }, // stdout is for the driver
};

// report writes one line for the driver.
const report = (value) => process.stdout.write(JSON.stringify(value) + "\n");

// The program ends when the driver closes its end, however that ended.
const lines = readline.createInterface({ input: process.stdin });
lines.on("close", () => process.exit(0));

class Refused extends Error {
  name = "Refused"; // what the SDK reports as the type
}

// hold keeps what it is called in busy for ever, or returns at once in a worker
// that lets go.
const hold = (what) => {
  if (flags.includes("release")) return "released";
  report({ holding: what });
  return new Promise(() => {});
};

module.exports = { Refused, connection, flags, hold, lines, report };
