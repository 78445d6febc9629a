package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"hello/base"
	"hello/drivers"
	"hello/hclspec"
	"hello/structs"
)

const handleVersion = 1

// refused is what a caller is told. Other codes make hosts think that the driver died.
func refused(format string, values ...interface{}) error {
	return status.Errorf(codes.Unknown, format, values...)
}

type baseServer struct{ base.UnimplementedBasePluginServer }

func (baseServer) PluginInfo(context.Context, *base.PluginInfoRequest) (*base.PluginInfoResponse, error) {
	return &base.PluginInfoResponse{Type: base.PluginType_DRIVER, PluginApiVersions: []string{"v0.1.0"}, PluginVersion: version, Name: name}, nil
}

func (baseServer) ConfigSchema(context.Context, *base.ConfigSchemaRequest) (*base.ConfigSchemaResponse, error) {
	return &base.ConfigSchemaResponse{}, nil
}

func (baseServer) SetConfig(_ context.Context, request *base.SetConfigRequest) (*base.SetConfigResponse, error) {
	if len(request.MsgpackConfig) > 0 {
		if _, err := unpack(request.MsgpackConfig); err != nil {
			return nil, refused("plugin config: %v", err)
		}
	}
	return &base.SetConfigResponse{}, nil
}

type driver struct {
	drivers.UnimplementedDriverServer
	mutex sync.Mutex
	tasks map[string]*task // nil: it is being started
}

func newDriver() *driver { return &driver{tasks: map[string]*task{}} }

func (d *driver) find(id string) (*task, error) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if found := d.tasks[id]; found != nil {
		return found, nil
	}
	return nil, refused("task not found for given id")
}

func (d *driver) Init(context.Context, *drivers.InitRequest) (*drivers.InitResponse, error) {
	return &drivers.InitResponse{}, nil
}

func (d *driver) Shutdown(context.Context, *drivers.ShutdownRequest) (*drivers.ShutdownResponse, error) {
	return &drivers.ShutdownResponse{}, nil
}

func (d *driver) TaskConfigSchema(context.Context, *drivers.TaskConfigSchemaRequest) (*drivers.TaskConfigSchemaResponse, error) {
	script := &hclspec.Spec{Block: &hclspec.Spec_Attr{Attr: &hclspec.Attr{Name: "script", Type: "string", Required: true}}}
	object := &hclspec.Object{Attributes: map[string]*hclspec.Spec{"script": script}}
	return &drivers.TaskConfigSchemaResponse{Spec: &hclspec.Spec{Block: &hclspec.Spec_Object{Object: object}}}, nil
}

func (d *driver) Capabilities(context.Context, *drivers.CapabilitiesRequest) (*drivers.CapabilitiesResponse, error) {
	return &drivers.CapabilitiesResponse{Capabilities: &drivers.DriverCapabilities{SendSignals: true}}, nil
}

func (d *driver) Fingerprint(_ *drivers.FingerprintRequest, stream drivers.Driver_FingerprintServer) error {
	here := &structs.Attribute{Value: &structs.Attribute_BoolVal{BoolVal: true}}
	answer := &drivers.FingerprintResponse{Health: drivers.FingerprintResponse_HEALTHY, HealthDescription: "Healthy", Attributes: map[string]*structs.Attribute{"driver." + name: here}}
	if err := stream.Send(answer); err != nil {
		return err
	}
	<-stream.Context().Done()
	return nil
}

func (d *driver) TaskEvents(_ *drivers.TaskEventsRequest, stream drivers.Driver_TaskEventsServer) error {
	<-stream.Context().Done()
	return nil
}

func (d *driver) StartTask(_ context.Context, request *drivers.StartTaskRequest) (*drivers.StartTaskResponse, error) {
	config := request.GetTask()
	if config.GetId() == "" || config.AllocDir == "" || config.Name == "" {
		return nil, refused("the task has no id, name or folder")
	}
	script, err := scriptOf(config.MsgpackDriverConfig)
	if err != nil {
		return nil, refused("config: %v", err)
	}
	d.mutex.Lock()
	_, known := d.tasks[config.Id]
	if !known {
		d.tasks[config.Id] = nil
	}
	d.mutex.Unlock()
	if known {
		return nil, refused("task '%s' is already started", config.Id)
	}

	folder := filepath.Join(config.AllocDir, config.Name)
	made, err := startTask(filepath.Join(folder, "private", name), spec{
		Argv: []string{"/bin/sh", "-c", script}, Env: pairs(config.Env), Cwd: folder, Stdout: config.StdoutPath, Stderr: config.StderrPath})
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if err != nil {
		delete(d.tasks, config.Id)
		return nil, refused("start /bin/sh: %v", err)
	}
	made.name = config.Name
	d.tasks[config.Id] = made
	handle := &drivers.TaskHandle{Version: handleVersion, Config: config, State: drivers.TaskState_RUNNING, DriverState: []byte(made.state)}
	return &drivers.StartTaskResponse{Result: drivers.StartTaskResponse_SUCCESS, Handle: handle}, nil
}

