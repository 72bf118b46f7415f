package columns

import "github.com/yunei/yunei/storage"

// Name is where a domain keeps a version of a dataset.
func Name(dataset, version string) (storage.Name, error) {
	return storage.NewName("datasets/"+dataset, version)
}
