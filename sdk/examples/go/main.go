// A task driver in Go, from the .proto files and the documentation alone: runs a script with /bin/sh.
//
// main.go is the plugin (handshake, TLS, the services that every plugin has), driver.go the driver, task.go a task,
// supervise.go the parent of each task.
package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"hello/base"
	"hello/drivers"
	"hello/health"
	"hello/plugin"
)

const (
	name       = "hello_go"
	version    = "0.1.0"
	cookie     = "e4327c2e01eabfd75a8a67adb114fb34a757d57eee7728d857a8cec6e91a7255"
	messageMax = 64 << 20
)

// logLine writes a line as hosts read it.
func logLine(level, message string) {
	line, _ := json.Marshal(map[string]string{"@level": level, "@message": message, "@timestamp": time.Now().UTC().Format("2006-01-02T15:04:05.000000Z")})
	os.Stderr.Write(append(line, '\n'))
}

type healthServer struct{ health.UnimplementedHealthServer }

func (healthServer) Check(_ context.Context, request *health.HealthCheckRequest) (*health.HealthCheckResponse, error) {
	if request.Service != "" && request.Service != "plugin" {
		return nil, status.Error(codes.NotFound, "unknown service")
	}
	return &health.HealthCheckResponse{Status: health.HealthCheckResponse_SERVING}, nil
}

type controller struct {
	plugin.UnimplementedGRPCControllerServer
	path string
}

// Shutdown ends the process whatever streams are open; tasks go on.
func (c controller) Shutdown(context.Context, *plugin.Empty) (*plugin.Empty, error) {
	time.AfterFunc(100*time.Millisecond, func() {
		os.Remove(c.path)
		os.Exit(0)
	})
	return &plugin.Empty{}, nil
}

type stdio struct{ plugin.UnimplementedGRPCStdioServer }

func (stdio) StreamStdio(_ *emptypb.Empty, stream plugin.GRPCStdio_StreamStdioServer) error {
	<-stream.Context().Done()
	return nil
}

type broker struct{ plugin.UnimplementedGRPCBrokerServer }

func (broker) StartStream(stream plugin.GRPCBroker_StartStreamServer) error {
	<-stream.Context().Done()
	return nil
}

// secured makes a certificate for this process and trusts the host's alone.
func secured(theirs string) (credentials.TransportCredentials, string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, "", err
	}
	number, _ := rand.Int(rand.Reader, big.NewInt(1<<62))
	template := &x509.Certificate{
		SerialNumber: number, Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().AddDate(10, 0, 0), IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment | x509.KeyUsageKeyAgreement | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, "", err
	}
	trusted := x509.NewCertPool()
	if !trusted.AppendCertsFromPEM([]byte(theirs)) {
		return nil, "", fmt.Errorf("PLUGIN_CLIENT_CERT is no certificate")
	}
	config := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, ClientCAs: trusted, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12}
	return credentials.NewTLS(config), base64.RawStdEncoding.EncodeToString(der), nil
}

func socketFolder() string {
	for _, variable := range []string{"PLUGIN_UNIX_SOCKET_DIR", "TMPDIR"} {
		if folder := os.Getenv(variable); folder != "" {
			return folder
		}
	}
	return "/tmp"
}

func serve() error {
	path := fmt.Sprintf("%s/plugin%d", socketFolder(), os.Getpid())
	options := []grpc.ServerOption{grpc.MaxRecvMsgSize(messageMax)}
	ours := ""
	if theirs := os.Getenv("PLUGIN_CLIENT_CERT"); theirs != "" {
		secure, der, err := secured(theirs)
		if err != nil {
			return err
		}
		ours, options = der, append(options, grpc.Creds(secure))
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	server := grpc.NewServer(options...)
	base.RegisterBasePluginServer(server, baseServer{})
	drivers.RegisterDriverServer(server, newDriver())
	health.RegisterHealthServer(server, healthServer{})
	plugin.RegisterGRPCControllerServer(server, controller{path: path})
	plugin.RegisterGRPCStdioServer(server, stdio{})
	plugin.RegisterGRPCBrokerServer(server, broker{})
	line := "1|2|unix|" + path + "|grpc|" + ours
	if os.Getenv("PLUGIN_MULTIPLEX_GRPC") != "" {
		line += "|false"
	}
	fmt.Println(line)
	return server.Serve(listener)
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == "supervise" {
		supervise(os.Args[2])
	}
	if os.Getenv("NOMAD_PLUGIN_MAGIC_COOKIE") != cookie {
		fmt.Fprintf(os.Stderr, "This is the task driver '%s', a plugin: an agent launches it, people do not.\n", name)
		os.Exit(1)
	}
	// Ctrl-C at the agent's terminal is for the agent; a log that nobody reads is no reason to end. Caught, not ignored: tasks
	// would inherit that.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGINT, syscall.SIGPIPE)
	if err := serve(); err != nil {
		logLine("error", err.Error())
		os.Exit(1)
	}
}
