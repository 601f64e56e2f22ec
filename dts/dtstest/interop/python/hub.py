"""What both programs share: arguments, connection, lines for the driver."""

import json
import os
import sys
import threading

import durabletask.client
import durabletask.worker
from durabletask.azuremanaged.client import DurableTaskSchedulerClient
from durabletask.azuremanaged.worker import DurableTaskSchedulerWorker

# An empty hub means the core package, which sends no header.
address, hub, *flags = sys.argv[1:]


def client():
    if not hub:
        return durabletask.client.TaskHubGrpcClient(host_address=address)
    return DurableTaskSchedulerClient(host_address=address, taskhub=hub, token_credential=None, secure_channel=False)


def worker():
    if not hub:
        return durabletask.worker.TaskHubGrpcWorker(host_address=address)
    return DurableTaskSchedulerWorker(host_address=address, taskhub=hub, token_credential=None, secure_channel=False)


_writing = threading.Lock()


def report(value):
    """Write one line for the driver."""
    with _writing:
        print(json.dumps(value), flush=True)


class Refused(Exception):
    pass


def mine(name):
    return f"python-{name}"


def hold(what):
    """Keep what this is called in busy for ever, except in a worker that lets go."""
    if "release" in flags:
        return "released"
    report({"holding": what})
    threading.Event().wait()


def end():
    """End at once, whatever threads are doing."""
    sys.stderr.flush()
    os._exit(0)
