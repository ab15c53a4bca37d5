package main

import "strings"

// Truth is what is true of a capture. Every message belongs to something that ends inside the capture.
type Truth struct {
	Seed              uint64         `json:"seed"`
	Transport         string         `json:"transport"`
	Messages          int            `json:"messages"`
	Calls             int            `json:"calls"`
	Registrations     int            `json:"registrations"`
	Transactions      int            `json:"transactions"`
	Requests          map[string]int `json:"requests"`  // by method, repeats included
	Responses         map[string]int `json:"responses"` // by code, repeats included
	Retransmissions   int            `json:"retransmissions"`
	CallsByOutcome    map[string]int `json:"calls_by_outcome"`
	CallsByCode       map[string]int `json:"calls_by_code"`
	CallsByCause      map[string]int `json:"calls_by_cause"` // root cause; "none" for calls that succeeded
	RegistrationsByID map[string]int `json:"registrations_by_cause"`
}

// sum derives the truth from how often each scenario was played: all were played to their end.
func sum(table []scenario, played []int, seed uint64, tcp bool) *Truth {
	t := &Truth{
		Seed: seed, Transport: transport("{t}", tcp), Requests: map[string]int{}, Responses: map[string]int{},
		CallsByOutcome: map[string]int{}, CallsByCode: map[string]int{}, CallsByCause: map[string]int{}, RegistrationsByID: map[string]int{},
	}
	for i := range table {
		s, n := &table[i], played[i]
		if n == 0 {
			continue
		}
		for _, st := range s.steps {
			t.Messages += n
			if code, ok := strings.CutPrefix(st.text, "SIP/2.0 "); ok {
				t.Responses[code[:3]] += n
			} else {
				method, _, _ := strings.Cut(st.text, " ")
				t.Requests[method] += n
			}
			if st.again {
				t.Retransmissions += n
			}
		}
		cause := s.cause
		if cause == "" {
			cause = "none"
		}
		switch s.kind {
		case aCall:
			t.Calls += n
			t.CallsByOutcome[s.outcome] += n
			t.CallsByCode[itoa(s.code)] += n
			t.CallsByCause[cause] += n
		case aRegistration:
			t.Registrations += n
			t.RegistrationsByID[cause] += n
		case aTransaction:
			t.Transactions += n
		}
	}
	return t
}
