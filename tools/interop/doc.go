// Package interop holds haltlog against implementations that share no code with
// it: foreign RFC 9497 clients against its evaluator over HTTP, its client against
// a foreign server. It is a module of its own, so that the peers never enter the
// product's dependencies.
package interop
