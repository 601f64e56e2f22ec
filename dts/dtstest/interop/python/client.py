"""A client of the official Python SDK that does what the driver says: a call per
line of stdin, an answer per line of stdout."""

import json
import sys
from datetime import datetime

import grpc
from durabletask.client import EntityQuery, OrchestrationQuery, OrchestrationStatus
from durabletask.entities import EntityInstanceId
from durabletask.internal import orchestrator_service_pb2 as pb

import hub

client = hub.client()


def statuses(names):
    return [OrchestrationStatus[name] for name in names or []]


def reuse(names):
    if names is None:
        return None
    policy = pb.OrchestrationIdReusePolicy()
    policy.replaceableStatus.extend(status.value for status in statuses(names))
    return policy


def state(s):
    return s and {
        "id": s.instance_id,
        "name": s.name,
        "status": s.runtime_status.name,
        "input": s.serialized_input,
        "output": s.serialized_output,
        "customStatus": s.serialized_custom_status,
        "failure": s.failure_details
        and {"type": s.failure_details.error_type, "message": s.failure_details.message},
    }


def start(c):
    return client.schedule_new_orchestration(
        c["name"],
        input=c.get("input"),
        instance_id=c.get("id"),
        start_at=c.get("startAt") and datetime.fromisoformat(c["startAt"]),
        reuse_id_policy=reuse(c.get("replaceable")),
        tags=c.get("tags"),
        version=c.get("version"),
    )


def query(c):
    found = client.get_all_orchestration_states(
        OrchestrationQuery(
            runtime_status=statuses(c.get("statuses")) or None,
            instance_id_prefix=c.get("prefix"),
            fetch_inputs_and_outputs=c.get("payloads", False),
            **({"max_instance_count": c["pageSize"]} if "pageSize" in c else {}),
        )
    )
    return {"items": [state(s) for s in found]}


def history(c):
    events = client.get_orchestration_history(c["id"])
    return [{"kind": type(e).__name__.removesuffix("Event"), "id": e.event_id} for e in events]


def list_ids(c):
    ids, token = [], None
    while True:
        page = client.list_instance_ids(
            runtime_status=statuses(c["statuses"]),
            completed_time_from=datetime.fromisoformat(c["from"]),
            page_size=c["pageSize"],
            continuation_token=token,
        )
        ids += page.items
        token = page.continuation_token
        if not token:
            return ids


def entity(e):
    # Who holds the lock is left out: get_locked_by takes it for an entity.
    return e and {
        "id": str(e.id),
        "state": e.get_typed_state() if e.includes_state else None,
        "backlog": e.backlog_queue_size,
        "modified": e.last_modified.isoformat(),
    }


def signal(c):
    client.signal_entity(
        EntityInstanceId(c["entity"], c["key"]),
        c["operation"],
        input=c.get("input"),
        signal_time=c.get("at") and datetime.fromisoformat(c["at"]),
    )


def query_entities(c):
    found = client.get_all_entities(
        EntityQuery(
            instance_id_starts_with=c.get("prefix"),
            include_state=c.get("state", True),
            include_transient=c.get("transient", False),
            page_size=c.get("pageSize"),
        )
    )
    return {"items": [entity(e) for e in found]}


calls = {
    "start": start,
    "get": lambda c: state(client.get_orchestration_state(c["id"], fetch_payloads=c.get("payloads", True))),
    "waitStart": lambda c: state(
        client.wait_for_orchestration_start(c["id"], fetch_payloads=True, timeout=c["timeout"])
    ),
    "wait": lambda c: state(client.wait_for_orchestration_completion(c["id"], timeout=c["timeout"])),
    "raise": lambda c: client.raise_orchestration_event(c["id"], c["event"], data=c.get("data")),
    "suspend": lambda c: client.suspend_orchestration(c["id"], reason="interop"),
    "resume": lambda c: client.resume_orchestration(c["id"], reason="interop"),
    "terminate": lambda c: client.terminate_orchestration(
        c["id"], output=c.get("output"), recursive=c.get("recursive", False)
    ),
    "purge": lambda c: client.purge_orchestration(
        c["id"], recursive=c.get("recursive", False)
    ).deleted_instance_count,
    "purgeWhere": lambda c: client.purge_orchestrations_by(
        created_time_from=datetime.fromisoformat(c["from"]), runtime_status=statuses(c["statuses"])
    ).deleted_instance_count,
    "query": query,
    "history": history,
    "listIDs": list_ids,
    "restart": lambda c: client.restart_orchestration(
        c["id"], restart_with_new_instance_id=c.get("newID", False)
    ),
    "rewind": lambda c: client.rewind_orchestration(c["id"]),
    "signal": signal,
    "getEntity": lambda c: entity(
        client.get_entity(EntityInstanceId(c["entity"], c["key"]), include_state=c.get("state", True))
    ),
    "queryEntities": query_entities,
    "cleanEntities": lambda c: vars(client.clean_entity_storage()),
}


def answer(c):
    try:
        return {"value": calls[c["call"]](c)}
    except TimeoutError as e:
        return {"error": {"code": "TIMEOUT", "message": str(e)}}
    except grpc.RpcError as e:
        return {"error": {"code": e.code().name, "message": e.details()}}
    except Exception as e:
        return {"error": {"code": type(e).__name__, "message": str(e)}}


for line in sys.stdin:
    hub.report(answer(json.loads(line)))
hub.end()
