package funchost.interop;

import static funchost.interop.Worker.mine;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.microsoft.durabletask.RetryPolicy;
import com.microsoft.durabletask.Task;
import com.microsoft.durabletask.TaskFailedException;
import com.microsoft.durabletask.TaskOptions;
import com.microsoft.durabletask.TaskOrchestration;
import com.microsoft.durabletask.TaskOrchestrationContext;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The orchestrators of the worker, by the names that they have in each language. */
final class Orchestrators {
    private static final TaskOptions PATIENCE = new TaskOptions(new RetryPolicy(3, Duration.ofMillis(50)));

    private Orchestrators() {}

    /** An orchestrator that gets its input and returns its output; null stands for none. */
    interface Body {
        Object run(TaskOrchestrationContext ctx, JsonNode input);
    }

    static Map<String, TaskOrchestration> all(Hub hub) {
        Map<String, Body> bodies = new HashMap<>();
        addTasks(bodies);
        addEvents(bodies);
        addChildren(bodies);
        addFailures(bodies);
        bodies.put("holdActivity", (ctx, input) -> call(ctx, "hold", null).await());
        bodies.put("holdTurn", (ctx, input) -> hub.hold("turn"));
        Map<String, TaskOrchestration> all = new HashMap<>();
        bodies.forEach((name, body) ->
                all.put(name, ctx -> ctx.complete(body.run(ctx, ctx.getInput(JsonNode.class)))));
        return all;
    }

    private static Task<JsonNode> call(TaskOrchestrationContext ctx, String activity, Object input) {
        return ctx.callActivity(mine(activity), input, JsonNode.class);
    }

    private static void addTasks(Map<String, Body> bodies) {
        bodies.put("echo", (ctx, input) -> call(ctx, "echo", input).await());
        bodies.put("sequence", (ctx, names) -> {
            ArrayNode greetings = Hub.JSON.createArrayNode();
            for (JsonNode name : names) {
                greetings.add(call(ctx, "greet", name).await());
            }
            return greetings;
        });
        bodies.put("fanout", (ctx, names) -> {
            List<Task<JsonNode>> greetings = new ArrayList<>();
            names.forEach(name -> greetings.add(call(ctx, "greet", name)));
            return ctx.allOf(greetings).await();
        });
        bodies.put("nap", (ctx, seconds) -> {
            Duration length = Duration.ofMillis(Math.round(seconds.doubleValue() * 1000));
            Instant began = ctx.getCurrentInstant();
            ctx.createTimer(length).await();
            return Duration.between(began, ctx.getCurrentInstant()).compareTo(length) >= 0;
        });
        bodies.put("swell", (ctx, length) -> call(ctx, "swell", length).await());
        bodies.put("spin", (ctx, left) -> {
            if (left.intValue() > 0) {
                ctx.continueAsNew(left.intValue() - 1);
            }
            return "done";
        });
    }

    private static void addEvents(Map<String, Body> bodies) {
        bodies.put("approval", (ctx, seconds) -> {
            ctx.setCustomStatus(Hub.JSON.createObjectNode().put("waits", "decision"));
            Task<JsonNode> decision = ctx.waitForExternalEvent("decision", JsonNode.class);
            Task<Void> late = ctx.createTimer(Duration.ofMillis(Math.round(seconds.doubleValue() * 1000)));
            if (ctx.anyOf(decision, late).await() == late) {
                return "too late";
            }
            ctx.setCustomStatus(Hub.JSON.createObjectNode().putNull("waits"));
            return decision.await();
        });
        bodies.put("gather", (ctx, count) -> {
            ArrayNode items = Hub.JSON.createArrayNode();
            while (items.size() < count.intValue()) {
                items.add(ctx.waitForExternalEvent("item", JsonNode.class).await());
            }
            return items;
        });
        bodies.put("countdown", (ctx, left) -> {
            JsonNode item = ctx.waitForExternalEvent("item", JsonNode.class).await();
            if (left.intValue() > 1) {
                ctx.continueAsNew(left.intValue() - 1, true);
            }
            return item;
        });
        // survey takes its turns after a long history: one that greets, one that is told to end.
        bodies.put("survey", (ctx, count) -> {
            long length = 0;
            for (int i = 0; i < count.intValue(); i++) {
                length += ctx.waitForExternalEvent("item", JsonNode.class).await().textValue().length();
            }
            call(ctx, "greet", Hub.JSON.getNodeFactory().textNode("all")).await();
            ctx.setCustomStatus(Hub.JSON.createObjectNode().put("waits", "end"));
            ctx.waitForExternalEvent("end", JsonNode.class).await();
            return length;
        });
        bodies.put("forever", (ctx, input) -> ctx.waitForExternalEvent("never", JsonNode.class).await());
        bodies.put("tell", (ctx, to) -> {
            ctx.sendEvent(to.get("id").textValue(), "item", to.get("item"));
            return null;
        });
        bodies.put("żółw", (ctx, input) -> {
            JsonNode said = ctx.waitForExternalEvent("ćma", JsonNode.class).await();
            return call(ctx, "żółw", said).await();
        });
    }

    private static void addChildren(Map<String, Body> bodies) {
        bodies.put("family", (ctx, groups) -> {
            List<Task<JsonNode>> children = new ArrayList<>();
            groups.forEach(names -> children.add(ctx.callSubOrchestrator(mine("sequence"), names, JsonNode.class)));
            return ctx.allOf(children).await();
        });
        bodies.put("keeper", (ctx, child) ->
                ctx.callSubOrchestrator(mine("forever"), null, child.textValue(), JsonNode.class).await());
        bodies.put("chain", (ctx, name) -> {
            JsonNode greeting = call(ctx, "greet", name).await();
            ctx.createTimer(Duration.ofMillis(100)).await();
            ctx.callSubOrchestrator(mine("echo"), greeting, JsonNode.class).await();
            return greeting;
        });
        bodies.put("mendChild", (ctx, failures) ->
                ctx.callSubOrchestrator(mine("mend"), failures, JsonNode.class).await());
        bodies.put("retryChild", (ctx, why) ->
                ctx.callSubOrchestrator(mine("fail"), why, null, PATIENCE, JsonNode.class).await());
    }

    private static void addFailures(Map<String, Body> bodies) {
        bodies.put("retry", (ctx, failures) ->
                ctx.callActivity(mine("flaky"), attempt(ctx, failures), PATIENCE, JsonNode.class).await());
        bodies.put("mend", (ctx, failures) -> {
            ArrayNode results = Hub.JSON.createArrayNode();
            results.add(call(ctx, "greet", Hub.JSON.getNodeFactory().textNode("Ana")).await());
            return results.add(call(ctx, "flaky", attempt(ctx, failures)).await());
        });
        bodies.put("fail", (ctx, why) -> {
            throw new Refused(why.textValue());
        });
        bodies.put("failActivity", (ctx, why) -> call(ctx, "refuse", why).await());
        bodies.put("failChild", (ctx, why) -> ctx.callSubOrchestrator(mine("fail"), why, JsonNode.class).await());
        bodies.put("catch", (ctx, why) -> {
            try {
                return call(ctx, "refuse", why).await();
            } catch (TaskFailedException e) {
                return e.getMessage();
            }
        });
    }

    private static ObjectNode attempt(TaskOrchestrationContext ctx, JsonNode failures) {
        ObjectNode input = Hub.JSON.createObjectNode().put("id", ctx.getInstanceId());
        return input.set("failures", failures);
    }
}
