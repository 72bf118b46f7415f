package storagetest

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/yunei/yunei/storage"
)

// Benchmark measures whole objects put and got, and small ranges read.
func Benchmark(b *testing.B, s storage.Store) {
	for _, size := range []int{4 << 10, 16 << 20} {
		body := Bytes(size, 1)
		label := fmt.Sprintf("%dKiB", size>>10)
		b.Run("put/"+label, func(b *testing.B) {
			b.SetBytes(int64(size))
			for i := range b.N {
				name := storage.Name(fmt.Sprintf("bench/%s-%d@%d", "p"+label[:len(label)-3], b.N, i))
				if err := s.Put(b.Context(), name, bytes.NewReader(body)); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				if err := s.Delete(b.Context(), name); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
		name := storage.Name(fmt.Sprintf("bench/get@%d", size))
		if err := s.Put(b.Context(), name, bytes.NewReader(body)); err != nil {
			b.Fatal(err)
		}
		b.Run("get/"+label, func(b *testing.B) {
			b.SetBytes(int64(size))
			buf := make([]byte, 1<<20)
			for b.Loop() {
				o, err := s.Open(b.Context(), name)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, io.NewSectionReader(o, 0, o.Size()), buf); err != nil {
					b.Fatal(err)
				}
				_ = o.Close() // nothing was written
			}
		})
	}
}
