package sdp

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// corpora is where real captures lie beside a developer's checkout; a fresh clone does without.
const corpora = "../../shared/corpora"

// descriptions matches bodies inside whatever holds them, captures included.
var descriptions = regexp.MustCompile(`v=0\r\n(?:[a-z]=[^\r\n]*\r\n)+`)

// TestCorpora reads every description found in real traffic twice: the second time into memory used for
// the others. Healthy phones must not be called malformed.
func TestCorpora(t *testing.T) {
	var files, bodies, odd int
	used := new(Session)
	err := filepath.WalkDir(corpora, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		for _, body := range descriptions.FindAll(b, -1) {
			bodies++
			fresh := parse(t, body)
			used.Parse(body)
			if got, want := dump(used), dump(fresh); got != want {
				t.Errorf("%s: used memory gives\n%s\nfresh memory gives\n%s", path, got, want)
			}
			if lines := bytes.Count(body, []byte("\r\nm=")); len(fresh.Media) != lines {
				t.Errorf("%s: %d streams of %d", path, len(fresh.Media), lines)
			}
			if d := fresh.Malformed(); d != nil {
				odd++
				t.Logf("%s: line %d %s: %q", filepath.Base(path), d.Line, d.Rule, d.Text)
			}
		}
		return nil
	})
	if os.IsNotExist(err) {
		t.Skip("no corpora here")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d files, %d descriptions, %d malformed", files, bodies, odd)
	if bodies == 0 {
		t.Error("corpora without any description")
	}
}

// TestAdvisories reads the two descriptions of published advisories (written anew after ES2018-03 and
// ES2020-04): they crashed others.
func TestAdvisories(t *testing.T) {
	format := body("v=0", "o=- 1061502179 1061502179 IN IP4 192.0.2.1", "s=Asterisk", "c=IN IP4 192.0.2.2",
		"m=audio 17002 RTP/AVP 4294967296")
	s := parse(t, format)
	if diff := cmp.Diff([]string{"5 media-format", "0 time-missing"}, rules(s)); diff != "" {
		t.Errorf("payload type of 33 bits (-want +got):\n%s", diff)
	}
	if f := s.Media[0].Formats; len(f) != 1 || f[0].PayloadType != -1 || f[0].String() != "4294967296" {
		t.Errorf("formats %+v", f)
	}
	address := body("v=0", "o=- 1600157102 1600157102 IN IP4 192.0.2.1", "s=-", "c=IN IP4 127.0.0."+string(bytes.Repeat([]byte("1"), 512)),
		"t=0 0", "m=audio 9999 RTP/AVP 8 0 96 101", "a=rtpmap:8 PCMA/8000/1", "a=rtpmap:0 PCMU/8000/1",
		"a=rtpmap:96 opus/96000/2", "a=rtpmap:101 telephone-event/8000/1", "a=sendrecv")
	s = parse(t, address)
	if diff := cmp.Diff([]string{"4 connection-address", "9 rtpmap-opus"}, rules(s)); diff != "" {
		t.Errorf("address of 521 bytes (-want +got):\n%s", diff)
	}
	if len(s.Defects[0].Text) > quoteLimit || s.Media[0].Connection.Addr.IsValid() {
		t.Errorf("defect %+v", s.Defects[0])
	}
}

// FuzzSession holds what every consumer may rely on, for any input.
func FuzzSession(f *testing.F) {
	for _, seed := range [][]byte{
		typical, browser, withHead("m=image 6022 udptl t38"), withHead("m=audio 1 RTP/AVP 4294967296"), []byte("v=0\nm="),
		[]byte("m=audio 1/2 RTP/SAVP 0\ra=crypto:1 X inline:y"), withHead("m=audio 1 RTP/AVP 0", "c=IN IP4 "+string(bytes.Repeat([]byte("1"), 512))),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		before := slices.Clone(b)
		s := new(Session)
		s.Parse(typical)
		ok := s.Parse(b)
		if !bytes.Equal(b, before) {
			t.Fatal("the body was written to")
		}
		if !ok && len(s.Media) > 0 {
			t.Fatal("streams of no description")
		}
		if len(s.Media) > MaxMedia || len(s.Defects) > MaxDefects || len(s.Bandwidth) > MaxBandwidth {
			t.Fatal("a bound is broken")
		}
		fresh := new(Session)
		if fresh.Parse(b) != ok || dump(fresh) != dump(s) {
			t.Fatal("what was parsed before shines through")
		}
		for i := range s.Media {
			m := &s.Media[i]
			if m.Port < -1 || m.Port > 65535 || m.RTCPPort < 0 || m.RTCPPort > 65535 || m.DTMF > 127 {
				t.Fatalf("port or payload type out of range: %+v", m)
			}
			if ok && m.Direction == DirectionUnset {
				t.Fatal("no direction in force")
			}
			if len(m.Formats) > MaxFormats || len(m.Candidates) > MaxCandidates || len(m.Crypto) > MaxCrypto {
				t.Fatal("a bound is broken")
			}
			CodecList(m)
		}
		for _, d := range s.Defects {
			if d.Offset < 0 || d.Offset > len(b) || d.Line < 0 || d.Ref == "" {
				t.Fatalf("defect %+v", d)
			}
		}
		Compare(s, fresh).AllRejected()
		if found, ok := FindSDP([]byte("multipart/mixed"), b); ok && len(found) > len(b) {
			t.Fatal("more found than there is")
		}
	})
}

func BenchmarkParse(b *testing.B) {
	for name, body := range map[string][]byte{"typical": typical, "browser": browser} {
		b.Run(name, func(b *testing.B) {
			s := new(Session)
			b.ReportAllocs()
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				s.Parse(body)
			}
		})
	}
}
