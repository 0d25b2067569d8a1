// transcribe streams a WAV file to an Amira server and prints each final result on a line of its own.
//
//	transcribe HOST:PORT FILE.wav
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

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

func transcribe(address, file string) error {
	pcm, rateHz, err := readWav(file)
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
	go send(stream, pcm, rateHz) // while results are read here

	for {
		response, err := stream.Recv()
		if err == io.EOF {
			return nil // status OK: all finals have come
		}
		if err != nil {
			return err
		}
		if result := response.GetResult(); result.GetIsFinal() {
			fmt.Println(result.Alternatives[0].Text)
		} else if result != nil {
			fmt.Fprintf(os.Stderr, "... %s\n", result.Alternatives[0].Text)
		}
	}
}

// send stops at the first error: what went wrong is the status that Recv gives.
func send(stream asr.Speech_StreamingRecognizeClient, pcm []byte, rateHz int) {
	config := &asr.RecognitionConfig{
		Encoding:       asr.AudioEncoding_AUDIO_ENCODING_LINEAR16,
		SampleRateHz:   int32(rateHz),
		InterimResults: true,
	}
	err := stream.Send(&asr.StreamingRecognizeRequest{
		Request: &asr.StreamingRecognizeRequest_Config{Config: config},
	})
	step := rateHz / 10 * 2 // bytes of 100 ms
	for begin := 0; begin < len(pcm) && err == nil; begin += step {
		offset := int64(begin / 2)
		chunk := &asr.AudioChunk{Content: pcm[begin:min(begin+step, len(pcm))], Offset: &offset}
		err = stream.Send(&asr.StreamingRecognizeRequest{
			Request: &asr.StreamingRecognizeRequest_Audio{Audio: chunk},
		})
	}
	if err == nil {
		_ = stream.CloseSend() // no audio follows: the last final comes, then status OK
	}
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
