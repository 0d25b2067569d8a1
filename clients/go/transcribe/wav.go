package main

import (
	"encoding/binary"
	"fmt"
	"os"
)

// readWav returns the samples of a 16-bit mono WAV file, as they lie in it, and their rate.
func readWav(file string) (pcm []byte, rateHz int, err error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, 0, err
	}
	if len(content) < 12 || string(content[:4]) != "RIFF" || string(content[8:12]) != "WAVE" {
		return nil, 0, fmt.Errorf("%s is not a WAV file", file)
	}
	for at := 12; at+8 <= len(content); {
		name, size := string(content[at:at+4]), int(binary.LittleEndian.Uint32(content[at+4:]))
		body := content[at+8 : min(at+8+size, len(content))]
		switch {
		case name == "fmt " && len(body) >= 16:
			format, channels := binary.LittleEndian.Uint16(body), binary.LittleEndian.Uint16(body[2:])
			if bits := binary.LittleEndian.Uint16(body[14:]); format != 1 || channels != 1 || bits != 16 {
				return nil, 0, fmt.Errorf("%s: only WAV files with 16-bit mono PCM", file)
			}
			rateHz = int(binary.LittleEndian.Uint32(body[4:]))
		case name == "data" && rateHz > 0:
			return body[:len(body)/2*2], rateHz, nil
		}
		at += 8 + size + size%2
	}
	return nil, 0, fmt.Errorf("%s: a WAV file without samples", file)
}
