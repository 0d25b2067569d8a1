// transcribe streams a WAV file to an Amira server and prints each final result on a line of its own.
//
//	transcribe HOST:PORT FILE.wav
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	asr "amira.internal/go/amira/asr/v1"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: transcribe HOST:PORT FILE.wav")
		os.Exit(2)
	}
	if err := transcribe(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, explain(err))
		os.Exit(1)
	}
}

func transcribe(address, name string) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	audio, err := openWav(file)
	if err != nil {
		return err
	}
	connection, err := grpc.NewClient(address,
		grpc.WithTransportCredentials(insecure.NewCredentials()), // credentials.NewTLS(nil) for TLS
		// Finds a dead connection; the server allows one ping in 20 s.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}))
	if err != nil {
		return err
	}
	defer connection.Close()

	// No deadline: it would cover the whole stream. Cancelling ends the sending whenever the reading ends.
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if key := os.Getenv("AMIRA_API_KEY"); key != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+key)
	}
	stream, err := asr.NewSpeechClient(connection).StreamingRecognize(ctx)
	if err != nil {
		return err
	}
	// Ctrl-C ends the audio, and the last final still comes; a second one ends the program.
	interrupted, stop := signal.NotifyContext(ctx, os.Interrupt)
	context.AfterFunc(interrupted, stop)
	sent := make(chan error, 1)
	go func() { sent <- send(interrupted, stream, audio) }() // while results are read here

	for {
		response, err := stream.Recv()
		if err == io.EOF {
			return <-sent // status OK: all finals have come
		}
		if err != nil {
			return err
		}
		result := response.GetResult()
		if len(result.GetAlternatives()) == 0 {
			continue // not a result
		}
		if text := result.Alternatives[0].Text; result.IsFinal {
			fmt.Println(text)
		} else {
			fmt.Fprintln(os.Stderr, "...", text)
		}
	}
}

// send returns what went wrong with the file; what went wrong with the call is the status that Recv gives.
func send(interrupted context.Context, stream asr.Speech_StreamingRecognizeClient, audio *wav) error {
	defer func() { _ = stream.CloseSend() }() // no audio follows: the last final comes, then status OK
	config := &asr.RecognitionConfig{
		Encoding:       asr.AudioEncoding_AUDIO_ENCODING_LINEAR16,
		SampleRateHz:   int32(audio.rateHz),
		InterimResults: true,
	}
	request := &asr.StreamingRecognizeRequest{Request: &asr.StreamingRecognizeRequest_Config{Config: config}}
	offset := int64(0) // in samples
	for stream.Send(request) == nil && interrupted.Err() == nil {
		piece, err := audio.next(100)
		if err != nil || len(piece) == 0 {
			return err
		}
		chunk := &asr.AudioChunk{Content: piece, Offset: proto.Int64(offset)}
		request = &asr.StreamingRecognizeRequest{Request: &asr.StreamingRecognizeRequest_Audio{Audio: chunk}}
		offset += int64(len(piece) / 2)
	}
	return nil
}

// explain gives the status with what Amira adds to it: the reason, and when to try again.
func explain(err error) string {
	text := err.Error()
	for _, detail := range status.Convert(err).Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			text += fmt.Sprintf("\nreason: %s", detail.Reason)
		case *errdetails.RetryInfo:
			text += fmt.Sprintf("\ntry again in %s", detail.RetryDelay.AsDuration())
		}
	}
	return text
}
