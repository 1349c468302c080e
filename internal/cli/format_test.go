package cli

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"testing"
)

// laterFormat makes a file one of the format that comes after its own: wherever the format stands,
// with its CRC, the next number is written.
func laterFormat(t *testing.T, file []byte) []byte {
	stored := func(format uint32) []byte {
		number := binary.BigEndian.AppendUint32(nil, format)
		crc := crc32.Checksum(append([]byte("format"), number...), crc32.MakeTable(crc32.Castagnoli))
		return binary.LittleEndian.AppendUint32(number, crc)
	}
	for format := uint32(1); format < 100; format++ {
		if bytes.Contains(file, stored(format)) {
			return bytes.ReplaceAll(file, stored(format), stored(format+1))
		}
	}
	t.Fatal("the format is not found in the file")
	return nil
}
