package party

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/yunei/yunei/bus"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/suite"
)

// A blob that is put as it is read is the same as one that is put whole, and is
// read in any order; of another size than it is said to have it is nobody's.
func TestStreamedBlob(t *testing.T) {
	server, err := bus.Serve(t.Context(), bus.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	board, err := server.Board(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(board.Close)
	p := &Party{Name: "site-a", Board: board}
	for _, size := range []int{1, blobPart - 1, blobPart, blobPart + 1, 2*blobPart + 7} {
		want := make([]byte, size)
		for i := range want {
			want[i] = byte(i*7 + size)
		}
		d := suite.DigestOf(want)
		if err := p.PutFrom(t.Context(), d, bytes.NewReader(want)); err != nil {
			t.Fatal(err)
		}
		if got, err := p.Fetch(t.Context(), d, size); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes fetched: %v", size, err)
		}
		got, err := io.ReadAll(p.Blob(t.Context(), p.Name, d, int64(size)).Reader())
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes read: %v", size, err)
		}
		tail := make([]byte, 1)
		if _, err := p.Blob(t.Context(), p.Name, d, int64(size)).ReadAt(tail, int64(size)-1); err != nil || tail[0] != want[size-1] {
			t.Errorf("the last of %d bytes: %v", size, err)
		}
		// Within the last part another size shows by itself.
		if _, err := io.ReadAll(p.Blob(t.Context(), p.Name, d, int64(size)+1).Reader()); size%blobPart != 0 && !errors.Is(err, fault.Tampered) {
			t.Errorf("%d bytes said to be one more: %v", size, err)
		}
	}
	if err := p.PutFrom(t.Context(), "no digest", bytes.NewReader(nil)); !errors.Is(err, fault.Invalid) {
		t.Errorf("no digest: %v", err)
	}
	if _, err := p.Blob(t.Context(), p.Name, "no digest", 1).ReadAt(make([]byte, 1), 0); !errors.Is(err, fault.Invalid) {
		t.Errorf("no digest: %v", err)
	}
}
