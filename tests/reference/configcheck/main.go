// Command configcheck asks the real kube-scheduler what it makes of a
// configuration.
//
// It reads one JSON object a line, {"id", "config"}, config being the text of a
// KubeSchedulerConfiguration, and writes one line each: "errors", what loading,
// validation and the making of the profiles say (the first of them that objects),
// or "plugins", the plugins of each profile by extension point, in order, with
// their weights.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/tools/events"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/cmd/kube-scheduler/app/options"
	"k8s.io/kubernetes/pkg/scheduler"
	"k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/validation"
)

// Question is one configuration.
type Question struct {
	ID     string `json:"id"`
	Config string `json:"config"`
}

// Plugins maps an extension point to [name, weight] pairs.
type Plugins map[string][][2]any

// Answer is what kube-scheduler makes of it.
type Answer struct {
	ID      string             `json:"id"`
	Errors  []string           `json:"errors,omitempty"`
	Plugins map[string]Plugins `json:"plugins,omitempty"`
}

func plugins(p *config.Plugins) Plugins {
	sets := map[string]config.PluginSet{
		"queueSort": p.QueueSort, "preEnqueue": p.PreEnqueue, "preFilter": p.PreFilter, "filter": p.Filter,
		"postFilter": p.PostFilter, "preScore": p.PreScore, "score": p.Score, "reserve": p.Reserve,
		"permit": p.Permit, "preBind": p.PreBind, "bind": p.Bind, "postBind": p.PostBind,
		"placementGenerate": p.PlacementGenerate, "placementScore": p.PlacementScore,
	}
	out := Plugins{}
	for point, set := range sets {
		out[point] = [][2]any{}
		for _, plugin := range set.Enabled {
			out[point] = append(out[point], [2]any{plugin.Name, plugin.Weight})
		}
	}
	return out
}

func load(text string) (*config.KubeSchedulerConfiguration, error) {
	file, err := os.CreateTemp("", "config-*.yaml")
	if err != nil {
		return nil, err
	}
	defer os.Remove(file.Name())
	if _, err := file.WriteString(text); err != nil {
		return nil, err
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	return options.LoadConfigFromFile(klog.Background(), file.Name())
}

func ask(q Question) (a Answer) {
	a.ID = q.ID
	defer func() {
		if r := recover(); r != nil {
			a.Errors = []string{fmt.Sprintf("panic: %v", r)}
		}
	}()
	cfg, err := load(q.Config)
	if err != nil {
		a.Errors = []string{err.Error()}
		return
	}
	if errs := validation.ValidateKubeSchedulerConfiguration(cfg); errs != nil {
		for _, err := range errs.Errors() {
			a.Errors = append(a.Errors, err.Error())
		}
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	client := fake.NewSimpleClientset()
	sched, err := scheduler.New(ctx, client, scheduler.NewInformerFactory(client, 0), nil,
		func(string) events.EventRecorderLogger { return silent{events.NewFakeRecorder(1)} },
		scheduler.WithProfiles(cfg.Profiles...), scheduler.WithExtenders(cfg.Extenders...))
	if err != nil {
		a.Errors = []string{err.Error()}
		return
	}
	a.Plugins = map[string]Plugins{}
	for name, profile := range sched.Profiles {
		a.Plugins[name] = plugins(profile.ListPlugins())
	}
	return
}

type silent struct{ *events.FakeRecorder }

func (silent) Eventf(runtime.Object, runtime.Object, string, string, string, string, ...interface{}) {
}
func (s silent) WithLogger(klog.Logger) events.EventRecorderLogger { return s }

func main() {
	klog.LogToStderr(false)
	klog.SetOutput(nowhere{})
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<24)
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for in.Scan() {
		var q Question
		if err := json.Unmarshal(in.Bytes(), &q); err != nil {
			out.Encode(Answer{Errors: []string{err.Error()}})
			continue
		}
		out.Encode(ask(q))
	}
}

type nowhere struct{}

func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
