package generate

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"checksig/internal/digest"
	"checksig/internal/manifest"
	"checksig/internal/safefs"
)

// outputPlan says where a manifest is written, and of what.
type outputPlan struct {
	base    string   // the folder that names start from: absolute, without links
	display string   // that folder as reports show it
	starts  []string // files and folders in it, sorted, none in another; "." for all of it
	output  string   // the manifest, absolute; "" if it goes to the caller
	shown   string   // the manifest as the request gives it

	source    safefs.Source // as in the request
	isOneFile bool          // the request names one file
}

// show returns the path of the file called name, for reports.
func (p *outputPlan) show(name string) string {
	if p.source != nil {
		return p.source.Shown(filepath.ToSlash(filepath.Join(p.base, name)))
	}
	return filepath.Join(p.display, name)
}

// plan finds out what the paths of a request mean.
func (r *CreateRequest) plan(format *manifest.Format, algorithms []*digest.Algorithm) (p outputPlan, err error) {
	real := make([]string, len(r.Paths))
	folders := make([]bool, len(r.Paths))
	for i, path := range r.Paths {
		if real[i], folders[i], err = r.locate(path); err != nil {
			return p, err
		}
	}
	if err := r.setOutput(&p, folders, format, algorithms); err != nil {
		return p, err
	}
	if err := r.setBase(&p, real, folders, format); err != nil {
		return p, err
	}
	for i, path := range real {
		name, inside := within(p.base, path)
		if !inside {
			return p, usage("%s is not in %s, the folder that names are relative to", r.Paths[i], p.base)
		}
		p.starts = append(p.starts, name)
	}
	p.starts = sortedStarts(p.starts, folders)
	p.isOneFile = len(real) == 1 && !folders[0]
	p.display = p.base
	p.source = r.Source
	if len(real) == 1 && real[0] == p.base {
		p.display = r.Paths[0]
	}
	return p, nil
}

// setOutput finds out where the manifest goes.
func (r *CreateRequest) setOutput(p *outputPlan, folders []bool, format *manifest.Format, algorithms []*digest.Algorithm) error {
	switch {
	case r.ToCaller:
		return nil
	case r.Output != "":
		p.shown = r.Output
	case r.Source != nil:
		return usage("name the manifest of remote files, which is a local file: --output (output=)")
	case len(r.Paths) != 1:
		return usage("several paths: name the manifest: --output (output=)")
	case format.Base != "":
		return usage("format %s: name the manifest: --output (output=)", format.Name)
	case folders[0]:
		p.shown = filepath.Join(r.Paths[0], usualName(format, algorithms))
	default:
		p.shown = r.Paths[0] + "." + extension(format, algorithms)
	}
	path, err := safefs.Absolute(r.Dir, p.shown)
	if err != nil {
		return err
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return safefs.At(p.shown, err)
	}
	p.output = filepath.Join(dir, filepath.Base(path))
	return nil
}

// setBase finds out which folder names are relative to: the manifest's own if all files are in it;
// otherwise, of one path, that path, or the folder of that file.
func (r *CreateRequest) setBase(p *outputPlan, real []string, folders []bool, format *manifest.Format) error {
	if r.RelativeTo != "" {
		base, folder, err := r.locate(r.RelativeTo)
		if err == nil && !folder {
			err = usage("relative_to: %s is not a folder", r.RelativeTo)
		}
		p.base = base
		return err
	}
	if p.output != "" && r.Source == nil {
		p.base = filepath.Dir(p.output)
	} else if len(real) == 1 && folders[0] {
		p.base = real[0]
	} else if r.Source != nil {
		p.base = filepath.Dir(real[0])
	} else {
		var err error
		if p.base, _, err = locate(r.Dir, "."); err != nil {
			return err
		}
	}
	p.base = baseOf(format, p.base, true)
	if len(real) != 1 {
		return nil
	}
	if _, inside := within(p.base, real[0]); inside {
		return nil
	}
	p.base = real[0]
	if !folders[0] {
		p.base = filepath.Dir(p.base)
	}
	return nil
}

// locate is locate in the request's source.
func (r *CreateRequest) locate(path string) (real string, folder bool, err error) {
	if r.Source == nil {
		return locate(r.Dir, path)
	}
	info, err := safefs.StatPath(r.Source, path)
	if err != nil {
		return "", false, safefs.At(r.Source.Shown(path), err)
	}
	return filepath.Clean(path), info.IsDir(), nil
}

// locate returns the real path of a folder, or that of a file's folder with the file's name, and whether
// it is a folder. A relative path starts from dir.
func locate(dir, path string) (real string, folder bool, err error) {
	full, err := safefs.Absolute(dir, path)
	if err != nil {
		return "", false, err
	}
	info, err := os.Stat(full)
	if err != nil {
		return "", false, safefs.At(path, err)
	}
	if folder = info.IsDir(); folder {
		real, err = filepath.EvalSymlinks(full)
	} else if real, err = filepath.EvalSymlinks(filepath.Dir(full)); err == nil {
		real = filepath.Join(real, filepath.Base(full))
	}
	if err != nil {
		return "", false, safefs.At(path, err)
	}
	return real, folder, nil
}

// within returns the name of path in the folder base, if it is there.
func within(base, path string) (name string, inside bool) {
	name, err := filepath.Rel(base, path)
	if err != nil || name == ".." || strings.HasPrefix(name, ".."+string(os.PathSeparator)) {
		return "", false
	}
	return filepath.ToSlash(name), true
}

// sortedStarts returns the names in the order of the files that they stand for, without those that lie in a
// folder among them.
func sortedStarts(names []string, folders []bool) []string {
	keys := make([]string, len(names))
	for i, name := range names {
		keys[i] = name
		if folders[i] {
			keys[i] += "/"
		}
	}
	slices.Sort(keys)
	var kept []string
	last := "\x00"
	for _, key := range keys {
		if key == "./" {
			return []string{"."}
		}
		if key == last || strings.HasSuffix(last, "/") && strings.HasPrefix(key, last) {
			continue
		}
		last = key
		kept = append(kept, strings.TrimSuffix(key, "/"))
	}
	return kept
}

// baseOf returns the folder that names in a manifest of that format in dir start from; see
// [manifest.Format.BaseAt].
func baseOf(format *manifest.Format, dir string, chosen bool) string {
	base := format.BaseAt(dir, chosen)
	if base == "/" {
		return filepath.VolumeName(dir) + string(os.PathSeparator)
	}
	return filepath.Join(dir, base)
}
