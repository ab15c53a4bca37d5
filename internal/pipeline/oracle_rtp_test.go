package pipeline_test

import (
	"context"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"sipcause/internal/call"
	"sipcause/internal/capture"
	"sipcause/internal/pipeline"
	"sipcause/internal/view"
)

// rtpLine is one stream of tshark -z rtp,streams: addresses and ports, SSRC, packets, lost, mean and greatest jitter.
var rtpLine = regexp.MustCompile(`^\s*[\d.]+\s+[\d.]+\s+(\S+)\s+(\d+)\s+(\S+)\s+(\d+)\s+0x([0-9A-F]+)\s+(.+?)\s+(\d+)\s+(-?\d+) \([-\d.]+%\)\s+\S+\s+\S+\s+\S+\s+\S+\s+(\S+)\s+(\S+)`)

// rtpStream is what tshark says of a stream.
type rtpStream struct {
	packets, lost uint64
	mean, worst   float64
	payloads      string
	times         int // how often the name was listed: a stream that was cut in two is not compared
}

func streamName(src, dst string, ssrc uint32) string {
	return fmt.Sprintf("%s>%s %08X", src, dst, ssrc)
}

// rtpStreams asks tshark about a capture.
func rtpStreams(path string) (map[string]rtpStream, error) {
	out, err := exec.Command("tshark", "-n", "--enable-heuristic", "rtp_udp", "-r", path, "-q", "-z", "rtp,streams").Output()
	if err != nil && len(out) == 0 {
		return nil, err
	}
	list := map[string]rtpStream{}
	for line := range strings.Lines(string(out)) {
		f := rtpLine.FindStringSubmatch(line)
		if f == nil || strings.HasPrefix(f[8], "-") {
			continue // packets captured twice: tshark counts them as found again
		}
		ssrc, _ := strconv.ParseUint(f[5], 16, 32)
		s := rtpStream{payloads: f[6]}
		s.packets, _ = strconv.ParseUint(f[7], 10, 64)
		s.lost, _ = strconv.ParseUint(f[8], 10, 64)
		s.mean, _ = strconv.ParseFloat(f[9], 64)
		s.worst, _ = strconv.ParseFloat(f[10], 64)
		name := streamName(f[1]+":"+f[2], f[3]+":"+f[4], uint32(ssrc))
		s.times = list[name].times + 1
		list[name] = s
	}
	return list, nil
}

// TestTsharkRTP holds packets, loss and jitter of the streams bound to calls against tshark's. What the two measure
// differently on purpose is left out: packets captured twice, restarts, pauses, events and comfort noise, video.
func TestTsharkRTP(t *testing.T) {
	version, err := tsharkVersion()
	if err != nil || !strings.HasPrefix(version, tsharkSeries) {
		t.Skipf("tshark 4.0 is not installed (%s): nothing to compare the streams with", version)
	}
	var files []string
	for _, pattern := range []string{capturesDir + "/*/capture.pcap", corporaDir + "/pcap/*"} {
		some, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, some...)
	}
	counted, measured := 0, 0
	for _, path := range files {
		src, err := capture.Open([]string{path}, nil)
		if err != nil {
			continue // no capture: TestTshark looks at those
		}
		var said map[string]rtpStream
		_, err = pipeline.Run(context.Background(), src, pipeline.Options{}, func(c *view.Case) error {
			for i := range c.Call.Media {
				s := &c.Call.Media[i]
				if s.RTCP {
					continue
				}
				if said == nil {
					if said, err = rtpStreams(path); err != nil {
						return err
					}
				}
				theirs, ok := said[streamName(s.Src.String(), s.Dst.String(), s.SSRC)]
				if !ok || theirs.times != 1 || s.RTP.Duplicates+s.RTP.Restarts > 0 {
					continue
				}
				counted++
				if s.Packets != theirs.packets || s.RTP.Lost() != theirs.lost {
					t.Errorf("%s: %s>%s: %d packets, %d lost; tshark says %d, %d", path, s.Src, s.Dst, s.Packets, s.RTP.Lost(), theirs.packets, theirs.lost)
				}
				if !measuredAlike(s, &theirs) {
					continue
				}
				measured++
				if math.Abs(s.Jitter-theirs.mean) > 0.02+theirs.mean/100 || math.Abs(s.JitterMax-theirs.worst) > 0.02+theirs.worst/100 {
					t.Errorf("%s: %s>%s: jitter %.3f, %.3f ms; tshark says %.3f, %.3f", path, s.Src, s.Dst, s.Jitter, s.JitterMax, theirs.mean, theirs.worst)
				}
			}
			return nil
		})
		if err != nil {
			t.Logf("%s: %v", path, err)
		}
	}
	t.Logf("%d captures: %d streams counted, %d of them measured alike", len(files), counted, measured)
	if counted == 0 || measured == 0 {
		t.Error("no stream was compared")
	}
}

// measuredAlike says whether both take every packet of the stream for its jitter, by the same clock.
func measuredAlike(s *call.Stream, theirs *rtpStream) bool {
	c := s.RTP
	return s.Jitter >= 0 && s.ClockRate != 90000 && c.Pauses+c.Holes == 0 && c.Types[1].Packets == 0 && !strings.Contains(theirs.payloads, ",")
}
