package config

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
)

// maxFile bounds the file before it is read: a configuration has some fifty lines.
const maxFile = 1 << 20

// ErrInvalid is in every error that Load returns for what the operator wrote.
var ErrInvalid = errors.New("configuration is not valid")

// Load reads a file, which may be nil, then lookup (the environment), then set
// (section.key=value, from flags), the later over the earlier, on the defaults.
// The error joins every problem found.
func Load(file io.Reader, lookup func(string) (string, bool), set []string) (*Config, error) {
	c := new(Config)
	var problems []error
	walk(reflect.ValueOf(c).Elem(), func(name string, v reflect.Value, f reflect.StructField) {
		if err := assign(v, f.Tag.Get("default")); err != nil {
			problems = append(problems, fmt.Errorf("default of %s: %w", name, err))
		}
	})
	if file != nil {
		problems = append(problems, decode(file, c)...)
	}
	flags := map[string]string{}
	for _, s := range set {
		name, value, ok := strings.Cut(s, "=")
		if !ok {
			problems = append(problems, fmt.Errorf("--set %s: want section.key=value", s))
			continue
		}
		flags[name] = value
	}
	walk(reflect.ValueOf(c).Elem(), func(name string, v reflect.Value, f reflect.StructField) {
		if value, ok := lookup(env(name)); ok {
			if err := assign(v, value); err != nil {
				problems = append(problems, fmt.Errorf("%s: %w", env(name), err))
			}
		}
		if value, ok := flags[name]; ok {
			if err := assign(v, value); err != nil {
				problems = append(problems, fmt.Errorf("--set %s: %w", name, err))
			}
			delete(flags, name)
		}
		if err := bounds(v, f); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
		}
	})
	for name := range flags {
		problems = append(problems, fmt.Errorf("--set %s: no such field", name))
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, errors.Join(problems...))
	}
	return c, nil
}

func decode(file io.Reader, c *Config) []error {
	raw, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return []error{fmt.Errorf("read: %w", err)}
	}
	if len(raw) > maxFile {
		return []error{fmt.Errorf("file is larger than %d bytes", maxFile)}
	}
	meta, err := toml.Decode(string(raw), c)
	if err != nil {
		if parse, ok := errors.AsType[toml.ParseError](err); ok {
			return []error{fmt.Errorf("line %d: %s", parse.Position.Line, cmp.Or(parse.Message, parse.Error()))}
		}
		return []error{err}
	}
	var problems []error
	for _, key := range meta.Undecoded() {
		problems = append(problems, fmt.Errorf("%s: no such field", key))
	}
	return problems
}

// assign parses a default, an environment variable or a flag into a field.
func assign(v reflect.Value, s string) error {
	switch v.Interface().(type) {
	case string:
		v.SetString(s)
	case bool:
		b, err := strconv.ParseBool(s)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", s)
		}
		v.SetBool(b)
	case time.Duration:
		d, err := time.ParseDuration(s)
		if err != nil {
			return fmt.Errorf("%q is not a duration such as 250ms", s)
		}
		v.SetInt(int64(d))
	case int:
		n, err := strconv.Atoi(s)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", s)
		}
		v.SetInt(int64(n))
	case []string:
		list := []string{}
		if s != "" {
			list = strings.Split(s, ",")
		}
		v.Set(reflect.ValueOf(list))
	default:
		return fmt.Errorf("type %s has no text form", v.Type())
	}
	return nil
}

// bounds holds a number against its tags; a field without bounds takes anything of its type.
func bounds(v reflect.Value, f reflect.StructField) error {
	lo, hi := f.Tag.Get("min"), f.Tag.Get("max")
	if lo == "" || hi == "" {
		return nil
	}
	limit := reflect.New(v.Type()).Elem()
	for _, side := range []struct {
		bound string
		out   func(v, limit int64) bool
		word  string
	}{
		{lo, func(v, limit int64) bool { return v < limit }, "below"},
		{hi, func(v, limit int64) bool { return v > limit }, "above"},
	} {
		if err := assign(limit, side.bound); err != nil {
			return err
		}
		if side.out(v.Int(), limit.Int()) {
			return fmt.Errorf("%v is %s %s", v.Interface(), side.word, side.bound)
		}
	}
	return nil
}
