package diagnose

import "sipcause/internal/finding"

// RuleIDs returns the findings that the table has rules for.
func RuleIDs() []finding.ID {
	var ids []finding.ID
	for i := range rules {
		ids = append(ids, rules[i].id)
	}
	return ids
}

// CaptureRuleIDs returns the findings about the capture as a whole that the table has rules for.
func CaptureRuleIDs() []finding.ID {
	var ids []finding.ID
	for i := range captureRules {
		ids = append(ids, captureRules[i].id)
	}
	return ids
}
