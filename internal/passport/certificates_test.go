package passport_test

import (
	"encoding/pem"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"sipcause/internal/passport"
	"sipcause/internal/testkit"
)

// store makes a store of files.
func store(t *testing.T, files map[string][]byte) *passport.Store {
	t.Helper()
	s := new(passport.Store)
	for name, b := range files {
		if err := s.Add(name, b); err != nil {
			t.Fatal(name, err)
		}
	}
	return s
}

// TestSignatures: which certificate signed, whether it may have, and whether it is the one named.
func TestSignatures(t *testing.T) {
	ca, other, a := testkit.NewSigner(t, "ca"), testkit.NewSigner(t, "other ca"), testkit.NewSigner(t, "a")
	root, otherRoot := ca.Certify(t, nil, later, nil), other.Certify(t, nil, later, nil)
	numbers := testkit.TNEntries(t, "", "12025550100", 100)
	good := a.Certify(t, ca, later, numbers)
	old := a.Certify(t, ca, signedAt.Add(-time.Hour), numbers)
	elsewhere := a.Certify(t, ca, later, testkit.TNEntries(t, "", "12025550200", 100))
	provider := a.Certify(t, ca, later, testkit.TNEntries(t, "709J", "12025550200", 1))
	b := testkit.NewSigner(t, "b").Certify(t, ca, later, numbers)
	der, _ := pem.Decode(good)

	full := a.Sign(t, header, claims) + params
	compact := a.Compact(t, plainHeader, plainClaims) + plainParams
	forged := strings.Split(testkit.NewSigner(t, "b").Sign(t, header, strings.Replace(claims, `"A"`, `"B"`, 1)), ".")
	changed := strings.Join(append(forged[:2], full[strings.LastIndexByte(full[:strings.IndexByte(full, ';')], '.')+1:]), ".")
	const noon = "Thu, 15 Jan 2026 12:00:00 GMT"
	for _, c := range []struct {
		name    string
		files   map[string][]byte
		request invite
		want    string
		verdict passport.Verdict
		key     string
		trusted bool
	}{
		{"named", map[string][]byte{"a.pem": good, "b.pem": b}, invite{identities: []string{full}}, "", passport.Verified, "a.pem", false},
		{"another extension", map[string][]byte{"a.crt": good}, invite{identities: []string{full}}, "", passport.Verified, "a.crt", false},
		{"DER", map[string][]byte{"a.der": der.Bytes}, invite{identities: []string{full}}, "", passport.Verified, "a.der", false},
		{"any", map[string][]byte{"c.pem": good, "b.pem": b}, invite{identities: []string{full}}, "", passport.Verified, "c.pem", false},
		{"chain", map[string][]byte{"a.pem": good, "root.pem": root}, invite{identities: []string{full}}, "", passport.Verified, "a.pem", true},
		{"other CA", map[string][]byte{"a.pem": good, "root.pem": otherRoot}, invite{identities: []string{full}}, "certificate-untrusted", passport.Faulty, "a.pem", false},
		{"expired", map[string][]byte{"a.pem": old, "root.pem": root}, invite{identities: []string{full}}, "certificate-expired", passport.Faulty, "a.pem", true},
		{"not its number", map[string][]byte{"a.pem": elsewhere}, invite{identities: []string{full}}, "number-not-covered", passport.Faulty, "a.pem", false},
		{"a provider's", map[string][]byte{"a.pem": provider}, invite{identities: []string{full}}, "", passport.Verified, "a.pem", false},
		{"no TNAuthList", map[string][]byte{"a.pem": a.Certify(t, nil, later, nil)}, invite{identities: []string{full}}, "no-tnauthlist", passport.Faulty, "a.pem", true},
		{"another key", map[string][]byte{"a.pem": b}, invite{identities: []string{full}}, "signature-wrong", passport.BadSignature, "", false},
		{"another key that is there", map[string][]byte{"a.pem": b, "c.pem": good}, invite{identities: []string{full}}, "other-key", passport.BadSignature, "c.pem", false},
		{"not there", map[string][]byte{"b.pem": b}, invite{identities: []string{full}}, "no-certificate", passport.Unverified, "", false},
		{"changed", map[string][]byte{"a.pem": good}, invite{identities: []string{changed}}, "signature-wrong", passport.BadSignature, "", false},
		{"compact", map[string][]byte{"a.pem": good}, invite{date: noon, identities: []string{compact}}, "", passport.Verified, "a.pem", false},
		{"compact, asserted", map[string][]byte{"a.pem": good}, invite{date: noon, from: "sip:anonymous@anonymous.invalid", pai: "<tel:+12025550100>", identities: []string{compact}}, "", passport.Verified, "a.pem", false},
		{"compact, To changed", map[string][]byte{"a.pem": good}, invite{date: noon, to: "sip:+12025550124@example.net", identities: []string{compact}}, "signature-wrong", passport.BadSignature, "", false},
		{"compact, Date changed", map[string][]byte{"a.pem": good}, invite{date: "Thu, 15 Jan 2026 12:00:01 GMT", identities: []string{compact}}, "signature-wrong", passport.BadSignature, "", false},
	} {
		got := passport.Check(c.request.parse(t), signedAt, store(t, c.files))
		if len(got) != 1 {
			t.Fatalf("%s: %d values", c.name, len(got))
		}
		key := ""
		if got[0].Key != nil {
			key = got[0].Key.File
		}
		if kinds(got[0]) != c.want || got[0].Verdict != c.verdict || key != c.key || got[0].Trusted != c.trusted {
			t.Errorf("%s: notes %q, %s, key of %q, trusted %t; want %q, %s, %q, %t", c.name, kinds(got[0]), got[0].Verdict, key, got[0].Trusted, c.want, c.verdict, c.key, c.trusted)
		}
	}
}

