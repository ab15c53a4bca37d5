package code

import (
	"slices"
	"strings"
)

// WarningCode is a code of the Warning header (RFC 3261 §20.43).
type WarningCode struct {
	Code       int
	Text       string // IANA's
	RFC        string
	Registered bool
	Meaning    string // in English; Texts has the same in other languages
	Check      string
}

// Warning returns a Warning code; ok is false when the catalogue does not have it.
func Warning(code int) (w WarningCode, ok bool) {
	t := catalogue()
	i, found := slices.BinarySearchFunc(t.warnings, code, func(w WarningCode, code int) int { return w.Code - code })
	if !found {
		return WarningCode{}, false
	}
	return t.warnings[i], true
}

// Warnings returns every Warning code in order. The caller owns the slice.
func Warnings() []WarningCode { return slices.Clone(catalogue().warnings) }

// Texts returns Meaning and Check in a language. The error names the languages there are.
func (w WarningCode) Texts(lang string) (meaning, check string, err error) {
	t, err := language(lang)
	if err != nil {
		return "", "", err
	}
	s := t.Warnings[w.Code]
	return s.Means, s.Check, nil
}

// Protocol is a protocol of the Reason header (RFC 3326 §2): it says from which list the cause is.
type Protocol struct {
	Name    string // IANA's spelling
	Ref     string
	Meaning string // in English; Text has the same in other languages
}

// ReasonProtocol returns a protocol by its name, in any case; ok is false for one that is not registered.
func ReasonProtocol(name string) (p Protocol, ok bool) {
	for _, p := range catalogue().protocols {
		if strings.EqualFold(p.Name, name) {
			return p, true
		}
	}
	return Protocol{}, false
}

// ReasonProtocols returns every protocol in the order of the registry. The caller owns the slice.
func ReasonProtocols() []Protocol { return slices.Clone(catalogue().protocols) }

// Text returns Meaning in a language. The error names the languages there are.
func (p Protocol) Text(lang string) (string, error) {
	t, err := language(lang)
	if err != nil {
		return "", err
	}
	return t.Protocols[strings.ToLower(p.Name)].Means, nil
}

// Cause returns what a cause of the protocol says, in a language; "" where the catalogue does not know the values of
// the protocol. Those of SIP and Q.850 are in Lookup and Q850.
func (p Protocol) Cause(lang string, cause int) (string, error) {
	t, err := language(lang)
	if err != nil {
		return "", err
	}
	return t.Protocols[strings.ToLower(p.Name)].Values[cause], nil
}
