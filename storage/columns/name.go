package columns

import "github.com/yunei/yunei/storage"

// Name is where a domain keeps a version of a dataset.
func Name(dataset, version string) (storage.Name, error) {
	return storage.DatasetName(dataset, version)
}

// SchemaName is where a domain keeps the schema of a version that it cannot open
// by itself, so that it can be asked before a key is.
func SchemaName(dataset, version string) (storage.Name, error) {
	return storage.NewName("schemas/"+dataset, version)
}