func TestAuthority(t *testing.T) {
	a := testkit.NewSigner(t, "a")
	s := store(t, map[string][]byte{"a.pem": a.Certify(t, nil, later, testkit.TNEntries(t, "709J", "12025550100", 50))})
	got := passport.Check(invite{identities: []string{a.Sign(t, header, claims) + params}}.parse(t), signedAt, s)[0]
	list := got.Key.Authority
	if want := "SPC 709J, 12025550100 (50 numbers)"; list.String() != want {
		t.Errorf("%q, want %q", list, want)
	}
	for number, want := range map[string]bool{"12025550100": true, "12025550149": true, "12025550150": false, "12025550099": false, "2025550100": false, "*67": false, "": false} {
		if list.Covers(number) != want {
			t.Errorf("%q is covered: %t", number, !want)
		}
	}
}

// TestAdd: what is no certificate is told from what is a broken one.
func TestAdd(t *testing.T) {
	a := testkit.NewSigner(t, "a")
	good := a.Certify(t, nil, later, testkit.TNEntries(t, "709J", "", 0))
	broken := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte{0x30, 0}})
	badList := a.Certify(t, nil, later, []byte{0x04, 0x00})
	for _, c := range []struct {
		name string
		data []byte
		none error
		bad  string
	}{
		{"good", good, nil, ""},
		{"two", slices.Concat(good, good), nil, ""},
		{"text", []byte("hello"), passport.ErrNone, ""},
		{"empty", nil, passport.ErrNone, ""},
		{"key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte{1}}), passport.ErrOther, ""},
		{"broken", broken, nil, "parse certificate"},
		{"bad list", badList, nil, "parse TNAuthList"},
	} {
		err := new(passport.Store).Add(c.name, c.data)
		switch {
		case c.none != nil && !errors.Is(err, c.none), c.bad != "" && (err == nil || !strings.Contains(err.Error(), c.bad)), c.bad == "" && c.none == nil && err != nil:
			t.Errorf("%s: %v", c.name, err)
		}
	}
	s := new(passport.Store)
	for i := range 5000 {
		if err := s.Add("a.pem", good); err != nil {
			if i != 4096 {
				t.Errorf("full after %d: %v", i, err)
			}
			return
		}
	}
	t.Error("a store takes 5000 certificates")
}
