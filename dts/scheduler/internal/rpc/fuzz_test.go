package rpc_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/funchost/funchost/dts/internal/dtsgrpc"
	"github.com/funchost/funchost/dts/internal/dtspb"
)

// One target for each unary method:
//
//	go test ./dts/scheduler/internal/rpc -run ^$ -fuzz ^FuzzStartInstance$ -fuzztime 1m

type (
	sidecarClient = dtsgrpc.TaskHubSidecarServiceClient
	backendClient = dtsgrpc.BackendServiceClient
)

func sidecarOf(w *fuzzWorld) sidecarClient { return w.TaskHubSidecarServiceClient }
func backendOf(w *fuzzWorld) backendClient { return w.backend }

func FuzzHello(f *testing.F) {
	fuzz(f, sidecarOf, reads, sidecarClient.Hello,
		&emptypb.Empty{},
	)
}

func FuzzStartInstance(f *testing.F) {
	fuzz(f, sidecarOf, writes, sidecarClient.StartInstance,
		&dtspb.CreateInstanceRequest{Name: "orc"},
		&dtspb.CreateInstanceRequest{
			InstanceId: "new", Name: "orc", Version: text("1"), Input: text("in"), ScheduledStartTimestamp: stamp(time.Unix(4e9, 0)), Tags: map[string]string{"k": "v"},
			ExecutionId: text("0123456789abcdef0123456789abcdef"), ParentTraceContext: &dtspb.TraceContext{TraceParent: "00-1-2-3"},
		},
		&dtspb.CreateInstanceRequest{InstanceId: "running", Name: "orc"},
		&dtspb.CreateInstanceRequest{InstanceId: "running", Name: "orc", OrchestrationIdReusePolicy: &dtspb.OrchestrationIdReusePolicy{
			ReplaceableStatus: []dtspb.OrchestrationStatus{running, terminated},
		}},
		&dtspb.CreateInstanceRequest{InstanceId: "completed", Name: "orc", OrchestrationIdReusePolicy: &dtspb.OrchestrationIdReusePolicy{
			ReplaceableStatus: []dtspb.OrchestrationStatus{running},
		}},
		&dtspb.CreateInstanceRequest{InstanceId: "@counter@1", Name: "orc"},
	)
}

func FuzzGetInstance(f *testing.F) {
	fuzz(f, sidecarOf, reads, sidecarClient.GetInstance,
		&dtspb.GetInstanceRequest{InstanceId: "running", GetInputsAndOutputs: true},
		&dtspb.GetInstanceRequest{InstanceId: "@counter@1"},
	)
}

func FuzzRewindInstance(f *testing.F) {
	fuzz(f, sidecarOf, writes, sidecarClient.RewindInstance,
		&dtspb.RewindInstanceRequest{InstanceId: "failed", Reason: text("why")},
		&dtspb.RewindInstanceRequest{InstanceId: "running"},
		&dtspb.RewindInstanceRequest{InstanceId: "@counter@1"},
	)
}

func FuzzRestartInstance(f *testing.F) {
	fuzz(f, sidecarOf, writes, sidecarClient.RestartInstance,
		&dtspb.RestartInstanceRequest{InstanceId: "completed"},
		&dtspb.RestartInstanceRequest{InstanceId: "running", RestartWithNewInstanceId: true},
		&dtspb.RestartInstanceRequest{InstanceId: "running"},
		&dtspb.RestartInstanceRequest{InstanceId: "@counter@1", RestartWithNewInstanceId: true},
	)
}

func FuzzWaitForInstanceStart(f *testing.F) {
	fuzz(f, sidecarOf, reads, sidecarClient.WaitForInstanceStart,
		&dtspb.GetInstanceRequest{InstanceId: "running"},
		&dtspb.GetInstanceRequest{InstanceId: "pending"},
	)
}

func FuzzWaitForInstanceCompletion(f *testing.F) {
	fuzz(f, sidecarOf, reads, sidecarClient.WaitForInstanceCompletion,
		&dtspb.GetInstanceRequest{InstanceId: "completed", GetInputsAndOutputs: true},
		&dtspb.GetInstanceRequest{InstanceId: "nobody"},
	)
}

func FuzzRaiseEvent(f *testing.F) {
	fuzz(f, sidecarOf, writes, sidecarClient.RaiseEvent,
		&dtspb.RaiseEventRequest{InstanceId: "running", Name: "e", Input: text("1")},
		&dtspb.RaiseEventRequest{InstanceId: "nobody", Name: "e"},
		&dtspb.RaiseEventRequest{InstanceId: "running"},
	)
}

