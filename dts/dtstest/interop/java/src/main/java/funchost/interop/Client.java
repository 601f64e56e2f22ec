package funchost.interop;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.microsoft.durabletask.DurableTaskClient;
import com.microsoft.durabletask.DurableTaskGrpcClientBuilder;
import com.microsoft.durabletask.FailureDetails;
import com.microsoft.durabletask.NewOrchestrationInstanceOptions;
import com.microsoft.durabletask.OrchestrationMetadata;
import com.microsoft.durabletask.OrchestrationRuntimeStatus;
import com.microsoft.durabletask.OrchestrationStatusQuery;
import com.microsoft.durabletask.OrchestrationStatusQueryResult;
import com.microsoft.durabletask.PurgeInstanceCriteria;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeoutException;

/**
 * A client of the official Java SDK that does what the driver says: a call per line of stdin, an answer per line of
 * stdout. Calls that it does not know are those that the SDK does not have.
 */
final class Client {
    private final DurableTaskClient client;

    private Client(DurableTaskClient client) {
        this.client = client;
    }

    public static void main(String[] args) throws IOException {
        Client c = new Client(new DurableTaskGrpcClientBuilder().grpcChannel(new Hub(args).channel()).build());
        Hub.serve(call -> Hub.report(c.answer(call)));
    }

    private ObjectNode answer(JsonNode call) {
        ObjectNode answer = Hub.JSON.createObjectNode();
        try {
            return answer.putPOJO("value", call(call));
        } catch (StatusRuntimeException e) {
            return error(answer, e.getStatus().getCode().name(), e.getStatus().getDescription());
        } catch (TimeoutException e) {
            return error(answer, "TIMEOUT", e.getMessage());
        } catch (RuntimeException e) {
            return error(answer, e.getClass().getSimpleName(), e.getMessage());
        }
    }

    private static ObjectNode error(ObjectNode answer, String code, String message) {
        answer.putObject("error").put("code", code).put("message", message);
        return answer;
    }

    private Object call(JsonNode c) throws TimeoutException {
        String id = text(c, "id");
        switch (c.get("call").textValue()) {
            case "start":
                return start(c);
            case "get":
                boolean payloads = c.path("payloads").asBoolean(true);
                return state(client.getInstanceMetadata(id, payloads), payloads);
            case "waitStart":
                return state(client.waitForInstanceStart(id, timeout(c), true), true);
            case "wait":
                return state(client.waitForInstanceCompletion(id, timeout(c), true), true);
            case "raise":
                client.raiseEvent(id, text(c, "event"), payload(c, "data"));
                return null;
            case "suspend":
                client.suspendInstance(id, "interop");
                return null;
            case "resume":
                client.resumeInstance(id, "interop");
                return null;
            case "terminate":
                client.terminate(id, payload(c, "output"));
                return null;
            case "purge":
                return client.purgeInstance(id).getDeletedInstanceCount();
            case "purgeWhere":
                return client.purgeInstances(new PurgeInstanceCriteria()
                                .setCreatedTimeFrom(instant(c, "from"))
                                .setRuntimeStatusList(statuses(c)))
                        .getDeletedInstanceCount();
            case "query":
                return query(c);
            case "restart":
                return client.restartInstance(id, c.path("newID").asBoolean());
            default:
                throw new UnsupportedOperationException("the Java SDK has no " + c.get("call"));
        }
    }

    private String start(JsonNode c) {
        NewOrchestrationInstanceOptions options = new NewOrchestrationInstanceOptions()
                .setInput(payload(c, "input"))
                .setVersion(text(c, "version"))
                .setStartTime(instant(c, "startAt"));
        if (c.hasNonNull("id")) {
            options.setInstanceId(text(c, "id"));
        }
        return client.scheduleNewOrchestrationInstance(text(c, "name"), options);
    }

    private ObjectNode query(JsonNode c) {
        OrchestrationStatusQuery query = new OrchestrationStatusQuery()
                .setInstanceIdPrefix(text(c, "prefix"))
                .setRuntimeStatusList(statuses(c))
                .setFetchInputsAndOutputs(c.path("payloads").asBoolean());
        if (c.has("pageSize")) {
            query.setMaxInstanceCount(c.get("pageSize").intValue());
        }
        ObjectNode answer = Hub.JSON.createObjectNode();
        ArrayNode items = answer.putArray("items");
        int pages = 0;
        String token;
        do {
            OrchestrationStatusQueryResult page = client.queryInstances(query);
            page.getOrchestrationState().forEach(s -> items.add(state(s, query.isFetchInputsAndOutputs())));
            pages++;
            token = page.getContinuationToken();
            query.setContinuationToken(token);
        } while (token != null && !token.isEmpty());
        return answer.put("pages", pages);
    }

    /** An instance; payloads as they went over the wire, where the SDK shows none as an empty one. */
    private static ObjectNode state(OrchestrationMetadata s, boolean payloads) {
        if (!s.isInstanceFound()) {
            return null;
        }
        ObjectNode state = Hub.JSON.createObjectNode()
                .put("id", s.getInstanceId())
                .put("name", s.getName())
                .put("status", s.getRuntimeStatus().name())
                .put("input", presence(s.getSerializedInput()))
                .put("output", presence(s.getSerializedOutput()));
        if (payloads && s.isCustomStatusFetched()) {
            state.put("customStatus", s.readCustomStatusAs(JsonNode.class).toString());
        }
        FailureDetails failure = s.getFailureDetails();
        if (!failure.getErrorType().isEmpty()) {
            state.putObject("failure").put("type", failure.getErrorType()).put("message", failure.getErrorMessage());
        }
        return state;
    }

    private static String presence(String payload) {
        return payload == null || payload.isEmpty() ? null : payload;
    }

    private static String text(JsonNode c, String field) {
        return c.path(field).textValue();
    }

    private static JsonNode payload(JsonNode c, String field) {
        return c.hasNonNull(field) ? c.get(field) : null;
    }

    private static Duration timeout(JsonNode c) {
        return Duration.ofMillis(Math.round(c.get("timeout").doubleValue() * 1000));
    }

    private static Instant instant(JsonNode c, String field) {
        return c.has(field) ? OffsetDateTime.parse(text(c, field)).toInstant() : null;
    }

    private static List<OrchestrationRuntimeStatus> statuses(JsonNode c) {
        List<OrchestrationRuntimeStatus> statuses = new ArrayList<>();
        c.path("statuses").forEach(name -> statuses.add(OrchestrationRuntimeStatus.valueOf(name.textValue())));
        return statuses;
    }
}
