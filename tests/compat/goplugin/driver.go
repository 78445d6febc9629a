// A task driver made of Debian's go-plugin, for our host: runs `sh -c command` as children of its own.
package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

const schema = `{"spec": {"object": {"attributes": {"command": {"Attr": {"name": "command", "type": "string", "required": true}}}}}}`

type task struct {
	cmd    *exec.Cmd
	ended  chan struct{}
	code   int
	signal int
}

type driver struct {
	plugin.NetRPCUnsupportedPlugin
	wire   *wire
	mutex  sync.Mutex
	tasks  map[string]*task
	events chan string
}

func field(m protoreflect.Message, name string) protoreflect.Value {
	return m.Get(m.Descriptor().Fields().ByName(protoreflect.Name(name)))
}

// command reads the one member of our configuration: a map of one, a short key, a text of any length.
func command(config []byte) (string, error) {
	if len(config) < 10 || config[0] != 0x81 || string(config[1:9]) != "\xa7command" {
		return "", fmt.Errorf("failed to decode driver config: %x", config)
	}
	rest := config[9:]
	switch {
	case rest[0]&0xe0 == 0xa0:
		return string(rest[1:]), nil
	case rest[0] == 0xd9:
		return string(rest[2:]), nil
	case rest[0] == 0xda:
		return string(rest[3:]), nil
	}
	return "", fmt.Errorf("failed to decode driver config: %x", config)
}

func (d *driver) find(id string) (*task, error) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if found, ok := d.tasks[id]; ok {
		return found, nil
	}
	return nil, status.Error(codes.Unknown, "task not found for given id")
}

func (d *driver) start(request protoreflect.Message) (string, error) {
	config := field(request, "task").Message()
	id := field(config, "id").String()
	line, err := command(field(config, "msgpack_driver_config").Bytes())
	if err != nil {
		return "", err
	}
	t := &task{cmd: exec.Command("/bin/sh", "-c", line), ended: make(chan struct{})}
	t.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	t.cmd.Stdout, _ = os.OpenFile(field(config, "stdout_path").String(), os.O_WRONLY, 0)
	config.Get(config.Descriptor().Fields().ByName("env")).Map().Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
		t.cmd.Env = append(t.cmd.Env, k.String()+"="+v.String())
		return true
	})
	if err := t.cmd.Start(); err != nil {
		return "", err
	}
	go func() {
		t.cmd.Wait()
		end := t.cmd.ProcessState.Sys().(syscall.WaitStatus)
		t.code = end.ExitStatus()
		if end.Signaled() {
			t.signal = int(end.Signal())
			t.code = 128 + t.signal
		}
		close(t.ended)
	}()
	d.mutex.Lock()
	d.tasks[id] = t
	d.mutex.Unlock()
	fmt.Println("a line on standard output that a host must drain")
	select {
	case d.events <- fmt.Sprintf(`{"task_id": %q, "task_name": %q, "message": "started"}`, id, field(config, "name").String()):
	default:
	}
	echo, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(config.Interface())
	state := strconv.Itoa(t.cmd.Process.Pid)
	return fmt.Sprintf(`{"handle": {"version": 1, "state": "RUNNING", "config": %s, "driver_state": %q}}`, echo, base64.StdEncoding.EncodeToString([]byte(state))), err
}

