package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

const (
	formatPCM        = 1
	formatExtensible = 0xfffe // the real format is then at byte 24
	mostHz           = 1_000_000
)

// wav is an open file, read up to where its samples begin.
type wav struct {
	samples io.Reader // 16-bit mono, as they lie in the file
	rateHz  int
}

// openWav says in its error which file it is that cannot be used, and why.
func openWav(file *os.File) (*wav, error) {
	opened, err := parseWav(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file.Name(), err)
	}
	return opened, nil
}

func parseWav(file io.Reader) (*wav, error) {
	var riff struct {
		Name [4]byte
		Size uint32
		Kind [4]byte
	}
	if binary.Read(file, binary.LittleEndian, &riff) != nil || string(riff.Name[:])+string(riff.Kind[:]) != "RIFFWAVE" {
		return nil, errors.New("not a WAV file")
	}
	rateHz := 0
	for {
		var chunk struct {
			Name [4]byte
			Size uint32
		}
		if binary.Read(file, binary.LittleEndian, &chunk) != nil {
			return nil, errors.New("a WAV file without samples")
		}
		content := io.LimitReader(file, int64(chunk.Size))
		switch string(chunk.Name[:]) {
		case "fmt ":
			var err error
			if rateHz, err = rateOf(content); err != nil {
				return nil, err
			}
		case "data":
			if rateHz == 0 {
				return nil, errors.New("a WAV file whose format does not come before its samples")
			}
			return &wav{content, rateHz}, nil
		}
		_, _ = io.Copy(io.Discard, content)
		_, _ = io.CopyN(io.Discard, file, int64(chunk.Size%2)) // chunks begin at even places
	}
}

func rateOf(format io.Reader) (int, error) {
	content, _ := io.ReadAll(io.LimitReader(format, 40))
	var fields struct {
		Format, Channels     uint16
		RateHz, BytesPerS    uint32
		FrameBytes, BitDepth uint16
	}
	err := binary.Read(bytes.NewReader(content), binary.LittleEndian, &fields)
	if fields.Format == formatExtensible && len(content) >= 26 {
		fields.Format = binary.LittleEndian.Uint16(content[24:])
	}
	if err != nil || fields.Format != formatPCM || fields.Channels != 1 || fields.BitDepth != 16 {
		return 0, errors.New("only WAV files with 16-bit mono PCM can be read")
	}
	if fields.RateHz == 0 || fields.RateHz > mostHz {
		return 0, fmt.Errorf("a WAV file of %d Hz", fields.RateHz)
	}
	return int(fields.RateHz), nil
}

// next returns the next milliseconds: fewer at the end, and nothing after it.
func (w *wav) next(milliseconds int) ([]byte, error) {
	piece := make([]byte, max(w.rateHz*milliseconds/1000, 1)*2)
	read, err := io.ReadFull(w.samples, piece)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = nil
	}
	return piece[:read/2*2], err
}
