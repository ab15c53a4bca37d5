package digest

import (
	"fmt"
	"strings"
	"testing"

	"sipcause/sip"
)

func TestResponse(t *testing.T) {
	rfc7616 := Input{
		Username: "Mufasa", Realm: "http-auth@example.org", Nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", Method: "GET",
		URI: "/dir/index.html", QOP: "auth", NC: "00000001", CNonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
	}
	as := func(in Input, algorithm string) Input { in.Algorithm = algorithm; return in }
	rfc2617 := Input{
		Username: "Mufasa", Realm: "testrealm@host.com", Nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093", Method: "GET",
		URI: "/dir/index.html", QOP: "auth", NC: "00000001", CNonce: "0a4f113b",
	}
	old := rfc2617
	old.QOP, old.NC, old.CNonce = "", "", ""
	jason := Input{
		Algorithm: "SHA-512-256", Username: "J\u00e4s\u00f8n Doe", Realm: "api@example.org", Nonce: "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK",
		Method: "GET", URI: "/doe.json", QOP: "auth", NC: "00000001", CNonce: "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v",
	}
	for _, c := range []struct {
		name, password string
		in             Input
		want           string
	}{
		{"RFC 7616 §3.9.1, MD5", "Circle of Life", rfc7616, "8ca523f5e9506fed4657c9700eebdbec"},
		{"RFC 7616 §3.9.1, SHA-256", "Circle of Life", as(rfc7616, "sha-256"), "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
		{"RFC 7616 §3.9.2, erratum 4897", "Secret, or not?", jason, "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"},
		{"RFC 2617 §3.5", "Circle Of Life", rfc2617, "6629fae49393a05397450978507c4ef1"},
		{"RFC 2069 §2.4, erratum 749", "CircleOfLife", old, "1949323746fe6a43ef61f9606e7febea"},
	} {
		if got, ok := Response(&c.in, c.password); !ok || got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	// -sess and auth-int, from their definitions (RFC 7616 §3.4.2, §3.4.3).
	in := as(rfc7616, "MD5-sess")
	in.QOP, in.Body = "auth-int", []byte("v=0\r\n")
	md5 := &algorithms[0]
	a1 := md5.sum(md5.sum(in.Username, in.Realm, "x"), in.Nonce, in.CNonce)
	want := md5.sum(a1 + ":" + in.Nonce + ":00000001:" + in.CNonce + ":auth-int:" + md5.sum("GET:/dir/index.html:"+md5.sum("v=0\r\n")))
	if got, _ := Response(&in, "x"); got != want {
		t.Errorf("MD5-sess with auth-int: %s, want %s", got, want)
	}
	for _, bad := range []Input{as(rfc7616, "AKAv1-MD5"), {QOP: "confidential"}} {
		if _, ok := Response(&bad, "x"); ok {
			t.Errorf("computed %+v", bad)
		}
	}
}

func secrets(t testing.TB, list ...string) *Secrets {
	t.Helper()
	s := new(Secrets)
	for _, x := range list {
		if err := s.Add(x); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// TestVerify has a client compute with one thing and send another.
func TestVerify(t *testing.T) {
	sent := Input{
		Username: "alice", Realm: "example.com", Nonce: "n2", Method: "REGISTER", URI: "sip:example.com", QOP: "auth", NC: "00000003", CNonce: "c",
	}
	around := Around{
		Method: "REGISTER", RequestURI: "sip:192.0.2.1;lr", Users: []string{"1000"},
		Challenges: []sip.Challenge{{Realm: []byte("asterisk"), Nonce: []byte("n1")}, {Realm: []byte("example.com"), Nonce: []byte("n2")}},
	}
	as := func(change func(in *Input)) Input { in := sent; change(&in); return in }
	for _, c := range []struct {
		name     string
		in       Input // that the client computed with
		password string
		want     Check
	}{
		{"right", sent, "pass", Check{Result: Matches}},
		{"wrong password", sent, "other", Check{Result: NoMatch}},
		{"realm of another challenge", as(func(in *Input) { in.Realm = "asterisk" }), "pass", Check{FieldDiffers, FieldRealm, "example.com", "asterisk"}},
		{"Request-URI", as(func(in *Input) { in.URI = "sip:192.0.2.1;lr" }), "pass", Check{FieldDiffers, FieldURI, "sip:example.com", "sip:192.0.2.1;lr"}},
		{"method", as(func(in *Input) { in.Method = "INVITE" }), "pass", Check{FieldDiffers, FieldMethod, "REGISTER", "INVITE"}},
		{"nonce of another challenge", as(func(in *Input) { in.Nonce = "n1" }), "pass", Check{FieldDiffers, FieldNonce, "n2", "n1"}},
		{"nc", as(func(in *Input) { in.NC = "00000001" }), "pass", Check{FieldDiffers, FieldNC, "00000003", "00000001"}},
		{"cnonce", as(func(in *Input) { in.CNonce = "" }), "pass", Check{FieldDiffers, FieldCNonce, "c", ""}},
		{"qop ignored", as(func(in *Input) { in.QOP = "" }), "pass", Check{FieldDiffers, FieldQOP, "auth", ""}},
		{"algorithm", as(func(in *Input) { in.Algorithm = "SHA-256" }), "pass", Check{FieldDiffers, FieldAlgorithm, "", "SHA-256"}},
		{"session algorithm", as(func(in *Input) { in.Algorithm = "MD5-sess" }), "pass", Check{FieldDiffers, FieldAlgorithm, "", "MD5-sess"}},
		{"user with domain", as(func(in *Input) { in.Username = "alice@example.com" }), "pass", Check{FieldDiffers, FieldUsername, "alice", "alice@example.com"}},
		{"user of From", as(func(in *Input) { in.Username = "1000" }), "pass", Check{FieldDiffers, FieldUsername, "alice", "1000"}},
		{"no password", sent, "", Check{FieldDiffers, FieldPassword, "", "an empty one"}},
		{"blank behind", sent, "pass ", Check{FieldDiffers, FieldPassword, "", "the given one with a blank behind"}},
		{"another's", sent, "hers", Check{FieldDiffers, FieldPassword, "", "the one given for bob@example.com"}},
	} {
		response, ok := Response(&c.in, c.password)
		if !ok {
			t.Fatal(c.name)
		}
		cred := sip.Credentials{
			Scheme: []byte("Digest"), Username: []byte(sent.Username), Realm: []byte(sent.Realm), Nonce: []byte(sent.Nonce), URI: []byte(sent.URI),
			QOP: []byte(sent.QOP), NC: []byte(sent.NC), CNonce: []byte(sent.CNonce), Response: []byte(strings.ToUpper(response)),
		}
		for _, account := range []string{"alice", "alice@example.com", "alice@elsewhere.example"} {
			s := secrets(t, account+":pass", "bob@example.com:hers", "carol:pass2")
			if got := s.Verify(&cred, &around); got != c.want {
				t.Errorf("%s, secret of %s: %+v, want %+v", c.name, account, got, c.want)
			}
		}
		if got := secrets(t, "bob:pass").Verify(&cred, &around); got.Result != Unknown {
			t.Errorf("%s: %+v with no password for the account", c.name, got)
		}
	}
	aka := sip.Credentials{Scheme: []byte("Digest"), Username: []byte("alice"), Algorithm: []byte("AKAv1-MD5"), Response: []byte("00")}
	if got := secrets(t, "alice:x").Verify(&aka, &around); got.Result != NotComputed {
		t.Errorf("AKA: %+v", got)
	}
	integrity := sip.Credentials{Scheme: []byte("Digest"), Username: []byte("alice"), QOP: []byte("auth-int"), Response: []byte("00")}
	if got := secrets(t, "alice:x").Verify(&integrity, &Around{BodyCut: true}); got.Result != NotComputed {
		t.Errorf("auth-int without the body: %+v", got)
	}
	if got := (*Secrets)(nil).Verify(&aka, &around); got.Result != Unknown {
		t.Errorf("%+v", got)
	}
}

func TestAdd(t *testing.T) {
	s := new(Secrets)
	if err := s.AddFile([]byte("# accounts\n\nalice:a:b@c\r\nbob@example.com: x \ncarol@example.com@realm:\n")); err != nil {
		t.Fatal(err)
	}
	want := []secret{{"alice", "a:b@c"}, {"bob@example.com", " x "}, {"carol@example.com@realm", ""}}
	if len(s.list) != len(want) {
		t.Fatalf("%d", len(s.list))
	}
	for i := range want {
		if s.list[i] != want[i] {
			t.Errorf("%d: another secret than %q", i, want[i].account)
		}
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(verb, s); got != "3 passwords" {
			t.Errorf("%s prints %q", verb, got)
		}
	}
	for _, bad := range []string{"hunter2", ":hunter2", "@realm:hunter2"} {
		err := new(Secrets).AddFile([]byte("#\n" + bad))
		if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.HasPrefix(err.Error(), "line 2: ") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	full := &Secrets{list: make([]secret, maxSecrets)}
	if err := full.Add("alice:hunter2"); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("full: %v", err)
	}
}
