package config

import (
	"reflect"
	"strings"
)

// Field is one row of the table: what a field is called in the file, and its bounds.
type Field struct {
	Name    string // section.key
	Env     string // environment variable that sets it over the file
	Type    string
	Unit    string
	Min     string
	Max     string
	Default string
	Doc     string
}

// Fields lists every field in the order of the file.
func Fields() []Field {
	var out []Field
	walk(reflect.ValueOf(new(Config)).Elem(), func(name string, _ reflect.Value, f reflect.StructField) {
		out = append(out, Field{
			Name: name, Env: env(name), Type: f.Type.String(), Unit: f.Tag.Get("unit"),
			Min: f.Tag.Get("min"), Max: f.Tag.Get("max"), Default: f.Tag.Get("default"), Doc: f.Tag.Get("doc"),
		})
	})
	return out
}

// env is the variable of a field: log.batch_size is HALTLOG_LOG_BATCH_SIZE.
func env(name string) string {
	return "HALTLOG_" + strings.ToUpper(strings.ReplaceAll(name, ".", "_"))
}

// walk visits every leaf field of the configuration.
func walk(cfg reflect.Value, visit func(name string, v reflect.Value, f reflect.StructField)) {
	for i := range cfg.NumField() {
		section := cfg.Type().Field(i)
		for j := range cfg.Field(i).NumField() {
			f := cfg.Field(i).Type().Field(j)
			visit(section.Tag.Get("toml")+"."+f.Tag.Get("toml"), cfg.Field(i).Field(j), f)
		}
	}
}
