package boltstore

import (
	"bytes"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"
)

// A KV is a database file of named buckets with ordered keys, for what can be
// rebuilt from elsewhere. Its methods are safe for concurrent use; each is one
// transaction.
type KV struct {
	db *bbolt.DB
}

// kvMark is a bucket that every KV file has, and no other file.
const kvMark = "haltlog kv v1"

// OpenKV opens the file at path, and makes an empty one if there is none.
// Errors are [ErrInUse], [ErrDamaged], or of the file system. A witness's file
// is refused as damaged.
func OpenKV(path string) (*KV, error) {
	refuse := func(err error) (*KV, error) { return nil, fmt.Errorf("open database %s: %w", path, err) }
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: lockWait, NoFreelistSync: true, FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return refuse(classify(err))
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		if tx.Bucket([]byte(kvMark)) != nil {
			return nil
		}
		if name, _ := tx.Cursor().First(); name != nil {
			return fmt.Errorf("holds %q: %w", name, ErrDamaged)
		}
		_, err := tx.CreateBucket([]byte(kvMark))
		return err
	})
	if err != nil {
		return refuse(errors.Join(err, db.Close()))
	}
	return &KV{db: db}, nil
}

// Get is a copy of the value, nil if there is none.
func (k *KV) Get(bucket string, key []byte) (value []byte, err error) {
	err = k.db.View(func(tx *bbolt.Tx) error {
		if b := tx.Bucket([]byte(bucket)); b != nil {
			value = bytes.Clone(b.Get(key))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read database: %w", err)
	}
	return value, nil
}

// Scan visits the keys of a bucket in order from the first one not below from,
// until visit returns false. The slices are only valid within visit.
func (k *KV) Scan(bucket string, from []byte, visit func(key, value []byte) bool) error {
	err := k.db.View(func(tx *bbolt.Tx) error {
		b := tx.Bucket([]byte(bucket))
		if b == nil {
			return nil
		}
		c := b.Cursor()
		for key, value := c.Seek(from); key != nil; key, value = c.Next() {
			if !visit(key, value) {
				return nil
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("scan database: %w", err)
	}
	return nil
}

// Update runs fn, and makes what it put durable, all of it or, if fn returns
// an error, nothing.
func (k *KV) Update(fn func(put func(bucket string, key, value []byte) error) error) error {
	err := k.db.Update(func(tx *bbolt.Tx) error {
		return fn(func(bucket string, key, value []byte) error {
			b, err := tx.CreateBucketIfNotExists([]byte(bucket))
			if err != nil {
				return err
			}
			return b.Put(key, value)
		})
	})
	if err != nil {
		return fmt.Errorf("update database: %w", err)
	}
	return nil
}

// Reset drops everything, durably.
func (k *KV) Reset() error {
	err := k.db.Update(func(tx *bbolt.Tx) error {
		var names [][]byte
		err := tx.ForEach(func(name []byte, _ *bbolt.Bucket) error {
			if string(name) != kvMark {
				names = append(names, bytes.Clone(name))
			}
			return nil
		})
		for _, name := range names {
			err = errors.Join(err, tx.DeleteBucket(name))
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("reset database: %w", err)
	}
	return nil
}

// Close waits for running transactions and lets go of the file. It may be
// called twice.
func (k *KV) Close() error {
	if err := k.db.Close(); err != nil {
		return fmt.Errorf("close database: %w", err)
	}
	return nil
}
