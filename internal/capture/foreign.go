package capture

import (
	"bytes"
	"fmt"
	"regexp"
	"unicode/utf8"
)

// FormatError says that a file is no capture: Found is what it looks like.
type FormatError struct{ Name, Found string }

func (e *FormatError) Error() string {
	return "read " + e.Name + ": expected a capture (pcap, pcapng, or a text trace with SIP messages in it, plain or compressed with gzip or zstd), found " + e.Found
}

// foreignMagic are beginnings of what people hand over by mistake, and of captures that are not read.
var foreignMagic = []struct {
	offset int
	magic  string
	name   string
}{
	{0, "snoop\x00\x00\x00", "snoop capture (Solaris)"},
	{0, "\xa1\xb2\xcd\x34", "pcap in Kuznetzov's modification"},
	{0, "\x34\xcd\xb2\xa1", "pcap in Kuznetzov's modification"},
	{0, "GMBU", "Microsoft Network Monitor 2 capture"},
	{0, "RTSS", "Microsoft Network Monitor 1 capture"},
	{0, "\x13\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "Microsoft event trace (ETL)"},
	{0, "TRSNIFF data", "Sniffer capture (DOS)"},
	{0, "XCP\x00", "NetXRay or Sniffer capture (Windows)"},
	{0, "iptrace ", "iptrace capture (AIX)"},
	{0, "\x7fver", "EtherPeek or OmniPeek capture"},
	{0, "btsnoop\x00", "Bluetooth HCI capture"},
	{0, "RTPtools", "RTP dump"},
	{0, "#!rtpplay", "RTP dump"},
	{0, "\x1f\x8b", "gzip"},
	{0, "\x28\xb5\x2f\xfd", "zstd"},
	{0, "BZh", "bzip2"},
	{0, "\xfd7zXZ\x00", "xz"},
	{0, "\x04\x22\x4d\x18", "lz4"},
	{0, "\x1f\x9d", "compress (.Z)"},
	{0, "PK\x03\x04", "ZIP archive"},
	{0, "7z\xbc\xaf\x27\x1c", "7-Zip archive"},
	{0, "Rar!\x1a\x07", "RAR archive"},
	{257, "ustar", "tar archive"},
	{0, "\x7fELF", "ELF executable"},
	{0, "MZ", "Windows executable"},
	{0, "\xcf\xfa\xed\xfe", "Mach-O executable"},
	{0, "\xca\xfe\xba\xbe", "Mach-O executable or Java class"},
	{0, "#!", "script"},
	{0, "SQLite format 3\x00", "SQLite database"},
	{0, "%PDF-", "PDF"},
	{0, "\x89PNG\r\n", "PNG picture"},
	{0, "GIF8", "GIF picture"},
	{0, "\xff\xd8\xff", "JPEG picture"},
	{0, "RIFF", "RIFF (audio or video)"},
	{0, "OggS", "Ogg (audio or video)"},
	{0, ".snd", "AU audio"},
	{0, "\xff\xfe", "text in UTF-16"},
	{0, "\xfe\xff", "text in UTF-16"},
}

// foreignText are what lines of text look like.
var foreignText = []struct {
	line *regexp.Regexp
	name string
}{
	{regexp.MustCompile(`(?m)^\S+ \S+ \S+ \[[^\]]+\] "[A-Z]+ \S+ HTTP/`), "text: looks like an HTTP log"},
	{regexp.MustCompile(`(?m)^HTTP/\d|^(GET|POST|HEAD|PUT) \S+ HTTP/\d`), "text: looks like HTTP"},
	{regexp.MustCompile(`(?m)SIP/2\.0`), "text: looks like a SIP trace, but no message with a header could be read in it"},
	{regexp.MustCompile(`^\s*(?i:<!DOCTYPE html|<html)`), "HTML"},
	{regexp.MustCompile(`^\s*<\?xml`), "XML"},
	{regexp.MustCompile(`^\s*[\[{]\s*["\[{\]}]`), "JSON"},
	{regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d\.\d+ (IP6?|ARP) `), "text: looks like the output of tcpdump"},
	{regexp.MustCompile(`(?m)^[0-9a-f]{4,8}:?(\s+[0-9a-f]{2,4}){4,}`), "text: looks like a hex dump"},
	{regexp.MustCompile(`(?m)^\w{3} [ \d]\d \d\d:\d\d:\d\d \S+ `), "text: looks like a system log"},
}

// foreign names what begins with b, which is no capture.
func foreign(b []byte) string {
	if len(b) == 0 {
		return "empty file"
	}
	if len(b) >= 4 && len(b) < pcapHeader {
		if _, scale := pcapMagic(b); scale != 0 {
			return "pcap cut short within its file header"
		}
	}
	if kind := foreignKind(b); kind != "" {
		return kind
	}
	if len(bytes.Trim(b, "\x00")) == 0 {
		return "zeros"
	}
	if isText(b) {
		for _, t := range foreignText {
			if t.line.Match(b) {
				return t.name
			}
		}
		return "text"
	}
	return fmt.Sprintf("data of an unknown kind that begins with % x", b[:min(len(b), 8)])
}

// foreignKind names what b begins with by its magic, "" if it has none.
func foreignKind(b []byte) string {
	for _, m := range foreignMagic {
		if len(b) > m.offset && bytes.HasPrefix(b[m.offset:], []byte(m.magic)) {
			return m.name
		}
	}
	return ""
}

// isText says whether b is text, cut anywhere.
func isText(b []byte) bool {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 && (len(b) >= utf8.UTFMax || utf8.FullRune(b)) {
			return false
		}
		if r < ' ' && r != '\t' && r != '\r' && r != '\n' && r != '\f' && r != '\x1b' {
			return false
		}
		b = b[n:]
	}
	return true
}