func (d *driver) RecoverTask(_ context.Context, request *drivers.RecoverTaskRequest) (*drivers.RecoverTaskResponse, error) {
	handle := request.GetHandle()
	id := handle.GetConfig().GetId()
	if id == "" {
		return nil, refused("the handle has no configuration")
	}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.tasks[id] != nil {
		return &drivers.RecoverTaskResponse{}, nil
	}
	if handle.Version != handleVersion {
		return nil, refused("the handle has version %d, this driver knows %d", handle.Version, handleVersion)
	}
	found, err := openTask(string(handle.DriverState))
	if err != nil {
		return nil, refused("recover '%s': %v", id, err)
	}
	found.name = handle.Config.Name
	d.tasks[id] = found
	return &drivers.RecoverTaskResponse{}, nil
}

func (d *driver) WaitTask(ctx context.Context, request *drivers.WaitTaskRequest) (*drivers.WaitTaskResponse, error) {
	t, err := d.find(request.TaskId)
	if err != nil {
		return nil, err
	}
	select {
	case <-t.ended:
		return &drivers.WaitTaskResponse{Result: t.result(), Err: t.problem}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (d *driver) StopTask(_ context.Context, request *drivers.StopTaskRequest) (*drivers.StopTaskResponse, error) {
	t, err := d.find(request.TaskId)
	if err != nil {
		return nil, err
	}
	number, known := signalNumber(request.Signal)
	if !known {
		number = syscall.SIGTERM
	}
	t.stop(number, request.GetTimeout().AsDuration())
	return &drivers.StopTaskResponse{}, nil
}

func (d *driver) DestroyTask(_ context.Context, request *drivers.DestroyTaskRequest) (*drivers.DestroyTaskResponse, error) {
	t, err := d.find(request.TaskId)
	if err != nil {
		return nil, err
	}
	if !t.hasEnded() {
		if !request.Force {
			return nil, refused("cannot destroy a running task without force")
		}
		t.stop(syscall.SIGKILL, 0)
	}
	os.RemoveAll(t.state)
	d.mutex.Lock()
	delete(d.tasks, request.TaskId)
	d.mutex.Unlock()
	return &drivers.DestroyTaskResponse{}, nil
}

func (d *driver) InspectTask(_ context.Context, request *drivers.InspectTaskRequest) (*drivers.InspectTaskResponse, error) {
	t, err := d.find(request.TaskId)
	if err != nil {
		return nil, err
	}
	answer := &drivers.TaskStatus{Id: request.TaskId, Name: t.name, State: drivers.TaskState_RUNNING, StartedAt: timestamppb.New(t.started.At), CompletedAt: timestamppb.New(time.Unix(0, 0)), Result: &drivers.ExitResult{}}
	if t.hasEnded() {
		answer.State, answer.CompletedAt, answer.Result = drivers.TaskState_EXITED, timestamppb.New(t.exit.At), t.result()
	}
	return &drivers.InspectTaskResponse{Task: answer, Driver: &drivers.TaskDriverStatus{}}, nil
}

func (d *driver) SignalTask(_ context.Context, request *drivers.SignalTaskRequest) (*drivers.SignalTaskResponse, error) {
	t, err := d.find(request.TaskId)
	if err != nil {
		return nil, err
	}
	number, known := signalNumber(request.Signal)
	if !known || request.Signal == "" {
		return nil, refused("unknown signal '%s'", request.Signal)
	}
	if t.hasEnded() {
		return nil, refused("the task has ended")
	}
	t.send(number)
	return &drivers.SignalTaskResponse{}, nil
}

func (d *driver) TaskStats(request *drivers.TaskStatsRequest, stream drivers.Driver_TaskStatsServer) error {
	t, err := d.find(request.TaskId)
	if err != nil {
		return err
	}
	interval := request.GetCollectionInterval().AsDuration()
	if interval <= 0 {
		interval = time.Second
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	before, at := t.usage(), time.Now()
	for {
		select {
		case <-t.ended:
			return nil
		case <-stream.Context().Done():
			return nil
		case <-ticker.C:
		}
		used, now := t.usage(), time.Now()
		percent := func(from, to float64) float64 { return max(to-from, 0) / now.Sub(at).Seconds() * 100 }
		user, system := percent(before.user, used.user), percent(before.system, used.system)
		total := &drivers.TaskResourceUsage{
			Memory: &drivers.MemoryUsage{Rss: used.resident, MeasuredFields: []drivers.MemoryUsage_Fields{drivers.MemoryUsage_RSS}},
			Cpu: &drivers.CPUUsage{UserMode: user, SystemMode: system, Percent: user + system,
				MeasuredFields: []drivers.CPUUsage_Fields{drivers.CPUUsage_USER_MODE, drivers.CPUUsage_SYSTEM_MODE, drivers.CPUUsage_PERCENT}}}
		before, at = used, now
		if err := stream.Send(&drivers.TaskStatsResponse{Stats: &drivers.TaskStats{Id: request.TaskId, Timestamp: timestamppb.Now(), AggResourceUsage: total}}); err != nil {
			return err
		}
	}
}

func pairs(variables map[string]string) []string {
	out := []string{}
	for key, value := range variables {
		out = append(out, key+"="+value)
	}
	return out
}

func scriptOf(packed []byte) (string, error) {
	value, err := unpack(packed)
	if err != nil {
		return "", err
	}
	config, isMap := value.(map[string]interface{})
	if !isMap {
		return "", fmt.Errorf("expected a map")
	}
	script, there := config["script"]
	if !there || script == nil {
		return "", fmt.Errorf("'script' is required")
	}
	text, isText := script.(string)
	if !isText {
		return "", fmt.Errorf("'script' must be a string")
	}
	return text, nil
}