func FuzzTerminateInstance(f *testing.F) {
	fuzz(f, sidecarOf, writes, sidecarClient.TerminateInstance,
		&dtspb.TerminateRequest{InstanceId: "running", Output: text("1"), Recursive: true},
		&dtspb.TerminateRequest{InstanceId: "pending"},
		&dtspb.TerminateRequest{InstanceId: "@counter@1"},
	)
}

func FuzzSuspendInstance(f *testing.F) {
	fuzz(f, sidecarOf, writes, sidecarClient.SuspendInstance,
		&dtspb.SuspendRequest{InstanceId: "running", Reason: text("why")},
		&dtspb.SuspendRequest{InstanceId: "nobody"},
	)
}

func FuzzResumeInstance(f *testing.F) {
	fuzz(f, sidecarOf, writes, sidecarClient.ResumeInstance,
		&dtspb.ResumeRequest{InstanceId: "running", Reason: text("why")},
		&dtspb.ResumeRequest{InstanceId: "nobody"},
	)
}

func FuzzQueryInstances(f *testing.F) {
	fuzz(f, sidecarOf, reads, sidecarClient.QueryInstances,
		&dtspb.QueryInstancesRequest{Query: &dtspb.InstanceQuery{
			RuntimeStatus: []dtspb.OrchestrationStatus{running}, CreatedTimeFrom: stamp(time.Unix(0, 0)), CreatedTimeTo: stamp(time.Unix(4e9, 0)),
			MaxInstanceCount: 1, InstanceIdPrefix: text("r"), FetchInputsAndOutputs: true,
		}},
		&dtspb.QueryInstancesRequest{Query: &dtspb.InstanceQuery{ContinuationToken: text("AAAAAAAAAAFh")}},
	)
}

func FuzzListInstanceIds(f *testing.F) {
	fuzz(f, sidecarOf, reads, sidecarClient.ListInstanceIds,
		&dtspb.ListInstanceIdsRequest{
			RuntimeStatus: []dtspb.OrchestrationStatus{completed, failed}, CompletedTimeFrom: stamp(time.Unix(0, 0)), CompletedTimeTo: stamp(time.Unix(4e9, 0)), PageSize: 1,
		},
		&dtspb.ListInstanceIdsRequest{LastInstanceKey: text("AAAAAAAAAAFh")},
	)
}

func FuzzPurgeInstances(f *testing.F) {
	fuzz(f, sidecarOf, writes, sidecarClient.PurgeInstances,
		&dtspb.PurgeInstancesRequest{Request: &dtspb.PurgeInstancesRequest_InstanceId{InstanceId: "completed"}, Recursive: true},
		&dtspb.PurgeInstancesRequest{Request: &dtspb.PurgeInstancesRequest_InstanceBatch{InstanceBatch: &dtspb.InstanceBatch{InstanceIds: []string{"completed", "@counter@1", ""}}}},
		&dtspb.PurgeInstancesRequest{Request: &dtspb.PurgeInstancesRequest_PurgeInstanceFilter{PurgeInstanceFilter: &dtspb.PurgeInstanceFilter{
			CreatedTimeFrom: stamp(time.Unix(0, 0)), CreatedTimeTo: stamp(time.Unix(4e9, 0)), RuntimeStatus: []dtspb.OrchestrationStatus{failed}, Timeout: durationpb.New(time.Second),
		}}},
	)
}

func FuzzCompleteActivityTask(f *testing.F) {
	fuzz(f, sidecarOf, writes, sidecarClient.CompleteActivityTask,
		&dtspb.ActivityResponse{InstanceId: "running", TaskId: 1, Result: text("r"), CompletionToken: held},
		&dtspb.ActivityResponse{InstanceId: "running", TaskId: 1, FailureDetails: &dtspb.TaskFailureDetails{ErrorType: "E", InnerFailure: &dtspb.TaskFailureDetails{}}},
		&dtspb.ActivityResponse{CompletionToken: "?"},
	)
}

