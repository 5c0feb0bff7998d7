package layout

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"

	"checksig/internal/manifest"
	"checksig/internal/safefs"
)

// The names of an image layout's files (OCI Image Format Specification 1.1, image-layout.md).
const (
	ociMarker = "oci-layout"
	ociIndex  = "index.json"
	ociBlobs  = "blobs/"
)

// OCI is an OCI image layout.
var OCI = &Kind{
	Name: "oci", Title: "an OCI image layout", Format: manifest.OCI,
	IsMarker:   func(name string) bool { return name == ociMarker },
	New:        func() Layout { return &image{known: map[string]bool{}} },
	IsManifest: func(name string) bool { return name == ociIndex },
	IsContent:  func(name string) bool { return strings.HasPrefix(name, ociBlobs) },
	IsOwn:      func(name string) bool { return name == ociMarker || name == ociIndex },
}

// image is an image layout. Its manifests are the index and all documents below that list blobs. A
// blob's name says what its content is: it is compared with the very bytes that are read, each time.
type image struct {
	mu    sync.Mutex
	index []byte          // the content of the index that Find read
	known map[string]bool // the blobs whose descriptors Find followed
}

func (o *image) AddManifest(string) List { return nil }

// Find follows the descriptors from the index to all documents.
func (o *image) Find(ctx context.Context, f Folder) (found []Found) {
	tree, err := f.Root.AcquireRetrying(ctx)
	if err != nil {
		return nil
	}
	defer f.Root.Release()
	seen := map[string]bool{ociIndex: true}
	for next := []string{ociIndex}; len(next) > 0 && ctx.Err() == nil; {
		name := next[0]
		next = next[1:]
		found = append(found, Found{Folder: ".", Name: name, Format: manifest.OCI})
		content, err := readWhole(ctx, f.Roots, tree, name)
		if err != nil || isNamedBlob(name, content) != nil {
			continue // reported when it is opened
		}
		if o.known[name] = true; name == ociIndex {
			o.index = content
		}
		all, _, _ := manifest.ParseImage(string(content))
		for i := range all {
			if blob := all[i].Blob(); all[i].IsImage() && isBlobName(blob) && !seen[blob] {
				seen[blob] = true
				next = append(next, blob)
			}
		}
	}
	return found
}

// isBlobName reports whether name is that of a blob with a digest that can be computed.
func isBlobName(name string) bool {
	parts := strings.Split(name, "/")
	if len(parts) != 3 {
		return false
	}
	a := manifest.OCIAlgorithm(parts[1])
	return a != nil && isHex(parts[2], 2*a.Size)
}

// isNamedBlob returns why content is not that of the blob called name.
func isNamedBlob(name string, content []byte) error {
	if name == ociIndex {
		return nil
	}
	parts := strings.Split(name, "/")
	hash := manifest.OCIAlgorithm(parts[1]).Of(int64(len(content)))
	hash.Write(content)
	if found := fmt.Sprintf("%x", hash.Sum(nil)); found != parts[2] {
		return fmt.Errorf("has another %s digest than its name, so that what it lists was not verified", parts[1])
	}
	return nil
}

func (o *image) Take(name string, content []byte) error {
	if err := isNamedBlob(name, content); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.known[name] || name == ociIndex && !bytes.Equal(o.index, content) {
		return errChanged
	}
	return nil
}

func (o *image) Check(ctx context.Context, f Folder, report Report) {
	tree := openFolder(ctx, f, report, ociMarker)
	if tree == nil {
		return
	}
	defer f.Root.Release()
	content, err := readWhole(ctx, f.Roots, tree, ociMarker)
	var marker map[string]string
	if err == nil {
		marker, err = manifest.ParseStrings(string(content))
	}
	if err != nil {
		report.Problem(ociMarker, 0, "cannot be read: "+safefs.Cause(err))
	} else if version := marker["imageLayoutVersion"]; version != "1.0.0" {
		report.Problem(ociMarker, 0, fmt.Sprintf("unknown imageLayoutVersion %.40q, known: 1.0.0", version))
	}
	if _, err := tree.List(ctx, strings.TrimSuffix(ociBlobs, "/")); err != nil {
		report.Problem(ociMarker, 0, "no folder blobs/: "+safefs.Cause(err))
	}
}
