package rpc

import (
	"context"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/funchost/funchost/dts/internal/dtsgrpc"
)

// instead names what TaskHubSidecarService has for what BackendService is not
// served of: the latter is for hosts that replay on the server's side and keep
// the history themselves.
var instead = map[string]string{
	"CreateInstance":                "StartInstance",
	"AddEvent":                      "RaiseEvent",
	"AddEvents":                     "RaiseEvent",
	"GetInstance":                   "GetInstance",
	"GetEntity":                     "GetEntity",
	"QueryInstances":                "QueryInstances",
	"QueryEntities":                 "QueryEntities",
	"WaitForInstance":               "WaitForInstanceCompletion",
	"PurgeInstances":                "PurgeInstances",
	"RestartInstance":               "RestartInstance",
	"CleanEntityStorage":            "CleanEntityStorage",
	"GetWorkItems":                  "GetWorkItems",
	"GetOrchestrationRuntimeState":  "StreamInstanceHistory",
	"StreamInstanceHistory":         "StreamInstanceHistory",
	"CompleteActivityWorkItem":      "CompleteActivityTask",
	"AbandonActivityWorkItem":       "AbandonTaskActivityWorkItem",
	"CompleteOrchestrationWorkItem": "CompleteOrchestratorTask",
	"CompleteOrchestrationWorkItemWithExtendedSession": "CompleteOrchestratorTask",
	"AbandonOrchestrationWorkItem":                     "AbandonTaskOrchestratorWorkItem",
	"ReleaseOrchestrationWorkItem":                     "AbandonTaskOrchestratorWorkItem",
	"CompleteEntityWorkItem":                           "CompleteEntityTask",
	"CompleteEntityWorkItemWithExtendedSession":        "CompleteEntityTask",
	"AbandonEntityWorkItem":                            "AbandonTaskEntityWorkItem",
	"ReleaseEntityWorkItem":                            "AbandonTaskEntityWorkItem",
	"SkipGracefulOrchestrationTerminations":            "SkipGracefulOrchestrationTerminations",
}

// backendService is BackendService with a sentence for whoever calls what is not
// served of it.
func backendService() *grpc.ServiceDesc {
	d := dtsgrpc.BackendService_ServiceDesc
	d.Methods, d.Streams = slices.Clone(d.Methods), slices.Clone(d.Streams)
	for i, m := range d.Methods {
		if err := unserved(m.MethodName); err != nil {
			d.Methods[i].Handler = func(any, context.Context, func(any) error, grpc.UnaryServerInterceptor) (any, error) { return nil, err }
		}
	}
	for i, s := range d.Streams {
		if err := unserved(s.StreamName); err != nil {
			d.Streams[i].Handler = func(any, grpc.ServerStream) error { return err }
		}
	}
	return &d
}

func unserved(method string) error {
	other, ok := instead[method]
	if !ok {
		return nil
	}
	return status.Errorf(codes.Unimplemented, "this scheduler does not serve %s of BackendService: call %s of TaskHubSidecarService", method, other)
}