func FuzzCompleteOrchestratorTask(f *testing.F) {
	fuzz(f, sidecarOf, writes, sidecarClient.CompleteOrchestratorTask,
		&dtspb.OrchestratorResponse{InstanceId: "child", CompletionToken: held, Actions: []*dtspb.OrchestratorAction{schedule(1, "act"), wakeUp(2), child(3), complete(4, "out")}, CustomStatus: text("s")},
		&dtspb.OrchestratorResponse{InstanceId: "child", CompletionToken: held, Actions: fail(1), NumEventsProcessed: number(0), IsPartial: true, ChunkIndex: number(1)},
		&dtspb.OrchestratorResponse{CompletionToken: held, Actions: []*dtspb.OrchestratorAction{{OrchestratorActionType: &dtspb.OrchestratorAction_RewindOrchestration{
			RewindOrchestration: &dtspb.RewindOrchestrationAction{NewHistory: []*dtspb.HistoryEvent{{EventType: &dtspb.HistoryEvent_OrchestratorStarted{}}}},
		}}}},
		&dtspb.OrchestratorResponse{InstanceId: "child", Actions: []*dtspb.OrchestratorAction{{OrchestratorActionType: &dtspb.OrchestratorAction_SendEntityMessage{SendEntityMessage: &dtspb.SendEntityMessageAction{
			EntityMessageType: &dtspb.SendEntityMessageAction_EntityLockRequested{EntityLockRequested: &dtspb.EntityLockRequestedEvent{CriticalSectionId: "s", LockSet: []string{"@counter@1", "@a@"}}},
		}}}}},
		&dtspb.OrchestratorResponse{CompletionToken: held, Actions: []*dtspb.OrchestratorAction{
			{OrchestratorActionType: &dtspb.OrchestratorAction_SendEvent{SendEvent: &dtspb.SendEventAction{Instance: &dtspb.OrchestrationInstance{InstanceId: "running"}, Name: "e"}}},
			{OrchestratorActionType: &dtspb.OrchestratorAction_TerminateOrchestration{TerminateOrchestration: &dtspb.TerminateOrchestrationAction{InstanceId: "running", Recurse: true}}},
			{OrchestratorActionType: &dtspb.OrchestratorAction_CompleteOrchestration{CompleteOrchestration: &dtspb.CompleteOrchestrationAction{
				OrchestrationStatus: dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_CONTINUED_AS_NEW, NewVersion: text("2"), CarryoverEvents: []*dtspb.HistoryEvent{{}},
			}}},
		}},
		&dtspb.OrchestratorResponse{InstanceId: "rewinding", Actions: []*dtspb.OrchestratorAction{{OrchestratorActionType: &dtspb.OrchestratorAction_RewindOrchestration{
			RewindOrchestration: &dtspb.RewindOrchestrationAction{NewHistory: []*dtspb.HistoryEvent{
				{EventType: &dtspb.HistoryEvent_OrchestratorStarted{OrchestratorStarted: &dtspb.OrchestratorStartedEvent{}}},
				{EventType: &dtspb.HistoryEvent_ExecutionStarted{ExecutionStarted: &dtspb.ExecutionStartedEvent{OrchestrationInstance: &dtspb.OrchestrationInstance{ExecutionId: text("x")}}}},
				{EventId: 1, EventType: &dtspb.HistoryEvent_TaskScheduled{TaskScheduled: &dtspb.TaskScheduledEvent{Name: "act"}}},
				{EventId: 2, EventType: &dtspb.HistoryEvent_SubOrchestrationInstanceCreated{SubOrchestrationInstanceCreated: &dtspb.SubOrchestrationInstanceCreatedEvent{InstanceId: "failed"}}},
				{EventId: 3, EventType: &dtspb.HistoryEvent_TimerCreated{TimerCreated: &dtspb.TimerCreatedEvent{FireAt: stamp(time.Unix(4e9, 0))}}},
			}},
		}}}},
		&dtspb.OrchestratorResponse{CompletionToken: held, RequiresHistory: true},
		&dtspb.OrchestratorResponse{CompletionToken: "?"},
	)
}

func FuzzCompleteEntityTask(f *testing.F) {
	fuzz(f, sidecarOf, writes, sidecarClient.CompleteEntityTask,
		&dtspb.EntityBatchResult{CompletionToken: held, EntityState: text("2"), Results: []*dtspb.OperationResult{{}, {}}},
		&dtspb.EntityBatchResult{CompletionToken: held, Results: []*dtspb.OperationResult{{}}, Actions: []*dtspb.OperationAction{
			{OperationActionType: &dtspb.OperationAction_SendSignal{SendSignal: &dtspb.SendSignalAction{InstanceId: "@counter@1", Name: "add", ScheduledTime: stamp(time.Unix(4e9, 0))}}},
			{OperationActionType: &dtspb.OperationAction_StartNewOrchestration{StartNewOrchestration: &dtspb.StartNewOrchestrationAction{InstanceId: "running", Name: "orc"}}},
			{},
		}},
		&dtspb.EntityBatchResult{CompletionToken: held, FailureDetails: &dtspb.TaskFailureDetails{}},
		&dtspb.EntityBatchResult{CompletionToken: held, RequiresState: true},
		&dtspb.EntityBatchResult{CompletionToken: "?"},
	)
}

