package minio_test

import (
	"os"
	"testing"

	"github.com/yunei/yunei/storage/minio"
	"github.com/yunei/yunei/storage/minio/miniotest"
)

// The tests that look inside cannot import miniotest, which imports minio.
func TestMain(m *testing.M) {
	minio.SetServer(miniotest.Start)
	os.Exit(m.Run())
}
