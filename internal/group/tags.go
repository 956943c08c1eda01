package group

import "fmt"

// A Tag separates one use of a hash from every other. All tags of this module
// that enter group arithmetic are in this file, and no tag is the prefix of
// another (GA6).
type Tag string

// The tags of haltlog's own protocols. A changed construction takes a new
// number, never an old tag.
const (
	// TagRingHash names a ring: its size and its keys in order.
	TagRingHash Tag = "haltlog/v1/ring-hash"
	// TagRingMessage digests ring and message once for all steps of a chain.
	TagRingMessage Tag = "haltlog/v1/ring-message"
	// TagRingChallenge is the hash of an Abe-Ohkubo-Suzuki chain.
	TagRingChallenge Tag = "haltlog/v1/ring-challenge"
	// TagRingPossession is the challenge of a ring key's proof of possession.
	TagRingPossession Tag = "haltlog/v1/ring-possession"
	// TagBlacklistScalar maps a label to the scalar u that the blacklist's trees
	// sort and its proofs speak of.
	TagBlacklistScalar Tag = "haltlog/v1/blacklist-scalar"
	// TagDealing is the challenge of a dealer's proof of possession.
	TagDealing Tag = "haltlog/v1/dealing"
	// TagDealtProduct is the challenge of a proof that a product is dealt.
	TagDealtProduct Tag = "haltlog/v1/dealt-product"
	// TagSealGenerator makes the second generator of sealed shares.
	TagSealGenerator Tag = "haltlog/v1/seal-generator"
	// TagSealKey derives the keys of sealed shares.
	TagSealKey Tag = "haltlog/v1/seal-key"
	// TagSealedShare is the challenge of a sealed share's proof.
	TagSealedShare Tag = "haltlog/v1/sealed-share-proof"
	// TagComplaint is the challenge of a complaint's proof.
	TagComplaint Tag = "haltlog/v1/complaint"
	// TagEscrowGenerator makes the second generator of escrowed data keys.
	TagEscrowGenerator Tag = "haltlog/v1/escrow-generator"
	// TagEscrowWrap is the challenge of a wrap's proof.
	TagEscrowWrap Tag = "haltlog/v1/escrow-wrap"
	// TagEscrowPartial is the challenge of a partial opening's proof.
	TagEscrowPartial Tag = "haltlog/v1/escrow-partial"
	// TagRotation makes the weights of a rotation's labels.
	TagRotation Tag = "haltlog/v1/rotation-weight"
	// TagRotationProof is the challenge of a rotation's proofs.
	TagRotationProof Tag = "haltlog/v1/rotation-proof"
	// TagClearanceH makes the second generator of clearance's commitments.
	TagClearanceH Tag = "haltlog/v1/clearance-h"
	// TagClearanceChallenge is the challenge of a proof of clearance.
	TagClearanceChallenge Tag = "haltlog/v1/clearance-challenge"
	// TagClearancePseudonym is the challenge of a proof that a label was unblinded.
	TagClearancePseudonym Tag = "haltlog/v1/clearance-unblinded"
	// TagClearancePad makes the roots that pad a polynomial.
	TagClearancePad Tag = "haltlog/v1/clearance-pad"
)

// OPRFTags are the tags of RFC 9497, sections 3.1 and 4.1, for one mode of the
// suite ristretto255-SHA512.
type OPRFTags struct {
	HashToGroup   Tag
	HashToScalar  Tag
	DeriveKeyPair Tag
	Seed          Tag
}

// The labels that RFC 9497, sections 2.2 and 3.3, puts into its transcripts.
const (
	OPRFLabelComposite = "Composite"
	OPRFLabelChallenge = "Challenge"
	OPRFLabelInfo      = "Info"
	OPRFLabelFinalize  = "Finalize"
)

// OPRF returns the tags of one mode: 0 OPRF, 1 VOPRF, 2 POPRF. Any other mode is
// a bug of the caller and panics.
func OPRF(mode byte) OPRFTags {
	if mode > 2 {
		panic(fmt.Sprintf("group: OPRF mode %d", mode))
	}
	// contextString = "OPRFV1-" || I2OSP(mode, 1) || "-" || identifier
	context := "OPRFV1-" + string([]byte{mode}) + "-ristretto255-SHA512"
	return OPRFTags{
		HashToGroup:   Tag("HashToGroup-" + context),
		HashToScalar:  Tag("HashToScalar-" + context),
		DeriveKeyPair: Tag("DeriveKeyPair" + context),
		Seed:          Tag("Seed-" + context),
	}
}
