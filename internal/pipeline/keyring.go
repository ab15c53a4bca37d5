package pipeline

import (
	"sipcause/internal/decode"
	"sipcause/internal/keylog"
)

// keyring adds the secrets that a capture brings along to those that were given.
type keyring struct {
	log   *keylog.Log
	taken int
}

func newKeyring(opt *decode.Options) *keyring {
	if opt.Keys == nil {
		opt.Keys = new(keylog.Log)
	}
	return &keyring{log: opt.Keys}
}

// take adds the blocks that are new. What of them is no key log is no fault of the user's.
func (k *keyring) take(blocks [][]byte) {
	for ; k.taken < len(blocks); k.taken++ {
		_ = k.log.Add(blocks[k.taken]) // what can be read is taken
	}
}
