package diagnose

var retryRules = []rule{}
