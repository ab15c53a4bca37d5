package diagnose

var capabilityRules = []rule{}
