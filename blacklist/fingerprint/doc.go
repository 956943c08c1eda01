// Package fingerprint turns a model on disk into the fingerprints that the
// blacklist is asked about. It reads safetensors (single files, directories of
// shards), GGUF (single files, splits) and the zip checkpoints of PyTorch
// through an [io/fs.FS]; it opens nothing itself, holds no key and knows
// nothing of labels.
//
// The kinds:
//
//   - [Manifest]: the OpenSSF model-signing digest of the directory. Identity
//     of a release; any changed byte changes it.
//   - [Tensor]: shape and values of one tensor. Names, shards, container and
//     number format do not enter.
//   - [Band], [BandP]: 48 bits each of two sketches of one tensor, which stay
//     when its values are cast, quantised or tuned a little, and the second
//     also when its rows are permuted. docs/fingerprints-spec.md defines both.
//
// Invariants:
//
//   - F1: two tensors of equal shape whose elements are equal as real numbers
//     (all NaNs being one value, and −0 being 0) have equal fingerprints,
//     whatever dtype, file, offset, name or worker count they came by; others
//     differ unless SHA-256 or BLAKE3 collides.
//   - F2: memory does not grow with the model: a worker's buffers, the
//     headers, 200 bytes of sketch per tensor, and 33 bytes per 2^18 elements of the tensors in flight.
//   - F3: a header is accepted only if its tensors cover the data section
//     exactly: in bounds, without overlap, gap, or trailing byte.
//   - F4: a file that changes while it is read is an error, never a
//     fingerprint of something that never existed.
//   - F5: the elements of a block format are, to the last bit and on every
//     machine, the float32 numbers that ggml's reference dequantises.
//   - F6: of a pickle nothing is ever called or imported. One that names
//     anything but tensors and plain data is not read, and said to be unread.
//   - F7: a sketch is exact integers of the elements' values and places alone:
//     equal on every machine, for every order, worker count, container and
//     lossless format.
package fingerprint
