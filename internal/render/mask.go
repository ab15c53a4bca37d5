package render

import (
	"bytes"
	"regexp"
	"strings"
)

// masked stands for a secret that a page does not show.
const masked = "••••••"

var (
	digestResponse = regexp.MustCompile(`(?i)(\bresponse\s*=\s*)("[^"]*"?|[^\s,]+)`)
	otherSecret    = regexp.MustCompile(`(?is)^(\s*\S+\s+)(.+)$`)
	sdpSecret      = regexp.MustCompile(`(?i)(\binline:|^k=\w+:|^a=ice-pwd:)[^\s|;]+`)
	uriPassword    = regexp.MustCompile(`(?i)(\bsips?:[^\s:@<>,;]+:)[^\s@<>,]+@`)
)

// maskSecrets returns a message without what lets its reader in somewhere: the digest response of Authorization
// and Proxy-Authorization (realm and nonce stay: they are what one looks for), credentials of any other scheme
// whole, passwords in SIP URIs (RFC 3261 §19.1.1), and of SDP the SDES master keys (RFC 4568 §6.1), k= keys (RFC 8866 §5.12)
// and ICE passwords (RFC 8839 §5.4). raw is not changed.
func maskSecrets(raw []byte) []byte {
	var out []byte
	header := true
	for len(raw) > 0 {
		line := foldedLine(raw, header)
		raw = raw[len(line):]
		switch {
		case !header:
			line = sdpSecret.ReplaceAll(line, []byte("${1}"+masked))
		case len(bytes.TrimRight(line, "\r\n")) == 0:
			header = len(out) == 0
		case isCredentials(line):
			line = maskCredentials(line)
		default:
			line = maskURIs(line)
		}
		out = append(out, line...)
	}
	return out
}

// foldedLine returns the first line of b with its end, and the lines that continue it (RFC 3261 §7.3.1).
func foldedLine(b []byte, folded bool) []byte {
	n := 0
	for {
		end := bytes.IndexByte(b[n:], '\n')
		if end < 0 {
			return b
		}
		n += end + 1
		if !folded || n == len(b) || b[n] != ' ' && b[n] != '\t' || len(bytes.TrimRight(b[:n], "\r\n")) == 0 {
			return b[:n]
		}
	}
}

func isCredentials(line []byte) bool {
	name, _, ok := bytes.Cut(line, []byte(":"))
	name = bytes.TrimSpace(name)
	return ok && (bytes.EqualFold(name, []byte("Authorization")) || bytes.EqualFold(name, []byte("Proxy-Authorization")))
}

func maskCredentials(line []byte) []byte {
	name, value, _ := bytes.Cut(line, []byte(":"))
	end := value[len(bytes.TrimRight(value, "\r\n")):]
	return bytes.Join([][]byte{name, []byte(":"), maskCredentialsValue(bytes.TrimRight(value, "\r\n")), end}, nil)
}

func maskCredentialsValue(value []byte) []byte {
	if scheme := bytes.TrimSpace(value); len(scheme) >= 6 && bytes.EqualFold(scheme[:6], []byte("digest")) {
		return digestResponse.ReplaceAll(value, []byte("${1}"+masked))
	}
	return otherSecret.ReplaceAll(value, []byte("${1}"+masked))
}

var (
	logCredentials = regexp.MustCompile(`(?i)(\bauthorization["']?[ \t]*[:=][ \t]*["']?)([^\r\n]+)`)
	logDigest      = regexp.MustCompile(`(?i)\bdigest\b`)
	logKey         = regexp.MustCompile(`(?i)(\binline:|\bk=\w+:|\ba=ice-pwd:)[^\s|;\\]+`)
	logPassword    = regexp.MustCompile(`(?i)(\b\w*(?:passw(?:or)?d|passwd|passphrase|pwd|secret|ha1)["']?\s*(?:=>|[:=])\s*["']?)[^\s"',;&]+`)
)

// maskLog is maskSecrets for a line of a log, which may hold parts of a message anywhere; passwords in words of their own
// go too. text is not changed.
func maskLog(text []byte) []byte {
	text = logCredentials.ReplaceAllFunc(text, func(m []byte) []byte {
		at := logCredentials.FindSubmatchIndex(m)
		return append(bytes.Clone(m[:at[3]]), maskCredentialsValue(m[at[4]:])...)
	})
	if logDigest.Match(text) {
		text = digestResponse.ReplaceAll(text, []byte("${1}"+masked))
	}
	text = logKey.ReplaceAll(text, []byte("${1}"+masked))
	text = logPassword.ReplaceAll(text, []byte("${1}"+masked))
	return maskURIs(text)
}

// maskRewrite is maskSecrets for one side of what was rewritten.
func maskRewrite(what string, side []byte) []byte {
	switch {
	case side == nil:
		return nil
	case strings.HasPrefix(what, "sdp "):
		return sdpSecret.ReplaceAll(side, []byte("${1}"+masked))
	case isCredentials([]byte(what + ":")):
		return maskCredentialsValue(side)
	}
	return maskURIs(side)
}

func maskURIs(b []byte) []byte { return uriPassword.ReplaceAll(b, []byte("${1}"+masked+"@")) }
