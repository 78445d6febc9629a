// The messages of the driver protocol, made from a descriptor set instead of generated code, and a codec for them.
package main

import (
	"fmt"
	"io/ioutil"

	v1proto "github.com/golang/protobuf/proto"
	"google.golang.org/grpc/encoding"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

const (
	baseService   = "hashicorp.nomad.plugins.base.proto.BasePlugin"
	driverService = "hashicorp.nomad.plugins.drivers.proto.Driver"
	cookieKey     = "NOMAD_PLUGIN_MAGIC_COOKIE"
	cookieValue   = "e4327c2e01eabfd75a8a67adb114fb34a757d57eee7728d857a8cec6e91a7255"
)

type wire struct{ files *protoregistry.Files }

func loadWire(path string) (*wire, error) {
	data, err := ioutil.ReadFile(path)
	if err != nil {
		return nil, err
	}
	set := &descriptorpb.FileDescriptorSet{}
	if err := proto.Unmarshal(data, set); err != nil {
		return nil, err
	}
	files, err := protodesc.NewFiles(set)
	return &wire{files}, err
}

func (w *wire) service(name string) protoreflect.ServiceDescriptor {
	found, err := w.files.FindDescriptorByName(protoreflect.FullName(name))
	if err != nil {
		panic(err)
	}
	return found.(protoreflect.ServiceDescriptor)
}

// method finds "/package.Service/Method".
func (w *wire) method(path string) (protoreflect.MethodDescriptor, error) {
	for i := len(path) - 1; i > 0; i-- {
		if path[i] != '/' {
			continue
		}
		found, err := w.files.FindDescriptorByName(protoreflect.FullName(path[1:i] + "." + path[i+1:]))
		if err != nil {
			return nil, err
		}
		return found.(protoreflect.MethodDescriptor), nil
	}
	return nil, fmt.Errorf("no method %q", path)
}

func fromJSON(descriptor protoreflect.MessageDescriptor, text []byte) (*dynamicpb.Message, error) {
	message := dynamicpb.NewMessage(descriptor)
	if len(text) == 0 {
		return message, nil
	}
	return message, protojson.Unmarshal(text, message)
}

func toJSON(message *dynamicpb.Message) string {
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(message)
	if err != nil {
		return fmt.Sprintf("%q", err.Error())
	}
	return string(text)
}

// codec serves our dynamic messages and the generated ones of go-plugin itself.
type codec struct{}

func (codec) Name() string { return "proto" }

func (codec) Marshal(v interface{}) ([]byte, error) {
	if message, ok := v.(*dynamicpb.Message); ok {
		return proto.Marshal(message)
	}
	return v1proto.Marshal(v.(v1proto.Message))
}

func (codec) Unmarshal(data []byte, v interface{}) error {
	if message, ok := v.(*dynamicpb.Message); ok {
		return proto.Unmarshal(data, message)
	}
	return v1proto.Unmarshal(data, v.(v1proto.Message))
}

func init() { encoding.RegisterCodec(codec{}) }
