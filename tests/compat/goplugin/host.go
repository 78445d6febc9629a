// A host made of Debian's go-plugin: launches a driver and makes the calls that it reads, one JSON object a line.
//
//	host DESCRIPTORS [-mtls] PROGRAM
//
// {"call": "/package.Service/Method", "request": {…}}                 → {"response": {…}} or {"code": 2, "error": "…"}
// {"stream": "/package.Service/Method", "send": [{…}], "until": 3}     → {"messages": [{…}], "code": 0, "error": ""}
// {"ping": true}, {"kill": true}                                       → {"error": ""}
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/dynamicpb"
)

type connection struct{ plugin.NetRPCUnsupportedPlugin }

func (connection) GRPCServer(*plugin.GRPCBroker, *grpc.Server) error { return nil }
func (connection) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, conn *grpc.ClientConn) (interface{}, error) {
	return conn, nil
}

type order struct {
	Call    string
	Request json.RawMessage
	Stream  string
	Send    []json.RawMessage
	Until   int
	Seconds float64
	Ping    bool
	Kill    bool
}

type answer struct {
	Response json.RawMessage   `json:"response,omitempty"`
	Messages []json.RawMessage `json:"messages,omitempty"`
	Code     int               `json:"code"`
	Error    string            `json:"error"`
	Details  int               `json:"details"`
}

func (a *answer) fail(err error) {
	if err == nil || err == io.EOF {
		return
	}
	found := status.Convert(err)
	a.Code, a.Error, a.Details = int(found.Code()), found.Message(), len(found.Proto().GetDetails())
}

func (o order) deadline() (context.Context, context.CancelFunc) {
	if o.Seconds == 0 {
		o.Seconds = 20
	}
	return context.WithTimeout(context.Background(), time.Duration(o.Seconds*float64(time.Second)))
}

func call(w *wire, conn *grpc.ClientConn, o order) (a answer) {
	method, err := w.method(o.Call)
	if err != nil {
		return answer{Code: -1, Error: err.Error()}
	}
	request, err := fromJSON(method.Input(), o.Request)
	if err != nil {
		return answer{Code: -1, Error: err.Error()}
	}
	response := dynamicpb.NewMessage(method.Output())
	ctx, cancel := o.deadline()
	defer cancel()
	if err := conn.Invoke(ctx, o.Call, request, response); err != nil {
		a.fail(err)
		return
	}
	a.Response = json.RawMessage(toJSON(response))
	return
}

func stream(w *wire, conn *grpc.ClientConn, o order) (a answer) {
	method, err := w.method(o.Stream)
	if err != nil {
		return answer{Code: -1, Error: err.Error()}
	}
	ctx, cancel := o.deadline()
	defer cancel()
	kind := &grpc.StreamDesc{ServerStreams: true, ClientStreams: method.IsStreamingClient()}
	opened, err := conn.NewStream(ctx, kind, o.Stream)
	if err != nil {
		a.fail(err)
		return
	}
	for _, text := range o.Send {
		frame, err := fromJSON(method.Input(), text)
		if err != nil {
			return answer{Code: -1, Error: err.Error()}
		}
		if err := opened.SendMsg(frame); err != nil {
			break
		}
	}
	if !method.IsStreamingClient() {
		opened.CloseSend()
	}
	for o.Until == 0 || len(a.Messages) < o.Until {
		message := dynamicpb.NewMessage(method.Output())
		if err := opened.RecvMsg(message); err != nil {
			a.fail(err)
			return
		}
		a.Messages = append(a.Messages, json.RawMessage(toJSON(message)))
	}
	return
}

func main() {
	w, err := loadWire(os.Args[1])
	if err != nil {
		panic(err)
	}
	mtls := os.Args[2] == "-mtls"
	client := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig:  plugin.HandshakeConfig{ProtocolVersion: 2, MagicCookieKey: cookieKey, MagicCookieValue: cookieValue},
		Plugins:          plugin.PluginSet{"driver": connection{}},
		Cmd:              exec.Command(os.Args[len(os.Args)-1]),
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		AutoMTLS:         mtls,
		Logger:           hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, Output: os.Stderr}),
	})
	defer client.Kill()
	protocol, err := client.Client()
	if err != nil {
		fmt.Println(`{"code": -1, "error": "launch: ` + err.Error() + `"}`)
		return
	}
	dispensed, err := protocol.Dispense("driver")
	if err != nil {
		panic(err)
	}
	conn := dispensed.(*grpc.ClientConn)
	reattach, _ := json.Marshal(client.ReattachConfig().Pid)
	fmt.Printf("{\"pid\": %s}\n", reattach)

	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 1<<20), 16<<20)
	for lines.Scan() {
		var o order
		var a answer
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			a.Error = err.Error()
		} else if o.Call != "" {
			a = call(w, conn, o)
		} else if o.Stream != "" {
			a = stream(w, conn, o)
		} else if o.Ping {
			a.fail(protocol.Ping())
		} else if o.Kill {
			client.Kill()
		}
		text, _ := json.Marshal(a)
		fmt.Println(string(text))
	}
}