func FuzzCreateTaskHub(f *testing.F) {
	fuzz(f, sidecarOf, writes, sidecarClient.CreateTaskHub,
		&dtspb.CreateTaskHubRequest{RecreateIfExists: true},
	)
}

func FuzzDeleteTaskHub(f *testing.F) {
	fuzz(f, sidecarOf, writes, sidecarClient.DeleteTaskHub)
}

func FuzzSignalEntity(f *testing.F) {
	fuzz(f, sidecarOf, writes, sidecarClient.SignalEntity,
		&dtspb.SignalEntityRequest{InstanceId: "@Counter@1", Name: "add", Input: text("1"), RequestId: "r"},
		&dtspb.SignalEntityRequest{InstanceId: "@counter@3", ScheduledTime: stamp(time.Unix(4e9, 0))},
		&dtspb.SignalEntityRequest{InstanceId: "running"},
	)
}

func FuzzGetEntity(f *testing.F) {
	fuzz(f, sidecarOf, reads, sidecarClient.GetEntity,
		&dtspb.GetEntityRequest{InstanceId: "@counter@1", IncludeState: true},
		&dtspb.GetEntityRequest{InstanceId: "@counter@3"},
	)
}

func FuzzQueryEntities(f *testing.F) {
	fuzz(f, sidecarOf, reads, sidecarClient.QueryEntities,
		&dtspb.QueryEntitiesRequest{Query: &dtspb.EntityQuery{
			InstanceIdStartsWith: text("counter@"), LastModifiedFrom: stamp(time.Unix(0, 0)), LastModifiedTo: stamp(time.Unix(4e9, 0)), IncludeState: true, IncludeTransient: true, PageSize: number(1),
		}},
		&dtspb.QueryEntitiesRequest{Query: &dtspb.EntityQuery{ContinuationToken: text("@counter@1")}},
	)
}

func FuzzCleanEntityStorage(f *testing.F) {
	fuzz(f, sidecarOf, reads, sidecarClient.CleanEntityStorage,
		&dtspb.CleanEntityStorageRequest{RemoveEmptyEntities: true, ReleaseOrphanedLocks: true, ContinuationToken: text("?")},
	)
}

func FuzzAbandonTaskActivityWorkItem(f *testing.F) {
	fuzz(f, sidecarOf, writes, sidecarClient.AbandonTaskActivityWorkItem,
		&dtspb.AbandonActivityTaskRequest{CompletionToken: held},
		&dtspb.AbandonActivityTaskRequest{CompletionToken: "?"},
	)
}

func FuzzAbandonTaskOrchestratorWorkItem(f *testing.F) {
	fuzz(f, sidecarOf, writes, sidecarClient.AbandonTaskOrchestratorWorkItem,
		&dtspb.AbandonOrchestrationTaskRequest{CompletionToken: held},
		&dtspb.AbandonOrchestrationTaskRequest{CompletionToken: "?"},
	)
}

func FuzzAbandonTaskEntityWorkItem(f *testing.F) {
	fuzz(f, sidecarOf, writes, sidecarClient.AbandonTaskEntityWorkItem,
		&dtspb.AbandonEntityTaskRequest{CompletionToken: held},
		&dtspb.AbandonEntityTaskRequest{CompletionToken: "?"},
	)
}

func FuzzSkipGracefulOrchestrationTerminations(f *testing.F) {
	fuzz(f, sidecarOf, writes, sidecarClient.SkipGracefulOrchestrationTerminations,
		&dtspb.SkipGracefulOrchestrationTerminationsRequest{InstanceBatch: &dtspb.InstanceBatch{InstanceIds: []string{"running", "pending", "failed", "@counter@1", "running"}}, Reason: text("why")},
		&dtspb.SkipGracefulOrchestrationTerminationsRequest{InstanceBatch: &dtspb.InstanceBatch{InstanceIds: []string{"running", ""}}},
	)
}

func FuzzPing(f *testing.F) {
	fuzz(f, backendOf, reads, backendClient.Ping)
}

func FuzzGetMetrics(f *testing.F) {
	fuzz(f, backendOf, reads, backendClient.GetMetrics)
}

func FuzzBeginWorkerDrain(f *testing.F) {
	fuzz(f, backendOf, writes, backendClient.BeginWorkerDrain,
		&dtspb.BeginWorkerDrainRequest{DrainTimeout: durationpb.New(time.Second)},
	)
}
