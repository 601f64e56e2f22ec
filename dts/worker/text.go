package worker

import (
	"cmp"
	"fmt"
	"unicode/utf8"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// checkTexts says which text of an action, payloads apart, the protocol cannot
// carry, nil if none.
func checkTexts(a *dtspb.OrchestratorAction) error {
	switch k := a.GetOrchestratorActionType().(type) {
	case *dtspb.OrchestratorAction_ScheduleTask:
		return cmp.Or(checkText("version", k.ScheduleTask.GetVersion().GetValue()), checkTags(k.ScheduleTask.GetTags()))
	case *dtspb.OrchestratorAction_CreateSubOrchestration:
		c := k.CreateSubOrchestration
		return cmp.Or(checkText("instance id", c.GetInstanceId()), checkText("version", c.GetVersion().GetValue()), checkTags(c.GetTags()))
	case *dtspb.OrchestratorAction_SendEvent:
		return checkText("instance id", k.SendEvent.GetInstance().GetInstanceId())
	case *dtspb.OrchestratorAction_TerminateOrchestration:
		return checkText("instance id", k.TerminateOrchestration.GetInstanceId())
	case *dtspb.OrchestratorAction_CompleteOrchestration:
		return cmp.Or(checkText("version", k.CompleteOrchestration.GetNewVersion().GetValue()), checkTags(k.CompleteOrchestration.GetTags()))
	default:
		return nil
	}
}

func checkTags(tags map[string]string) error {
	for key, value := range tags {
		if err := cmp.Or(checkText("tag", key), checkText(fmt.Sprintf("value of tag %q:", key), value)); err != nil {
			return err
		}
	}
	return nil
}

func checkText(what, text string) error {
	if !utf8.ValidString(text) {
		return fmt.Errorf("%s %q is not valid UTF-8", what, text)
	}
	return nil
}