func (d *driver) answer(ctx context.Context, method string, request protoreflect.Message) (string, error) {
	id := ""
	if named := request.Descriptor().Fields().ByName("task_id"); named != nil {
		id = request.Get(named).String()
	}
	switch method {
	case "PluginInfo":
		return `{"type": "DRIVER", "plugin_api_versions": ["v0.1.0"], "plugin_version": "0.1.0", "name": "go-shell"}`, nil
	case "ConfigSchema", "SetConfig":
		return `{}`, nil
	case "TaskConfigSchema":
		return schema, nil
	case "Capabilities":
		return `{"capabilities": {"send_signals": true}}`, nil
	case "StartTask":
		return d.start(request)
	case "WaitTask":
		t, err := d.find(id)
		if err != nil {
			return "", err
		}
		select {
		case <-t.ended:
			return fmt.Sprintf(`{"result": {"exit_code": %d, "signal": %d}}`, t.code, t.signal), nil
		case <-ctx.Done():
			return "", ctx.Err()
		}
	case "StopTask", "SignalTask", "DestroyTask":
		t, err := d.find(id)
		if err != nil {
			return "", err
		}
		if method == "DestroyTask" {
			syscall.Kill(-t.cmd.Process.Pid, syscall.SIGKILL)
			d.mutex.Lock()
			delete(d.tasks, id)
			d.mutex.Unlock()
			return `{}`, nil
		}
		if method == "SignalTask" {
			return `{}`, t.cmd.Process.Signal(syscall.SIGUSR1)
		}
		syscall.Kill(-t.cmd.Process.Pid, syscall.SIGTERM)
		<-t.ended
		return `{}`, nil
	}
	return "", status.Error(codes.Unimplemented, "no "+method)
}

func (d *driver) stream(ctx context.Context, method string, send func(string) error) error {
	if method == "Fingerprint" {
		send(`{"health": "HEALTHY", "health_description": "Healthy", "attributes": {"driver.go-shell": {"bool_val": true}}}`)
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case event := <-d.events:
			if method == "TaskEvents" {
				send(event)
			}
		case <-time.After(time.Second):
			if method == "TaskStats" {
				send(`{"stats": {"timestamp": "2026-01-01T00:00:00Z", "agg_resource_usage": {"memory": {"rss": "4096", "measured_fields": ["RSS"]}}}}`)
			}
		}
	}
}

func (d *driver) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (interface{}, error) {
	return nil, nil
}

func (d *driver) GRPCServer(_ *plugin.GRPCBroker, server *grpc.Server) error {
	for _, name := range []string{baseService, driverService} {
		service := d.wire.service(name)
		described := &grpc.ServiceDesc{ServiceName: name, HandlerType: (*interface{})(nil)}
		for i := 0; i < service.Methods().Len(); i++ {
			d.add(described, service.Methods().Get(i))
		}
		server.RegisterService(described, d)
	}
	return nil
}

func (d *driver) add(service *grpc.ServiceDesc, method protoreflect.MethodDescriptor) {
	name := string(method.Name())
	if method.IsStreamingClient() {
		return
	}
	if method.IsStreamingServer() {
		service.Streams = append(service.Streams, grpc.StreamDesc{StreamName: name, ServerStreams: true,
			Handler: func(_ interface{}, s grpc.ServerStream) error {
				request := dynamicpb.NewMessage(method.Input())
				if err := s.RecvMsg(request); err != nil {
					return err
				}
				return d.stream(s.Context(), name, func(text string) error {
					message, err := fromJSON(method.Output(), []byte(text))
					if err != nil {
						return err
					}
					return s.SendMsg(message)
				})
			}})
		return
	}
	service.Methods = append(service.Methods, grpc.MethodDesc{MethodName: name,
		Handler: func(_ interface{}, ctx context.Context, decode func(interface{}) error, _ grpc.UnaryServerInterceptor) (interface{}, error) {
			request := dynamicpb.NewMessage(method.Input())
			if err := decode(request); err != nil {
				return nil, err
			}
			text, err := d.answer(ctx, name, request)
			if err != nil {
				return nil, err
			}
			return fromJSON(method.Output(), []byte(text))
		}})
}

func main() {
	w, err := loadWire(os.Getenv("DROVER_DESCRIPTORS"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "no descriptors:", err)
		os.Exit(1)
	}
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: plugin.HandshakeConfig{ProtocolVersion: 2, MagicCookieKey: cookieKey, MagicCookieValue: cookieValue},
		Plugins:         plugin.PluginSet{"driver": &driver{wire: w, tasks: map[string]*task{}, events: make(chan string, 16)}},
		GRPCServer:      plugin.DefaultGRPCServer,
		Logger:          hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, Output: os.Stderr, JSONFormat: true}),
	})
}
