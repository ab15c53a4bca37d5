package diagnose

var dialogRules = []rule{}
