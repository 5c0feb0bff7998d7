// Command grpc is a gRPC server for the engine, to compare its calls with those through the C API.
//
// CheckSignatures(rootDir) returns an empty string if all files are verified, and otherwise a line for
// each problem. Nothing returns immediately. The server listens on a local port, prints the port's number,
// and exits when its standard input is closed.
//
// The messages are the StringValue and Empty of protobuf, so that no code has to be generated. The bytes
// sent are the same as with generated code.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"checksig/internal/verify"
)

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer()
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "checksig.Signatures",
		HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{
			{MethodName: "CheckSignatures", Handler: unary(checkSignatures)},
			{MethodName: "Nothing", Handler: unary(nothing)},
		},
	}, nil)
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	log.Fatal(server.Serve(listener))
}

// unary returns a handler like those that protoc-gen-go-grpc generates.
func unary[In, Out any](call func(context.Context, *In) (*Out, error)) grpc.MethodHandler {
	return func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		in := new(In)
		if err := decode(in); err != nil {
			return nil, err
		}
		return call(ctx, in)
	}
}

func nothing(context.Context, *emptypb.Empty) (*emptypb.Empty, error) { return new(emptypb.Empty), nil }

func checkSignatures(ctx context.Context, root *wrapperspb.StringValue) (*wrapperspb.StringValue, error) {
	if err := verify.CheckSignatures(ctx, root.GetValue()); err != nil {
		return wrapperspb.String(err.Error()), nil
	}
	return wrapperspb.String(""), nil
}
