"""A worker of the official Python SDK with its store for large payloads. Arguments:
address of the scheduler, connection string of the storage, "gzip" or "plain"."""

import sys

from durabletask import worker
from durabletask.extensions.azure_blob_payloads import BlobPayloadStore, BlobPayloadStoreOptions


def repeat(_ctx, text):
    return text + "!"


def through(ctx, text):
    ctx.set_custom_status(text)
    answer = yield ctx.call_activity("repeat", input=text)
    event = yield ctx.wait_for_external_event("more")
    return answer + event


address, storage, compression = sys.argv[1:]
store = BlobPayloadStore(
    BlobPayloadStoreOptions(connection_string=storage, enable_compression=compression == "gzip", api_version="2021-12-02")  # Azurite knows no newer
)
with worker.TaskHubGrpcWorker(host_address=address, metadata=[("taskhub", "default")], payload_store=store) as w:
    w.add_activity(repeat)
    w.add_orchestrator(through)
    w.use_work_item_filters()
    w.start()
    print("ready", flush=True)
    sys.stdin.read()  # until the test closes it
